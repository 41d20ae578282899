"""The benchmark of gradient checkers, ours alone and on a seed that it does not use itself."""

import pytest

from benchmarks import checkers

pytestmark = pytest.mark.slow  # a minute


@pytest.fixture(scope="module")
def outcomes():
    return checkers.run(("ours",), seeds=(31,))


def test_every_regime_and_every_mistake_is_there(outcomes):
    assert len(checkers.REGIMES) == 9 and not set(checkers.SEEDS) & {31}
    assert {o.regime for o in outcomes} == {*checkers.REGIMES, *checkers.CROSS_ENTROPY}
    assert {o.dtype for o in outcomes} == {"float64", "float32"}
    assert len({o.bug for o in outcomes}) >= 15 and sum(o.counts for o in outcomes) > 500


def test_no_false_alarm_no_miss_no_wrong_name(outcomes):
    assert not checkers.false_alarms(outcomes)
    assert not checkers.misses(outcomes)
    assert not checkers.wrong_names(outcomes)


def test_it_is_blind_nowhere_in_the_tame_regimes(outcomes):
    assert not [o for o in checkers.blind(outcomes) if o.regime in checkers.NEVER_BLIND]


def test_what_is_done_to_a_right_gradient_is_found_and_said():
    said = checkers.done(("ours",), seeds=(31,))
    assert {one.case for one in said} == {"right", *checkers.DONE} and not set(checkers.DONE_SEEDS) & {31}
    assert all(one.verdict == ("PASS" if one.gradient == "right" else "FAIL") for one in said)
    assert not [one for one in said if one.complaint]


def test_badly_calculated_functions_give_no_false_verdict():
    said = checkers.badly(("ours",), seeds=range(31, 36))
    assert {one.case for one in said} == set(checkers.BADLY)
    assert not [one for one in said if one.verdict == ("FAIL" if one.gradient == "right" else "PASS")]
