"""The registry and the proofs. Oracles: torch's autograd, brute force over the gates, the wrong variants."""

import copy
import inspect
import itertools
import pickle
import random
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import sympy as sp
from loops import for_each

import d2lbptt
from d2lbptt import Params, backward, forward
from d2lbptt.book.displays import sequence_in_full, total_recursion
from d2lbptt.book.equations import EDITIONS, RECORDS, Table, equation, equations
from d2lbptt.book.models import Matrices, Scalar, entries
from d2lbptt.book.notation import BookPrinter, equal
from d2lbptt.book.proofs import IN_THE_CODE, around, at, compare, induct, prove

LAYOUT = "right in a stated layout"
TODAY = {1: "definition", 2: "definition", 6: "definition", 9: "definition", 10: "definition"}
OLD = {n: "definition" for n in (1, 2, 5, 6, 7, 11, 12)} | {n: "refuted" for n in (3, 8, 10, 16)}
OLD |= {n: LAYOUT for n in (13, 14, 15)}
STATUS = {f"9.7.{n}": TODAY.get(n, "proved") for n in range(1, 17)}
OLD_STATUS = {f"8.7.{n}": OLD.get(n, "proved") for n in range(1, 17)}
WITH_PHI = [record.with_phi for record in RECORDS if record.with_phi]


def name(record):
    number = next(iter(record.numbers.values()))
    return f"{number}-{'v0.14' if record.old else 'v1.0'}{'-phi' if record.phi else ''}"


def expected(record):
    numbers = record.numbers
    return OLD_STATUS[numbers["v0.14"]] if record.old else STATUS[numbers["v1.0"]]


@pytest.mark.slow
@for_each("record", [*RECORDS, *WITH_PHI])
def test_every_display_ends_in_its_status(record):
    proof = record.prove()
    assert proof.status == expected(record)
    assert (proof.status == "refuted") is not proof.shown.holds
    assert proof is record.prove()
    assert proof.status in str(proof)


@pytest.mark.slow
@pytest.mark.parametrize("record", [r for r in [*RECORDS, *WITH_PHI] if "definition" != expected(r)], ids=name)
def test_a_proved_display_was_compared_in_every_case(record):
    proof = record.corrected_form.prove() if record.corrected else record.prove()
    assert not any(entries(proof.residual)), proof.residual
    assert {case.T for case in proof.cases} >= {2, 3, 4}
    assert {case.sizes for case in proof.cases} == set(record.model.SIZES)


@for_each("record", [r for r in RECORDS if "definition" == expected(r)])
def test_definitions_agree_with_the_code(record):
    assert record.prove().agreement < 1e-14


def test_a_definition_that_the_code_does_not_follow_is_an_error():
    def halved(m, trace, y):
        return [([m.h(1)], trace.h[1] / 2)]

    with pytest.raises(ArithmeticError, match=r"code and the symbols of a definition differ by [1-9]"):
        prove(equation("9.7.9"), agree=halved)


PRODUCT = {
    "the product begins one factor early": {"after": 0},
    "the product begins one factor late": {"after": 2},
}
WRONG = {
    "9.7.3-v1.0": {
        "w_h stands for w_o in g, as printed up to release 0.16.1": {"w": "w_h"},
        "the derivative of h_t holds h_{t-1}": {"moving": False},
    },
    "9.7.4-v1.0": {"the second term is left out": {"carry": False}},
    "9.7.5-v1.0": PRODUCT,
    "9.7.7-v1.0": PRODUCT,
    "9.7.8-v1.0": {"the gate is 1 instead of 1/pi": {"weighed": False}},
    "9.7.11-v1.0": {"1/T is left out": {"averaged": False}},
    "9.7.12-v1.0": {"h_{t-1} stands for h_t": {"lag": 1}},
    "9.7.13-v1.0": {"W_qh is not transposed": {"transposed": False}},
    "9.7.14-v1.0": {"W_hh is not transposed": {"transposed": False}},
    "9.7.14-v1.0-phi": {"the slope is that of step t": {"slope_at": 0}},
    "9.7.15-v1.0": {"the sum begins at t + 1": {"start": 1}},
    "9.7.15-v1.0-phi": {"the slopes stand in front of the powers": {"slopes_in_front": True}},
    "9.7.16-v1.0": {
        "h_t stands for h_{t-1}": {"lag": 0},
        "the derivative of h_t in prod is the total one": {"moving": True},
    },
    "9.7.16-v1.0-phi": {"the slope of phi is left out": {"slopes": False}},
    "8.7.4-v0.14": PRODUCT,
    "8.7.9-v0.14": PRODUCT,
    "8.7.13-v0.14": {"h_{t-1} stands for h_t": {"lag": 1}},
    "8.7.14-v0.14": {"the derivative of h_t holds h_{t-1}": {"moving": False}},
    "8.7.15-v0.14": {"the power is one too low": {"less": 1}},
}


