"""The readers' questions: every verdict is that of the evidence, and every statement behind it can fail.

Oracles: torch's autograd with detached states for Q11, numbers that count their products for Q16 and Q18, the evidence
bent by hand for all.
"""

import copy
import pickle
import re
import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import nbformat
import numpy as np
import pytest
from loops import for_each

from d2lbptt.book import judging
from d2lbptt.book import questions as module
from d2lbptt.book._words import typeset
from d2lbptt.book.equations import equation
from d2lbptt.book.judging import OPEN, Evidence, Question, shown
from d2lbptt.book.questions import RECORDS, Table, question, questions

ROOT = Path(__file__).parents[2]
VERDICTS = {
    "right": {"Q3", "Q4", "Q7", "Q13", "Q15", "Q16"},
    "wrong": {"Q8", "Q9", "Q11", "Q14"},
    "right, with a condition": {"Q1", "Q2", "Q5", "Q6", "Q17", "Q18"},
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


@pytest.mark.slow
@for_each("key", KEYS)
def test_the_evidence_leads_to_the_verdict_and_bears_out_the_answer(key):
    answer = answered(key)
    assert key in VERDICTS[answer.verdict]
    assert answer.contradicted == () and answer.sentence == answer.question.because
    for text in (str(answer), answer._repr_markdown_()):
        words = answer.question.because, answer.question.question, answer.question.in_short
        assert all(said in text or answer.question.typeset(said) in text for said in words)
        claim = answer.question.claim
        assert claim in text or answer.question.typeset(claim) in text
        assert key == "Q12" or f"This is {answer.verdict}, for it is" in text
        assert not re.search(r"\| |asked|shown", text)


def test_there_are_18_questions_and_17_claims():
    assert [record.key for record in questions()] == KEYS
    assert sum(bool(record.claim) for record in RECORDS) == 17
    assert set().union(*VERDICTS.values()) == set(KEYS)


def test_no_record_holds_a_verdict():
    assert not any(word in vars(record).values() for record in RECORDS for word in VERDICTS if word)


def test_the_pointer_points_at_headings_that_are_there():
    assert answered("Q12").statements == () and answered("Q12").verdict is None
    for name, heading in (("07_vanishing_exploding", "(exercise 1)"), ("07b_remedies", "(exercise 2)")):
        cells = nbformat.read(ROOT / "notebooks" / f"{name}.ipynb", as_version=4).cells
        assert any(re.search(rf"^## .*{re.escape(heading)}$", cell.source, re.MULTILINE) for cell in cells)
        assert name.partition("_")[0] in question("Q12").because


@for_each(("holds", "meanings", "verdict"), [
    ([True, True], False, "right"), ([False], False, "wrong"), ([True, False], False, "right, with a condition"),
    ([True, False], True, "a matter of notation"), ([True, True], True, "right"), ([], False, None),
])  # fmt: skip
def test_a_verdict_is_made_of_what_holds(holds, meanings, verdict):
    def statements(evidence):
        return [judging.Statement("asked", truth, "words", truth) for truth in evidence.truths]

    record = Question("Q0", "", "", "", "", "", lambda: Evidence(truths=holds), statements, meanings)
    assert record.answer().verdict == record.verdict == verdict


@pytest.mark.slow
@pytest.mark.parametrize("key", SETTLED)
def test_where_the_claim_holds_in_every_case_or_in_none_the_verdict_is_another(key):
    answer = answered(key)
    for truth, verdict in ((True, "right"), (False, "wrong")):
        every = tuple(s._replace(holds=truth) if s.kind == "asked" else s for s in answer.statements)
        assert answer._replace(statements=every).verdict == verdict


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
    yield but(e, sloped=[*e.sloped[:5], e.sloped[4]])  # 9.7.16 for T <= 4 alone
    yield flipped(e, "decades", "identity", 0 * e.decades["identity"])
    yield flipped(e, "decades", "tanh", e.decades["identity"])


def lengths(e):
    growing = np.arange(1, 5)[:, None]
    yield but(e, calm=e.calm * growing**2)
    yield but(e, wild=e.calm)
    yield but(e, calm=np.tile(e.calm[:, :2], 2))
    yield but(e, calm=e.calm * [1, 1, 1, 1.1])
    yield but(e, per_step=[[1.0, 1.5, 2.0]])


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
    yield but(e, held=e.moving)
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
    yield but(e, in_a_row=[1000, 1001])
    yield but(e, in_a_row=[1001, 1000])
    yield flipped(e, "products", 1000, [1000, 5000])
    yield flipped(e, "products", 1000, [3000, 999])
    yield flipped(e, "products", 100, [30, 500])
    yield flipped(e, "states", 1000, 1000)
    yield flipped(e, "decades", (0.9, 1000), -40.0)
    yield flipped(e, "decades", (1.1, 10_000), 300.0)


def neighbours(e):
    calm, chaotic = e.calm, e.chaotic
    yield flipped(e, "grown", 3.0, [*e.grown[3.0], 50.0])
    yield flipped(e, "grown", 0.8, [*e.grown[0.8], 150.0])
    yield flipped(e, "grown", 0.8, [*e.grown[0.8], 0.5])
    yield but(e, calm=but(calm, predicted=2 * calm.predicted))
    yield but(e, chaotic=but(chaotic, predicted=chaotic.measured))


def cost(e):
    counts = e.multiplications
    yield flipped(e, "multiplications", "9.7.7, a_T alone", counts["9.7.4, a_1 to a_T"])
    yield flipped(e, "multiplications", "9.7.7, a_1 to a_T", counts["9.7.7, a_T alone"])
    yield flipped(e, "multiplications", "9.7.4, a_1 to a_T", counts["9.7.7, a_T alone"])
    yield flipped(e, "multiplications", "forwards and back", counts["9.7.7, a_1 to a_T"])
    yield flipped(e, "multiplications", "forwards and back", [19, 39])  # W_hh alone
    yield flipped(e, "pieces", "full", e.pieces["minibatches"])
    yield but(e, results=(e.results[0] + 1e-6, e.results[1]))


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


def besides(answer):
    """What was computed besides, in words, with its statement."""
    return zip(answer.besides, [s for s in answer.statements if s.kind == "shown"], strict=True)


@for_each(("key", "half"), [("Q6", "To average."), ("Q8", "A sum"), ("Q14", "theta'"), ("Q18", "sum 9.7.7")])
def test_a_question_with_two_halves_gets_the_half_that_is_right(key, half):
    assert half in answered(key).in_short and answered(key).in_short not in ("Right.", "Wrong.", "Yes.", "No.")


@for_each("key", SETTLED)
def test_what_was_computed_is_said_in_sentences(key):
    answer = answered(key)
    for words in (*answer.besides, answer.in_short, answer.judgement):
        assert words.endswith(".") and not words[0].isspace() and not re.match("[a-z][a-z]", words)
    cases = [s for s in answer.statements if s.kind == "asked"]
    assert answer.judgement.count("it is true that") == sum(s.holds for s in cases)
    assert answer.judgement.count("it is false that") == sum(not s.holds for s in cases)


@for_each(("words", "bold", "wanted"), [
    ("h_{t-1} depends on w_h, too", False, r"$h_{t-1}$ depends on $w_h$, too"),
    ("b_q by [1, h_t].", True, r"$\mathbf b_q$ by $[1, \mathbf h_t]$."),
    ("dL/dh_T is phi'(h_t) where T <= 4", False, r"$\partial L/\partial h_T$ is $\phi'(h_t)$ where $T \le 4$"),
    ("terms w^(j-1) h_(t-j), i = t-j+1 .. t", True, r"terms $w^{j-1} h_{t-j}$, $i = t-j+1, \dots, t$"),
    ("it is if a t is in (g = 0.8) to 1/T", True, r"it is if a $t$ is in ($g = 0.8$) to $1/T$"),
    (r"what is $x_t$ stays, o_1000 too", True, r"what is $x_t$ stays, $\mathbf o_{1000}$ too"),
])  # fmt: skip
def test_symbols_become_formulas(words, bold, wanted):
    assert typeset(words, bold) == wanted == typeset(wanted, bold)


@for_each("key", KEYS)
def test_no_symbol_is_left_among_the_words(key):
    parts = answered(key)._repr_markdown_().split("$")
    assert len(parts) % 2 == 1
    plain = " ".join(parts[::2])
    assert not re.search(r"\w_\w|\w_[{(]|\bd[hL]/|\b[tTwghijlk] (?:=|<)|\^|\b(?:phi|theta)\b", plain), plain
    assert all(formula and formula.count("{") == formula.count("}") for formula in parts[1::2])


@for_each("key", SETTLED)
def test_every_statement_can_fail_and_the_verdict_goes_with_it(key):
    answer, fell = answered(key), set()
    for bent in BENT[key](answer.evidence):
        other = question(key).judge(bent)
        false = {i for i, s in enumerate(other.statements) if s in other.contradicted}
        assert false and other.verdict != answer.verdict
        assert answer.question.because not in str(other) and "contradicts the answer" in other._repr_markdown_()
        assert other.in_short == "Open." and answer.in_short not in str(other)
        assert all(("it is false that" in words.lower()) == (not s.holds) for words, s in besides(other))
        fell |= false
    assert fell == set(range(len(answer.statements)))


# --- a model that is wrong, a backward pass that is wrong ---


def halved(function):
    """The same backward pass, with dL/dW_hh at half its size."""

    def gradient(*args, **options):
        g = function(*args, **options)
        return g._replace(W_hh=g.W_hh / 2)

    return gradient


def test_a_wrong_backward_pass_is_noticed(monkeypatch):
    monkeypatch.setattr(module, "backward", halved(module.backward))
    answer = question("Q1").answer()
    assert answer.verdict == "right"  # the claim: that these gradients are wrong
    assert "it is true that as printed, gradients without its slopes are wrong" in answer.sentence


def test_a_wrong_recursion_is_noticed(monkeypatch):
    monkeypatch.setattr(module, "recursion", lambda b, c: b)  # the second term of 9.7.4 is left out
    for key, words in (("Q10", "the total one is not"), ("Q18", "the same numbers")):
        answer = question(key).answer()
        assert answer.verdict == OPEN and words in answer.sentence


def test_gates_that_cut_elsewhere_are_noticed(monkeypatch):
    chunks = module.chunks
    monkeypatch.setattr(module, "chunks", lambda T, tau: chunks(T, min(tau + 1, T)))
    assert question("Q11").answer().verdict == OPEN


def test_a_table_with_the_slope_of_phi_at_the_output_is_noticed(monkeypatch):
    monkeypatch.setattr(module, "LOGISTIC", (module.LOGISTIC[0], module.TANH[1]))
    assert [question(key).answer().verdict for key in ("Q14", "Q15")] == [OPEN, "wrong"]


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


class Counting(float):
    """A number that counts how often it or another of its kind is multiplied."""

    products = 0

    def __mul__(self, other):
        Counting.products += 1
        return Counting(float(self) * float(other))

    __rmul__ = __mul__

    def __add__(self, other):
        return Counting(float(self) + float(other))

    __radd__ = __add__


def counted(run):
    Counting.products = 0
    run()
    return Counting.products


@for_each("T", [1, 2, 5, 8])
def test_the_multiplications_of_the_sum_are_those_of_its_products(T):
    # The loops of the book, in numbers that count. The product for (t, i) has t - i factors, and b_i comes to it.
    b = c = [Counting(0.5)] * (T + 1)

    def written_out(t):
        total = b[t]
        for i in range(1, t):
            product = b[i]
            for j in range(i + 1, t + 1):
                product = c[j] * product
            total = total + product

    def recursion():
        a = Counting(0.0)
        for t in range(1, T + 1):
            a = b[t] + c[t] * a

    assert module._multiplications(module.sequence_in_full, [T]) == counted(lambda: written_out(T))
    every = module._multiplications(module.sequence_in_full, range(1, T + 1))
    assert every == counted(lambda: [written_out(t) for t in range(1, T + 1)])
    assert module._multiplications(module.sequence_rule, range(1, T + 1)) == counted(recursion)


@for_each("T", [1, 2, 10, 20])
def test_the_products_of_the_graph_are_those_of_one_unit_written_out(T):
    # One unit, identity: a matrix product is one multiplication. The loss and 1/T take none of these.
    w_hx, w_hh, w_qh = (Counting(0.5) for _ in range(3))
    x, do, h, dh = {}, {}, {0: Counting(1.0)}, {T + 1: None}

    def forwards():
        for t in range(1, T + 1):
            x[t], do[t] = Counting(1.0), Counting(1.0)
            h[t] = w_hx * x[t] + w_hh * h[t - 1]
            w_qh * h[t]

    def back():
        for t in range(T, 0, -1):
            dh[t] = w_qh * do[t] if t == T else w_hh * dh[t + 1] + w_qh * do[t]
            (do[t] * h[t], dh[t] * x[t], dh[t] * h[t - 1])
        w_hh * dh[1]  # dL/dh_0

    graph = module.computational_graph(T)
    assert module._products(graph.forward(), module.FORWARDS) == counted(forwards)
    assert module._products(graph.backward(), module.BACK) == counted(back)


@for_each("T", [1, 2, 5])
def test_the_products_in_a_row_are_those_of_the_longest_way_by_trying_all(T):
    graph = module.computational_graph(T)
    for edges, made in ((graph.forward(), module.FORWARDS), (graph.backward(), module.BACK)):
        after = {}
        for edge in edges:
            after.setdefault(edge.source, []).append(edge)

        def longest(node, after=after, made=made):
            ways = (((e.source.symbol, e.target.symbol) in made) + longest(e.target) for e in after.get(node, []))
            return max(ways, default=0)

        assert module._in_a_row(edges, made) == max(map(longest, after)) == T + 1


class NoDot(np.ndarray):
    """A matrix that multiplies by @ alone."""

    def dot(self, *args, **kwargs):
        raise AssertionError("this matrix has no dot")


@pytest.mark.parametrize("key", ["Q3", "Q6", "Q9", "Q11", "Q16", "Q17", "Q18"])
def test_a_verdict_does_not_hang_on_how_a_matrix_is_multiplied(key, monkeypatch):
    init_params = module.init_params

    def without_dot(*args, **kwargs):
        params = init_params(*args, **kwargs)
        return params._replace(**{s: W.view(NoDot) for s, W in params._asdict().items() if W is not None})

    monkeypatch.setattr(module, "init_params", without_dot)
    assert question(key).answer().verdict == answered(key).verdict


def test_no_clock_is_read_and_no_run_is_watched():
    source = "".join(Path(one.__file__).read_text(encoding="utf-8") for one in (module, judging))
    assert not re.search(r"perf_counter|setprofile|settrace|monotonic|import time|timeit", source)


@for_each("tau", [1, 3, 4, 10])
def test_the_pieces_are_those_that_gates_leave(tau):
    pieces = module._pieces(module.chunks(10, tau))
    assert pieces.tolist() == [min(tau, 10 - begin) for begin in range(0, 10, tau)]


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


def test_the_table_shows_every_question_and_once_answered_its_verdict_and_its_answer():
    for record in RECORDS:
        vars(record).pop("_answered", None)
    table = questions()
    assert isinstance(table, Table) and table == questions()
    assert {row[3:] for row in table._rows()} == {("", "")}
    for key in KEYS:
        vars(question(key))["_answered"] = answered(key)
    for shape in (table._repr_markdown_(), table._repr_html_()):
        for record in RECORDS:
            assert record.about in shape and record.typeset(record.in_short) in shape
    lines = table._repr_markdown_().splitlines()
    assert len(lines) == 20 and {line.count("|") for line in lines} == {6}  # no formula adds a column
    assert str(table).splitlines() == [f"{q.key:5}{q.question} {q.in_short}" for q in RECORDS]
    assert "<" not in re.sub(r"</?(table|tr|br|t[hd])( style=\"[^\"]*\")?>", "", table._repr_html_())


def test_what_is_pickled_or_copied_comes_back():
    again = pickle.loads(pickle.dumps(questions()))
    assert again == questions() and isinstance(again, Table)
    for key in KEYS:
        record = question(key)
        assert pickle.loads(pickle.dumps(record)) is copy.deepcopy(record) is record
        for answer in (pickle.loads(pickle.dumps(answered(key))), copy.deepcopy(answered(key))):
            assert str(answer) == str(answered(key)) and answer.question is record


WITHOUT_DOCSTRINGS = """
from d2lbptt.book.questions import question, questions
assert False, "asserts are switched on"
for record in questions():
    if not (record.question and record.because and record.question in str(record)):
        raise SystemExit(f"{{record.key}} has lost its words")
for key in {keys}:
    answer = question(key).answer()
    if answer.contradicted or answer.question.because not in str(answer):
        raise SystemExit(str(answer))
"""


@pytest.mark.parametrize("keys", [["Q12"], pytest.param(KEYS, marks=pytest.mark.slow)])
def test_questions_are_answered_without_docstrings_and_asserts(keys):
    code = WITHOUT_DOCSTRINGS.format(keys=keys)
    done = subprocess.run([sys.executable, "-OO", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@for_each("key", ["Q0", "Q19", "q1", "", None, 1])
def test_an_unknown_question_is_refused_in_one_sentence(key):
    with pytest.raises(ValueError, match=re.escape(f"question is {key!r}, wanted Q1 to Q18")):
        question(key)


def test_what_is_cited_is_in_the_registry():
    words = "".join(f"{r.about} {r.question} {r.in_short} {r.because} " for r in RECORDS)
    words += "".join(s.words + " " for key in KEYS for s in answered(key).statements)
    assert not re.search(r"8\.7\.\d+(?! \(v0\.1[47]\))\b(?!\d)", words)
    for number, edition in re.findall(r"(8\.7\.\d+) \((v0\.1[47])\)", words):
        equation(number, edition=edition)
    for number in re.findall(r"9\.7\.\d+", words):
        equation(number)


def test_what_is_shown_and_fails_leaves_the_verdict_open():
    record = Question(
        "Q0", "", "", "", "", "", Evidence, lambda e: [judging.rightly("yes", True), shown("always", False)]
    )
    assert record.answer().verdict == OPEN
    assert "it is false that always" in record.answer().sentence


def test_the_package_is_imported_without_sympy():
    code = "import d2lbptt, sys; assert 'sympy' not in sys.modules and 'd2lbptt.book.questions' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
