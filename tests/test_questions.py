"""The readers' questions: every verdict holds, and every statement behind it can fail.

Oracles: torch's autograd with detached states for Q11, the evidence bent by hand for all.
"""

import re
import subprocess
import sys
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from d2lbptt import questions as module
from d2lbptt.equations import equation
from d2lbptt.questions import RECORDS, Evidence, Question, Table, question, questions, shown

VERDICTS = {
    "right": {"Q3", "Q4", "Q6", "Q7", "Q13", "Q15", "Q16"},
    "wrong": {"Q8", "Q9", "Q11", "Q14"},
    "right, with a condition": {"Q1", "Q2", "Q5", "Q17", "Q18"},
    "a matter of notation": {"Q10"},
    None: {"Q12"},
}
KEYS = [f"Q{n}" for n in range(1, 19)]
SETTLED = [key for key in KEYS if key != "Q12"]


@cache
def answered(key):
    return question(key).answer()


def but(evidence, **changes):
    return Evidence(**{**vars(evidence), **changes})


@pytest.mark.parametrize("key", KEYS)
def test_the_evidence_supports_the_verdict(key):
    answer = answered(key)
    assert key in VERDICTS[answer.verdict]
    assert all(bool(s.holds) is s.said for s in answer.statements)
    assert answer.question.because in str(answer) and answer.question.because in answer._repr_markdown_()


def test_there_are_18_questions_and_17_verdicts():
    assert [record.key for record in questions()] == KEYS
    assert sum(record.verdict is not None for record in RECORDS) == 17
    assert set().union(*VERDICTS.values()) == set(KEYS)


def test_the_pointer_says_that_the_solutions_come_later():
    assert answered("Q12").statements == ()
    assert "later" in question("Q12").because


@pytest.mark.parametrize("key", SETTLED)
def test_no_other_verdict_would_pass(key):
    evidence = answered(key).evidence
    for verdict in set(VERDICTS) - {question(key).verdict}:
        with pytest.raises(AssertionError, match=f"{key}: the verdict is {verdict!r}, but the evidence says"):
            replace(question(key), verdict=verdict).judge(evidence)


# --- evidence that is bent, so that each statement is false at least once ---


def flipped(e, name, key, value):
    """The evidence with one entry of a dictionary changed."""
    return but(e, **{name: {**getattr(e, name), key: value}})


def nudged(pair):
    """A pair of arrays, one entry of the first moved by one unit in the last place."""
    first = np.array(pair[0])
    first.flat[0] = np.nextafter(first.flat[0], np.inf)
    return first, pair[1]


def missing_tanh(e):
    yield flipped(e, "checks", ("tanh", "identity"), "PASS")
    yield flipped(e, "checks", ("identity", "identity"), "FAIL")
    yield flipped(e, "checks", ("tanh", "tanh"), "BLIND")
    yield flipped(e, "checks", ("identity", "tanh"), "PASS")


def ranges(e):
    yield but(e, counted_back=e.as_quoted)
    yield but(e, as_quoted=e.counted_back)
    yield but(e, matrices=e.in_order)
    yield but(e, one_unit=e.as_quoted)
    yield but(e, in_order=e.matrices)
    yield but(e, matrices=e.as_quoted)  # refuted, but for one unit already


def biases(e):
    yield from (flipped(e, "exact", name, nudged(pair)) for name, pair in e.exact.items())
    yield flipped(e, "tanh", "states", (e.tanh["states"][0] + 1e-9, e.tanh["states"][1]))


def index_of_the_state(e):
    yield but(e, sum=replace(e.sum, corrected=replace(e.sum.corrected, status="refuted")))
    yield but(e, sum=replace(e.sum, status="proved"))
    for words in e.sum.also:
        yield but(e, sum=replace(e.sum, also={**e.sum.also, words: e.sum.corrected}))
    yield but(e, powers=replace(e.powers, layout=e.powers.wrong_layout))