def wrong(record):
    """What is wrong with a variant, and the knobs that make it; a counterpart with phi has those of its display."""
    return WRONG.get(name(record), WRONG.get(name(record).removesuffix("-phi"), {}))


VARIANTS = [(r, words) for r in [*RECORDS, *WITH_PHI] for words in wrong(r)]


@for_each(("record", "words"), VARIANTS)
def test_the_same_prover_refutes_every_wrong_variant(record, words):
    variant = record.but(**wrong(record)[words])
    proof = prove(variant)
    assert proof.status == "refuted"
    example = proof.counterexample
    assert not compare(example.case, example.lhs, example.rhs).holds
    # One symbol means both derivatives (9.7.4): exchanging them cannot be seen on the page.
    assert (variant.latex == record.latex) is ("moving" in variant.knobs)
    assert str(example.case) in str(proof)


def test_every_proved_display_has_a_wrong_variant():
    assert all(wrong(r) for r in [*RECORDS, *WITH_PHI] if expected(r) in ("proved", LAYOUT))


@for_each("number", ["8.7.3", "8.7.8", "8.7.10", "8.7.16"])
def test_what_the_old_edition_got_wrong_fails_at_T_1_and_has_a_corrected_form(number):
    record = equation(number, "v0.14")
    proof = record.prove()
    assert proof.counterexample.case.T == 1
    assert proof.corrected.status == "proved"
    assert record.corrected_form.latex != record.latex
    assert "corrected form: proved" in str(proof)


def test_8_7_16_of_v0_14_has_the_wrong_shape_even_with_the_right_index():
    also = equation("8.7.16", "v0.14").prove().also
    by_matrix = also["h_{j-1} for h_j, and still a matrix times a vector"]
    assert by_matrix.status == "refuted"
    assert by_matrix.counterexample.case.sizes == (2, 2, 2)  # for numbers it is right
    assert r"2 \times 2 \times 2 \neq 2 \times 1" in str(by_matrix.residual)
    assert {proof.status for proof in also.values()} == {"refuted"}


def test_layouts_are_told_in_words():
    proof = equation("8.7.15", "v0.14").prove()
    assert "denominator" in proof.layout and "numerator" in proof.wrong_layout
    assert "a b^T for two vectors" in equation("8.7.13", "v0.14").prove().layout


def test_randomizing_at_every_step_is_right_with_independent_gates_only():
    also = equation("9.7.8").prove().also
    assert [proof.status for proof in also.values()] == ["proved", "refuted"]
    assert also["randomized at every step by one and the same gate"].counterexample.case.t == 3


def test_the_expected_gradient_over_all_gates_by_brute_force():
    # The code and no algebra: the probability of each gate vector times the gradient under it.
    rng = np.random.default_rng(3)
    trace = forward(Params(*rng.normal(size=(3, 1, 1))), rng.normal(size=(4, 1)), h0=[0.5], activation="tanh")
    y, pi = rng.normal(size=(4, 1)), np.array([0.3, 0.5, 0.6, 0.9])
    kept = np.array(list(itertools.product([0, 1], repeat=4)))
    chances = np.where(kept, pi, 1 - pi).prod(1)
    gradients = [backward(trace, y, gates=gates / pi).W_hh.item() for gates in kept]
    np.testing.assert_allclose(chances @ gradients, backward(trace, y).W_hh.item(), rtol=1e-12)


