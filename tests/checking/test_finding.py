"""One table of the check: what is compared with what, and when an entry is wrong. Oracle: the definition, by hand."""

import numpy as np
from loops import for_each

from d2lbptt.checking.finding import Comparison, Finding, Key, any_wrong, compare


@for_each(
    ("tested", "answers", "tolerance", "reference", "ratio"),
    [
        (1.5, [1.0], 0.25, 1.0, 2.0),
        (1.5, [1.0], 0.5, 1.0, 1.0),
        (1.5, [1.0, 2.0], 0.1, 1.5, 0.0),  # between two right answers
        (2.5, [2.0, 1.0], 0.25, 2.0, 2.0),
        (0.5, [1.0, 2.0, 1.5], 0.25, 1.0, 2.0),
        (1.5, [1.0], np.inf, 1.0, 0.0),
        (1.5, [1.0], np.nan, 1.0, 0.0),  # what has no tolerance cannot be judged
        (np.nan, [1.0], 1.0, np.nan, np.inf),
        (np.inf, [1.0], np.inf, 1.0, np.inf),  # and what is no number agrees with nothing
    ],
)
def test_an_entry_is_compared_with_the_nearest_right_one(tested, answers, tolerance, reference, ratio):
    compared = Comparison.of(np.array([tested]), [np.array([a]) for a in answers], np.array([tolerance]))
    np.testing.assert_array_equal(compared.reference, [reference])
    np.testing.assert_array_equal(compared.ratio, [ratio])
    assert compared.is_wrong == (ratio > 1)
    np.testing.assert_array_equal(compared.detection_limit, [tolerance])


def test_another_tolerance_changes_the_ratio_and_not_what_would_have_shown():
    wide = Comparison.of(np.array([3.0]), [np.array([1.0])], np.array([0.5])).within(np.array([4.0]))
    assert wide.ratio.tolist() == [0.5] and wide.tolerance.tolist() == [4.0] and wide.detection_limit.tolist() == [0.5]


def finding(**wrong):
    """W_hh by step and b_h as a sum, all right but for what is given: a factor by name."""
    right = {Key("W_hh", True): np.ones((3, 2, 2)), Key("W_hh"): np.full((2, 2), 3.0), Key("b_h"): np.ones(2)}
    tested = {key: wrong.get(key.name, 1) * table for key, table in right.items()}
    return right, Finding(compare(tested, [right], {key: np.full(table.shape, 0.1) for key, table in right.items()}))


def test_what_is_wrong_and_what_was_given():
    right, none = finding()
    assert not any_wrong(none.comparisons) and none.wrong == [] and none.wrong_names == []
    _, both = finding(W_hh=2, b_h=2)
    assert any_wrong(both.comparisons) and both.wrong == list(right) and both.wrong_names == ["W_hh", "b_h"]
    assert both.given == [Key("W_hh", True), Key("b_h")] and not both.only_sums
    sums = Finding({key: compared for key, compared in both.comparisons.items() if not key.steps})
    assert sums.only_sums and sums.given == [Key("W_hh"), Key("b_h")]
    assert all(np.array_equal(both.reference[key], table) for key, table in right.items())


def test_another_gradient_fits_where_it_agrees_and_has_something_wrong():
    right, one = finding(W_hh=2)
    doubled = {key: (2 if key.name == "W_hh" else 1) * table for key, table in right.items()}
    assert one.fits(doubled) and one.fits({Key("W_hh"): doubled[Key("W_hh")], Key("h0"): np.zeros(2)})
    assert not one.fits(right) and not one.fits({Key("b_h"): right[Key("b_h")]})
    assert not one.fits(doubled | {Key("b_h"): np.full(2, np.nan)})