def printed_with_phi(e):
    refuted, proved = e.printed[-1], e.printed[0]
    yield but(e, printed=[refuted, *e.printed[1:]])
    yield but(e, printed=[*e.printed[:5], proved])
    yield but(e, sloped=[*e.sloped[:5], refuted])
    yield but(e, radius=2.0)
    yield flipped(e, "decades", "identity", 0.0)
    yield flipped(e, "decades", "tanh", e.decades["identity"])


def lengths(e):
    growing = np.arange(1, 6)
    for name in ("loss", "gradient"):
        sizes = getattr(e, name)
        yield flipped(e, name, "mean", sizes["mean"] * growing)
        yield flipped(e, name, "sum", sizes["mean"])
    yield flipped(e, "longest", "sum", e.longest["mean"])
    yield but(e, decades=e.decades[:1] * np.ones(5))


def weight_of_the_output(e):
    yield but(e, today=e.misprint)
    yield but(e, old=replace(e.old, corrected=e.misprint))
    yield but(e, misprint=e.today)


def total_and_first_term(e):
    refuted = e.first_term[1]
    yield but(e, first_term=[e.plus] * 4)
    yield but(e, first_term=[refuted, *e.first_term[1:]])
    yield but(e, first_term=[*e.first_term[:3], e.plus])
    yield but(e, plus=refuted)
    yield but(e, apart=e.apart * [1, 1, 0, 1, 1])
    yield but(e, apart=e.apart + 1)
    yield but(e, carried=1e-6)
    yield but(e, from_zero=e.apart)
    yield but(e, relu_off=e.apart)


def with_error(e, name, mixture, value):
    return flipped(e, "errors", name, e.errors[name]._replace(**{mixture: value}))


def routes(e):
    yield with_error(e, "W_hx", "total_state_immediate_loss", 1e-6)
    yield with_error(e, "b_h", "total_state_total_loss", 0.0)
    yield with_error(e, "W_hh", "immediate_state_immediate_loss", 0.0)
    yield but(e, blind=e.errors["W_hh"])


def meanings(e):
    d = e.derivatives
    yield but(e, moving=e.held)
    yield but(e, held=e.moving)
    yield but(e, derivatives=d | {"immediate": d["total"]})
    yield but(e, derivatives=d | {"total": d["immediate"]})
    yield with_error(e, "W_hh", "total_state_immediate_loss", 1e-6)
    yield with_error(e, "W_hh", "total_state_total_loss", 0.0)


def cuts(e):
    g, pairs = e.gradients, e.pairs
    yield flipped(e, "gradients", "loop, state carried", g["every step"])
    yield flipped(e, "gradients", "minibatches", g["window"])
    yield flipped(e, "gradients", "loop, state fresh", g["loop, state carried"])
    yield flipped(e, "pairs", "minibatches", pairs["full"])
    yield flipped(e, "pairs", "window", pairs["minibatches"])
    yield flipped(e, "pairs", "every step", pairs["window"])


def start(e):
    yield but(e, beyond=e.beyond + 1e-300)
    yield but(e, from_T_alone=(0.0, e.from_T_alone[1]))
    yield but(e, upto=(e.upto[0] + 1e-6, e.upto[1]))
    yield but(e, filled=[2 * slope for slope in e.filled])


def output_slopes(e):
    yield but(e, by_phi=e.by_theta)
    yield but(e, by_theta=e.by_phi)
    yield but(e, theta_is_phi=e.by_phi)


def last_state(e):
    yield but(e, known=e.known * 5)  # without 1/T
    yield but(e, moved=2 * e.moved)
    yield but(e, matrices=replace(e.matrices, status="refuted"))


def thousand(e):
    yield but(e, forward=1001)
    yield but(e, backward=1000)
    yield flipped(e, "seconds", 16_000, 256 * e.seconds[1000])
    yield flipped(e, "bytes", 16_000, e.bytes[1000])
    yield flipped(e, "decades", (0.9, 1000), -40.0)
    yield flipped(e, "decades", (1.1, 10_000), 300.0)