@for_each("number", ["9.7.5", "9.7.7", "9.7.15"])
def test_induction_reaches_all_t(number):
    proof = equation(number).prove()
    assert proof.induction.holds and "for all t" in str(proof)
    assert list(proof.induction) == [0, 0, 0]


@for_each("after", [0, 2])
def test_induction_does_not_close_for_a_wrong_product(after):
    induction = induct(equation("9.7.5").but(after=after))
    assert induction.base == 0  # a_1 alone does not tell
    assert induction.boundary != 0


def test_a_sum_that_does_not_grow_step_by_step_is_refused():
    def whole(m, t):
        return [equal(m.a(t), m.b(t) + m.sum("i", 1, m.T, m.b))]

    with pytest.raises(ArithmeticError, match="the sum does not grow by one term with each step"):
        induct(replace(equation("9.7.5"), build=whole))


def test_a_claim_that_induction_does_not_carry_is_not_called_proved():
    # Right up to T = 4, and wrong after that: the instances alone would not notice.
    def short(m, t):
        last_but = m.product("k", 1, 4, lambda k: t - k)
        return [equal(m.a(t), sequence_in_full(m, t)[0].members[1] + last_but)]

    with pytest.raises(ArithmeticError, match="holds up to T = 4, but the induction leaves"):
        prove(replace(equation("9.7.5"), build=short))


# ------------------------------------------------------------------ one step, anywhere, for all T


def reach(proof):
    """The word before which the sizes stand."""
    return proof.scope.partition(",")[0]


@for_each("record", [r for r in RECORDS if expected(r) == "proved" and not r.old])
def test_what_is_proved_of_todays_text_is_proved_for_all_t(record):
    proof = record.prove()
    assert reach(proof) == ("for all t by induction" if record.rule else "for all t and T")
    assert proof.induction.holds if record.rule else all(c.holds for c in proof.anywhere)
    assert f"proved {proof.scope}" in str(proof)


def test_where_it_is_not_the_proof_says_up_to_which_T():
    short = [equation("9.7.15", phi=True).prove(), equation("8.7.15", "v0.14").prove()]
    short += [equation("8.7.16", "v0.14").prove().corrected, *list(equation("9.7.8").prove().also.values())[:1]]
    assert {reach(proof) for proof in short} == {"for T <= 4"}
    assert all(proof.scope in str(proof) and not proof.anywhere for proof in short)
    assert "(d, h, q) = (1, 1, 1), (2, 2, 2), (3, 2, 1)" in short[0].scope


def test_a_definition_and_what_is_refuted_are_proved_nowhere():
    assert equation("9.7.1").prove().scope == equation("8.7.3", "v0.14").prove().scope == ""


AT_A_STEP = [(r, words) for r, words in VARIANTS if r.anywhere]


@for_each(("record", "words"), AT_A_STEP)
def test_a_step_anywhere_tells_every_wrong_variant(record, words):
    variant = record.but(**wrong(record)[words])
    try:
        told = not all(c.holds for c in around(variant))
    except sp.ShapeError:
        told = True  # as printed, it cannot be multiplied out
    # A weight that is untied has one use, so that its total derivative is the immediate one.
    assert told is not (record.notebook[1] == "The gradients of the weights" and "moving" in variant.knobs)


def test_a_claim_that_is_wrong_after_T_4_is_not_called_proved():
    def short(m, t):
        (chain,) = total_recursion(m, t)
        return [equal(chain.members[0], chain.members[1] + m.product("k", 1, 4, lambda k: t - k))]

    record = replace(equation("9.7.4"), build=short)
    with pytest.raises(ArithmeticError, match="holds up to T = 4, but at any step t it leaves"):
        prove(record)
    assert reach(prove(record.in_each_case())) == "for T <= 4"