def neighbours(e):
    calm, chaotic = e.calm, e.chaotic
    yield but(e, chaotic=calm)
    yield but(e, calm=chaotic)
    yield but(e, calm=but(calm, predicted=2 * calm.predicted))
    yield but(e, chaotic=but(chaotic, predicted=chaotic.measured))


def cost(e):
    yield flipped(e, "multiplications", "sum", e.multiplications["recursion"])
    yield flipped(e, "multiplications", "recursion", e.multiplications["sum"])
    yield but(e, products=e.multiplications["sum"])
    yield but(e, results=(e.results[0] + 1e-6, e.results[1]))
    yield flipped(e, "seconds", "sum", e.seconds["backward"])


BENT = dict(
    zip(
        SETTLED,
        [
            missing_tanh, ranges, biases, index_of_the_state, printed_with_phi, lengths, weight_of_the_output,
            total_and_first_term, routes, meanings, cuts, start, output_slopes, last_state, thousand, neighbours, cost,
        ],
        strict=True,
    )
)  # fmt: skip


@pytest.mark.parametrize("key", SETTLED)
def test_every_statement_can_fail(key):
    answer, fell = answered(key), set()
    for bent in BENT[key](answer.evidence):
        judged = list(question(key).statements(bent))
        false = {s.words for s in judged if bool(s.holds) is not s.said}
        assert false
        with pytest.raises(AssertionError, match=f"{key}: the evidence does not make this (true|false): "):
            question(key).judge(bent)
        fell |= false
    assert fell == {s.words for s in answer.statements}


# --- a model that is wrong, a backward pass that is wrong ---


def halved(function):
    """The same backward pass, with dL/dW_hh at half its size."""

    def gradient(*args, **options):
        g = function(*args, **options)
        return g._replace(W_hh=g.W_hh / 2)

    return gradient


def test_a_wrong_backward_pass_is_noticed(monkeypatch):
    monkeypatch.setattr(module, "backward", halved(module.backward))
    with pytest.raises(AssertionError, match=r"Q1: .* as printed, gradients without its slopes are wrong"):
        question("Q1").answer()


def test_a_wrong_recursion_is_noticed(monkeypatch):
    monkeypatch.setattr(module, "recursion", lambda b, c: b)  # the second term of 9.7.4 is left out
    with pytest.raises(AssertionError, match=r"Q10: .* the total one is not"):
        question("Q10").answer()
    with pytest.raises(AssertionError, match=r"Q18: .* the same numbers"):
        question("Q18").answer()


def test_gates_that_cut_elsewhere_are_noticed(monkeypatch):
    chunks = module.chunks
    monkeypatch.setattr(module, "chunks", lambda T, tau: chunks(T, min(tau + 1, T)))
    with pytest.raises(AssertionError, match="Q11"):
        question("Q11").answer()


def test_a_table_with_the_slope_of_phi_at_the_output_is_noticed(monkeypatch):
    monkeypatch.setattr(module, "LOGISTIC", (module.LOGISTIC[0], module.TANH[1]))
    for key in ("Q14", "Q15"):
        with pytest.raises(AssertionError, match=key):
            question(key).answer()


def test_a_wrong_form_of_the_sum_is_refuted():
    assert equation("9.7.4").but(carry=False).latex in question("Q8").claim
    for claim, knobs in (
        (module.IN_ORDER, {"in_front": True}),
        (module.IN_FRONT, {"from_j": False}),
        (module.COUNTED_BACK, {"from_j": True}),
    ):
        assert module.prove(claim).status == "proved"
        assert module.prove(claim.but(**knobs)).status == "refuted"


# --- the instruments ---