def test_what_comes_after_a_step_is_not_dropped():
    # Without the later losses, the recursion that forgets them would pass at t = T.
    claim = replace(
        equation("9.7.14"),
        build=lambda m, t: [equal(m.total(m.L, m.h(t)), m.transposed(m.W_qh) * m.total(m.L, m.o(t)))],
    )
    assert not any(c.holds for c in around(claim))
    assert not any(c.holds for c in around(replace(claim, anywhere=claim.anywhere._replace(steps=1))))
    assert all(c.holds for c in around(replace(claim, anywhere=claim.anywhere._replace(steps=1, after=False))))


def test_a_sum_over_some_steps_does_not_pass_for_one_over_all():
    def some(m, t):
        return [equal(m.total(m.L, m.W_qh), m.sum("i", 1, t, lambda i: m.total(m.L, m.o(i)) * m.transposed(m.h(i))))]

    with pytest.raises(ArithmeticError, match="the sum over i runs from 1 to t, not over all steps"):
        around(replace(equation("9.7.12"), build=some))


# ------------------------------------------------------------------------ pickled, copied, without docstrings


def test_what_is_pickled_or_copied_comes_back_as_the_record_itself():
    for record in [*RECORDS, *WITH_PHI]:
        assert pickle.loads(pickle.dumps(record)) is copy.deepcopy(record) is copy.copy(record) is record
    again = pickle.loads(pickle.dumps(equations()))
    assert again == equations() and isinstance(again, Table)


@for_each("key", ["9.7.4", "9.7.16", "9.7.9", "9.7.5"])
def test_a_variant_and_a_proof_are_pickled_with_all_that_is_in_them(key):
    variant = equation(key).but(nothing=0)
    again = pickle.loads(pickle.dumps(variant))
    assert again.knobs == {"nothing": 0} and again.build is variant.build
    proof = equation(key).prove()
    for same in (pickle.loads(pickle.dumps(proof)), copy.deepcopy(proof)):
        assert str(same) == str(proof) and same._repr_latex_() == proof._repr_latex_()
        assert entries(same.lhs) == entries(proof.lhs)


WITHOUT_DOCSTRINGS = """
from d2lbptt.book.equations import equation, equations
assert False, "asserts are switched on"
table = equations()
if len(str(table).splitlines()) != 33 or not all(r.claim and r.claim in str(r) for r in table):
    raise SystemExit("a claim is missing")
for key in {keys}:
    proof = equation(key).prove()
    if proof.status not in str(proof):
        raise SystemExit(f"{{key}}: {{proof}}")
"""


def without_docstrings(code):
    """Run code where Python drops docstrings and asserts."""
    done = subprocess.run([sys.executable, "-OO", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_records_speak_without_docstrings():
    without_docstrings(WITHOUT_DOCSTRINGS.format(keys=["9.7.1", "9.7.4", "9.7.5"]))


@pytest.mark.slow
def test_all_records_are_proved_without_docstrings():
    without_docstrings(
        WITHOUT_DOCSTRINGS.format(keys=[f"9.7.{n}" for n in range(1, 17)])
        + """
statuses = [equation(f"8.7.{n}", "v0.14").prove().status for n in range(1, 17)]
if sorted(set(statuses)) != ["definition", "proved", "refuted", "right in a stated layout"]:
    raise SystemExit(str(statuses))
"""
    )


# ------------------------------------------------------------------------ the models, by torch


def numbers_for(m, T):
    values = [*m.parameters, m.h(0), *(v for t in range(1, T + 1) for v in (m.x(t), m.y(t)))]
    letters = {s for value in values for e in entries(value) for s in sp.sympify(e).free_symbols}
    rng = random.Random(1)
    return {s: sp.Rational(rng.randint(-9, 9), 8) for s in sorted(letters, key=str)}


def array(value, numbers):
    flat = np.array([float(at(e, numbers, IN_THE_CODE)) for e in entries(value)])
    return flat.reshape(getattr(value, "shape", ()))


@pytest.fixture(scope="module", params=[False, True], ids=["identity", "tanh"])
def network(request):
    """The model of T = 3 with numbers for its letters; in torch its weights, states, loss and derivatives."""
    torch = pytest.importorskip("torch")
    T, m = 3, Matrices(3, (3, 2, 2), phi=request.param)
    numbers = numbers_for(m, T)

    def tensor(value):
        return torch.tensor(array(value, numbers))

    def derivative(Y, X):
        return torch.stack([torch.autograd.grad(e, X, retain_graph=True)[0] for e in Y.ravel()]).numpy()

    weights = {s: tensor(m.weight(s)).requires_grad_() for s in ("W_hx", "W_hh", "W_qh")}
    b_h, phi = (tensor(m.b_h), torch.tanh) if m.phi else (0, torch.clone)
    h, L = [tensor(m.h(0))], 0
    for t in range(1, T + 1):
        h.append(phi(weights["W_hx"] @ tensor(m.x(t)) + weights["W_hh"] @ h[-1] + b_h))
        L = L + ((weights["W_qh"] @ h[-1] - float(numbers[m.y(t)])) ** 2).sum() / 2 / T
    return m, numbers, weights, h, L, derivative


@pytest.mark.slow
def test_total_derivatives_are_those_of_torch(network):
    m, numbers, weights, h, L, derivative = network
    for s, W in weights.items():
        np.testing.assert_allclose(array(m.total(m.L, m.weight(s)), numbers), derivative(L, W)[0], rtol=1e-12)
    for t in (1, 2, 3):
        np.testing.assert_allclose(array(m.total(m.L, m.h(t)), numbers), derivative(L, h[t])[0], rtol=1e-12)


def test_jacobians_and_their_layout_are_those_of_torch(network):
    m, numbers, weights, h, _, derivative = network
    ours = array(m.total(m.h(3), m.h(1)), numbers)
    np.testing.assert_allclose(ours, derivative(h[3], h[1])[:, :, 0], rtol=1e-12)
    ours = array(m.total(m.h(3), m.W_hh), numbers)
    np.testing.assert_allclose(ours, derivative(h[3], weights["W_hh"]), rtol=1e-12)


def test_a_total_derivative_is_the_sum_over_untied_weights():
    # An oracle inside SymPy: give every step a weight of its own, differentiate by each, tie them again.
    m = Scalar(3)
    copies, h = sp.symbols("w1:4"), m.h(0)
    for t, w in enumerate(copies, 1):
        h = m.apply("f", m.x(t), h, w)
    summed = sum(h.diff(w) for w in copies).subs({w: m.w_h for w in copies})
    assert sp.expand(m.total(m.h(3), m.w_h) - summed) == 0


def test_partial_derivatives_hold_the_last_state():
    m = Scalar(2)
    assert m.partial(m.f(2), m.w_h) == m.value(m.f(2).diff(m.w_h))
    assert sp.expand(m.partial(m.h(2), m.w_h) - m.total(m.h(2), m.w_h)) != 0
    assert m.partial(m.h(1), m.w_h) == m.total(m.h(1), m.w_h)


# ------------------------------------------------------------------------------- looking up


def test_there_are_32_records_each_with_all_it_needs():
    assert len(equations()) == 32
    for record in equations():
        assert set(record.numbers) <= set(EDITIONS)
        assert record.latex and record.claim.endswith(".")
        assert callable(record.function), record.code
        assert all(record.notebook)


def test_numbers_labels_and_editions():
    assert equation("9.7.14") is equation("8.7.14", "v0.17") is equation("9.7.14", edition="v1.0")
    assert equation("8.7.16", edition="v0.14").numbers == {"v0.14": "8.7.16"}
    assert equation("eq_bptt_at") is equation("9.7.5")
    assert equation("eq_bptt_at", "v0.17") is equation("9.7.5")
    assert equation("eq_bptt_at", "v0.14") is equation("8.7.4", "v0.14")
    assert equation("9.7.14", phi=True).phi


def test_the_three_editions_hold_sixteen_numbers_each():
    for edition in EDITIONS:
        prefix = "9.7" if edition == "v1.0" else "8.7"
        for n in range(1, 17):
            assert equation(f"{prefix}.{n}", edition).numbers[edition] == f"{prefix}.{n}"


@for_each(
    ("arguments", "words"),
    [
        (("8.7.16",), r"8\.7\.16 is ambiguous without an edition: 9\.7\.16 in v1\.0.*; or 8\.7\.16 in v0\.14"),
        (("9.7.17",), r"equation is '9\.7\.17', wanted 9\.7\.1 to 9\.7\.16 \(or 8\.7\.1 to 8\.7\.16 with an edition\)"),
        (("9.7.1", "v0.14"), r"equation is '9\.7\.1', wanted 8\.7\.1 to 8\.7\.16 in v0\.14, or a label: eq_bptt_at$"),
        (("eq_bptt",), r"'eq_bptt', wanted .* or a label: eq_bptt_ht_ot, .*eq_bptt_partial_L_ht$"),
        (("8.7.1", "v2"), r"edition is 'v2', wanted one of v1\.0, v0\.17, v0\.14"),
        ((None,), r"equation is None, wanted"),
        ((9.7,), r"equation is 9\.7, wanted"),
    ],
)
def test_what_cannot_be_found_is_said_in_a_sentence(arguments, words):
    with pytest.raises(ValueError, match=words):
        equation(*arguments)


def test_only_the_second_half_has_a_counterpart_with_phi():
    assert len(WITH_PHI) == 8
    with pytest.raises(ValueError, match=r"9\.7\.4 has no counterpart with phi, wanted one of 9\.7\.9 to 9\.7\.16"):
        equation("9.7.4", phi=True)


def test_the_table_shows_itself():
    table = Table([equation("9.7.5"), equation("8.7.3", "v0.14")]).prove()
    text, markdown, html = str(table), table._repr_markdown_(), table._repr_html_()
    assert all("refuted" in form and "eq_bptt_at" in form for form in (text, markdown, html))
    assert len(text.splitlines()) == 3 and len(markdown.splitlines()) == 4 and html.count("<tr>") == 3
    assert len(str(equations()).splitlines()) == 33


def test_the_function_is_at_the_top_and_the_module_in_its_room():
    import d2lbptt.book.equations as module

    assert d2lbptt.equations is module.equations and inspect.ismodule(module)


# -------------------------------------------------------------------------------- the LaTeX


@for_each(
    ("arguments", "latex"),
    [
        (("9.7.5",), r"a_{t} = b_{t} + \sum_{i=1}^{t - 1} \left(\prod_{j=i + 1}^{t} c_{j}\right) \, b_{i}"),
        (("9.7.13",), r"\frac{\partial L}{\partial \mathbf{h}_{T}} = \mathbf{W}_{qh}^\top \, "
                      r"\frac{\partial L}{\partial \mathbf{o}_{T}}"),
        (("8.7.12", "v0.14"), r"L = \sum_{t=1}^{T} l\left(\mathbf{o}_{t}, y_{t}\right)"),
        (("8.7.5", "v0.14"), r"a_{t} = \partial_{w_{h}} h_{t}"),
    ],
)  # fmt: skip
def test_latex_is_in_the_order_of_the_book(arguments, latex):
    assert equation(*arguments).latex == latex
    assert equation(*arguments)._repr_latex_() == rf"$\displaystyle {latex}$"


def test_the_counterpart_with_phi_prints_the_slope():
    assert r"\phi'\left(\mathbf{z}_{t + 1}\right) \odot" in equation("9.7.14", phi=True).latex
    assert r"\mathrm{diag}\,\phi'" in equation("9.7.15", phi=True).latex


@pytest.mark.slow
def test_the_sides_of_a_proof_are_mathematics():
    proof = equation("9.7.4").prove()
    assert proof.lhs.free_symbols and proof.residual == 0
    assert proof._repr_latex_().endswith(r"\;=\; 0$")
    phi = equation("9.7.16", phi=True).prove()
    assert r"\phi'\left(" in BookPrinter().doprint(phi.rhs)


def test_importing_the_package_does_not_import_sympy():
    code = "import sys, d2lbptt; sys.exit('sympy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_a_jacobian_in_prod_stands_transposed_as_the_chain_rule_has_it():
    """dL/dh is J^T dL/do, and not J dL/do."""
    proof = equation("8.7.14", "v0.14").prove()
    assert "A^T a for a matrix A" in proof.layout and "A a for a matrix A" in proof.wrong_layout