def test_the_profiler_counts_products_of_a_matrix_and_nothing_else():
    W, v = np.eye(3), np.ones(3)
    before = sys.getprofile()
    assert module._matrix_products(lambda: [W.dot(v), np.tanh(v), v.sum(), W.dot(v)]) == 2
    assert sys.getprofile() is before
    with pytest.raises(ZeroDivisionError):
        module._matrix_products(lambda: 1 / 0)
    assert sys.getprofile() is before


@pytest.mark.parametrize("T", [1, 2, 5, 8])
def test_the_multiplications_of_the_sum_are_those_of_its_products(T):
    # The product for (t, i) has t - i factors, and b_i comes to it.
    by_hand = sum(t - i for t in range(1, T + 1) for i in range(1, t))
    assert module._multiplications(module.closed_sum, T) == by_hand
    assert module._multiplications(module.sequence_rule, T) == T


def test_q11_is_what_torch_says_with_detached_states():
    torch = pytest.importorskip("torch", reason="torch is the oracle here")
    params, x, y, h0 = (torch.tensor(a) if isinstance(a, np.ndarray) else a for a in module._example(12))
    W_hx, W_hh, W_qh, b_h, b_q = map(torch.tensor, params)
    W_hh.requires_grad_(True)

    def gradient(cut):
        h, total = h0, 0.0
        for t in range(12):
            h = torch.tanh(W_hx @ x[t] + W_hh @ cut(t, h) + b_h)
            total = total + ((W_qh @ h + b_q - y[t]) ** 2).sum() / 2
        return torch.autograd.grad(total, W_hh)[0].numpy()

    schemes = {
        "full": lambda t, h: h,
        "every step": lambda t, h: h.detach(),
        "loop, state carried": lambda t, h: h if t % 4 else h.detach(),
        "loop, state fresh": lambda t, h: h if t % 4 or t == 0 else torch.zeros_like(h),
    }
    found = answered("Q11").evidence.gradients
    for name, cut in schemes.items():
        assert np.allclose(found[name], gradient(cut), rtol=1e-12, atol=1e-13), name


# --- records, table, citations ---


def test_the_table_shows_every_question_its_verdict_and_its_answer():
    table = questions()
    assert isinstance(table, Table) and module() == table
    for shape in (table._repr_markdown_(), table._repr_html_()):
        for record in RECORDS:
            assert record.about in shape and (record.verdict or "") in shape
    assert table._repr_markdown_().count("\n") == 19
    assert str(table).count("\n") == 17
    assert "<" not in re.sub(r"</?(table|tr|br|t[hd])( style=\"[^\"]*\")?>", "", table._repr_html_())


@pytest.mark.parametrize("key", ["Q0", "Q19", "q1", "", None, 1])
def test_an_unknown_question_is_refused_in_one_sentence(key):
    with pytest.raises(ValueError, match=re.escape(f"question is {key!r}, wanted Q1 to Q18")):
        question(key)


def test_what_is_cited_is_in_the_registry():
    words = "".join(f"{r.about} {r.question} {r.because} " for r in RECORDS)
    words += "".join(s.words + " " for key in KEYS for s in answered(key).statements)
    assert not re.search(r"8\.7\.\d+(?! \(v0\.1[47]\))\b(?!\d)", words)
    for number, edition in re.findall(r"(8\.7\.\d+) \((v0\.1[47])\)", words):
        equation(number, edition=edition)
    for number in re.findall(r"9\.7\.\d+", words):
        equation(number)


def test_a_statement_without_evidence_and_a_question_without_statements():
    record = Question("Q0", "", "", "", "right", "", Evidence, lambda e: [shown("always", True)])
    with pytest.raises(AssertionError, match="Q0: the verdict is 'right', but the evidence says None"):
        record.answer()


def test_the_package_is_imported_without_sympy():
    code = "import d2lbptt, sys; assert 'sympy' not in sys.modules and 'd2lbptt.questions' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
