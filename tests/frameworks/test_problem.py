"""What ``problem_from_torch`` says and refuses, and what a Problem does.

Oracles: the sentences are written out here; gradients are autograd's.
"""

import numpy as np
import pytest
from loops import for_each

import d2lbptt as bptt

torch = pytest.importorskip("torch", reason="PyTorch is not installed: its networks are not read")
nn = torch.nn
CE = nn.CrossEntropyLoss
T, B, D, H, Q = 4, 2, 3, 5, 2
X, Y = torch.zeros(T, B, D), torch.zeros(T, B, Q)
LABELS = torch.tensor([[0, 1], [1, 0], [1, 1], [0, 0]])


def modules(dtype=torch.float64, **options):
    return nn.RNN(D, H, dtype=dtype, **options), nn.Linear(H, Q, dtype=dtype)


def problem(x=X, y=Y, criterion=None, h0=None, **options):
    rnn, head = modules(torch.float32, **options)
    return bptt.problem_from_torch(rnn, head, x, y, criterion or nn.MSELoss(), h0)


# --- notes ---

BIASES = "b_h is bias_ih_l0 + bias_hh_l0; each of the two has the gradient dL/db_h."
SINGLE = "All is in float32, which rounds at 1e-7: double() on modules and data gives 1e-16."
MEAN = "MSELoss averages over the q = 2 outputs too, and has no 1/2: it is 2/q = 1 times L."


def said(*, dtype=torch.float64, first=False, bias=True, x=X, y=Y, criterion=None, h0=None):
    x, y, h0 = (a.to(dtype) if a is not None and a.is_floating_point() else a for a in (x, y, h0))
    rnn, head = modules(dtype, batch_first=first, bias=bias)
    return bptt.problem_from_torch(rnn, head, x, y, criterion or nn.MSELoss(), h0).notes


def test_the_notes_say_what_was_done_and_nothing_else():
    assert said(bias=False, criterion=nn.CrossEntropyLoss(), y=LABELS) == ()
    assert said(bias=False) == (MEAN,)
    assert said() == (BIASES, MEAN)
    assert said(dtype=torch.float32) == (BIASES, MEAN, SINGLE)
    assert said(bias=False, h0=torch.zeros(1, B, H)) == (MEAN, "h0 has lost its first axis, which counts the layers.")
    turned = "batch_first: x and y are transposed to time first."
    assert said(bias=False, first=True) == (turned, MEAN)
    flat = "y was flattened in the order of (4, 2), which is undone."
    assert said(bias=False, first=True, y=Y.flatten(0, 1)) == (turned, flat, MEAN)


def test_the_notes_say_where_the_factor_comes_from():
    summed = nn.MSELoss(reduction="sum")
    assert said(bias=False, criterion=summed) == (
        "MSELoss adds up over the B = 2 sequences, where L averages, and has no 1/2: it is 4 times L.",
    )
    assert said(bias=False, criterion=summed, x=X[:, 0], y=Y[:, 0]) == ("MSELoss has no 1/2: it is 2 times L.",)
    summed = nn.CrossEntropyLoss(reduction="sum")
    assert said(bias=False, criterion=summed, y=LABELS) == (
        "CrossEntropyLoss adds up over the B = 2 sequences, where L averages: it is 2 times L.",
    )
    assert said(bias=False, criterion=summed, x=X[:, 0], y=LABELS[:, 0]) == ()
    last = "y has one entry for each sequence: L is the loss of step T alone."
    assert said(bias=False, y=Y[-1]) == (last, MEAN)


def test_the_notes_say_which_labels_do_not_count():
    y = torch.where(LABELS == 1, -100, LABELS)
    assert said(bias=False, criterion=nn.CrossEntropyLoss(), y=y) == (
        "ignore_index = -100: the weight of 4 labels is 0.",
    )
    weight = torch.tensor([1.0, 2.0], dtype=torch.float64)
    assert said(bias=False, criterion=nn.CrossEntropyLoss(weight), y=LABELS) == (
        "The weight of a class multiplies the losses that have this label; the mean is over the weights.",
    )


# --- what a Problem does ---


def network(seed=0, reduction="mean"):
    torch.manual_seed(seed)
    rnn, head = modules()
    x, y = torch.randn(T, B, D, dtype=torch.float64), torch.randn(T, B, Q, dtype=torch.float64)
    criterion = nn.MSELoss(reduction=reduction)
    return rnn, head, bptt.problem_from_torch(rnn, head, x, y, criterion), lambda h: criterion(head(h), y), x


def grads(rnn, head):
    return {name: p.grad for name, p in [*rnn.named_parameters(), *head.named_parameters()]}


@for_each("reduction", ["mean", "sum"])
def test_the_gradient_that_torch_holds_is_checked_by_its_names(reduction):
    rnn, head, problem, loss, x = network(reduction=reduction)
    with pytest.raises(ValueError, match=r"^gradient of weight_ih_l0 is None, wanted an array: was backward"):
        problem.check(grads(rnn, head))
    loss(rnn(x)[0]).backward()
    assert problem.check().verdict == problem.check(grads(rnn, head)).verdict == "PASS"
    rnn.weight_hh_l0.grad[1, 2] *= 1.001
    report = problem.check(grads(rnn, head))
    assert report.verdict == "FAIL"
    assert (report.worst.parameter, report.worst.index) == ("W_hh", (1, 2))


def test_the_check_looks_at_the_labels_that_count():
    """A gradient that is averaged over all labels, where some are padding, is wrong."""
    torch.manual_seed(0)
    rnn, head = modules()
    x, padded = torch.randn(T, B, D, dtype=torch.float64), LABELS.clone()
    padded[2:, 1] = -100
    problem = bptt.problem_from_torch(rnn, head, x, padded, CE())
    CE()(head(rnn(x)[0]).flatten(0, 1), padded.flatten()).backward()
    assert problem.check(grads(rnn, head)).verdict == "PASS"
    for p in (*rnn.parameters(), *head.parameters()):
        p.grad *= 6 / 8
    assert problem.check(grads(rnn, head)).verdict == "FAIL"


def test_a_loop_that_detaches_fails_and_is_the_window_that_gradients_takes():
    rnn, head, problem, loss, x = network()
    rows, h = [], None
    for x_t in x:
        o, h = rnn(x_t[None], h)
        rows.append(o[0])
        h = h.detach()
    loss(torch.stack(rows)).backward()
    assert problem.check(grads(rnn, head)).verdict == "FAIL"
    found = problem.as_torch(problem.gradients(window=1))
    for name, grad in grads(rnn, head).items():
        np.testing.assert_allclose(found[name], grad, rtol=0, atol=1e-12)


def test_a_gradient_by_torchs_names_is_looked_at():
    rnn, head, problem, loss, x = network()
    loss(rnn(x)[0]).backward()
    right = grads(rnn, head)
    with pytest.raises(ValueError, match=r"^gradient has the name 'W_hh', wanted some of weight_ih_l0, weight_hh_l0"):
        problem.check({"W_hh": right["weight_hh_l0"]})
    with pytest.raises(ValueError, match=r"^gradient of bias_hh_l0 is not that of bias_ih_l0, wanted the same"):
        problem.check({**right, "bias_hh_l0": 2 * right["bias_hh_l0"]})
    with pytest.raises(TypeError, match=r"^gradients is a dict, wanted the Gradients that backward returns"):
        problem.as_torch(right)


# --- what is refused ---

REFUSED = {
    "reduction": (
        {"criterion": nn.MSELoss(reduction="none")},
        "criterion has the reduction 'none', wanted 'mean' or 'sum'",
    ),
    "smoothing": (
        {"criterion": CE(label_smoothing=0.1), "y": LABELS},
        "criterion has label_smoothing = 0.1, wanted 0",
    ),
    "other": (
        {"criterion": nn.L1Loss()},
        "criterion is L1Loss, wanted a torch.nn.MSELoss() or CrossEntropyLoss(): for any other loss there are "
        "numpy_function and check_gradient",
    ),
    "function": (
        {"criterion": nn.functional.mse_loss},
        "criterion is mse_loss, wanted a torch.nn.MSELoss() or CrossEntropyLoss()",
    ),
    "class": ({"criterion": nn.MSELoss}, "criterion is MSELoss, wanted a torch.nn.MSELoss() or CrossEntropyLoss()"),
    "probabilities": (
        {"criterion": CE(), "y": Y},
        "y has dtype float32, wanted whole numbers, one class for each output: probabilities of classes are not read",
    ),
    "labels of a row": (
        {"criterion": CE(), "y": LABELS[:3]},
        "y has shape (3, 2), wanted (T, B) = (4, 2), the order of",
    ),
    "class weights": (
        {"criterion": CE(torch.ones(3)), "y": LABELS},
        "criterion.weight has shape (3,), wanted (q,) = (2,)",
    ),
    "negative": (
        {"criterion": CE(torch.tensor([-1.0, 1.0])), "y": LABELS},
        "criterion.weight has -1.0, wanted numbers from 0 on",
    ),
    "all ignored": (
        {"criterion": CE(), "y": torch.full((T, B), -100)},
        "y holds no label that counts, wanted one that is not ignore_index = -100 and whose class has a weight above 0",
    ),
    "no such class": (
        {"criterion": CE(), "y": LABELS + 1},
        "y is 2 at index (0, 1), wanted classes from 0 to q - 1 = 1",
    ),
    "order": (
        {"y": Y.transpose(0, 1)},
        "y has shape (2, 4, 2), wanted (T, B, q) = (4, 2, 2), the order of the outputs",
    ),
    "squeezed": (
        {"x": X.transpose(0, 1), "y": Y[:, 0], "batch_first": True},
        "y has shape (4, 2), wanted (B, T, q) = (2, 4, 2), the order of the outputs",
    ),
    "width": ({"x": X[..., :2]}, "x has shape (4, 2, 2), wanted (T, B, d) with d = 3"),
    "rank": ({"x": X[None]}, "x has shape (1, 4, 2, 3), wanted (T, B, d) or (T, d)"),
    "whole numbers": (
        {"x": LABELS},
        "x is in torch.int64, wanted torch.float32, that of the modules: make whole numbers one-hot, or take what the "
        "embedding returns",
    ),
    "double": ({"x": X.double()}, "x is in torch.float64, wanted torch.float32, that of the modules"),
    "half": ({"x": X.half()}, "x is in torch.float16, wanted torch.float32 or torch.float64: double() or float() it"),
    "device": ({"x": X.to("meta")}, "x is on the device meta, wanted the CPU: move it there with cpu()"),
    "sparse": (
        {"x": X.to_sparse()},
        "x is in the layout torch.sparse_coo, wanted a dense tensor: to_dense() it",
    ),
    "y elsewhere": ({"y": Y.to("meta")}, "y is on the device meta, wanted the CPU: move it there with cpu()"),
    "packed": (
        {"x": nn.utils.rnn.pack_padded_sequence(X, torch.tensor([4, 2]))},
        "x is a PackedSequence, wanted a tensor: pad_packed_sequence, and ignore_index where it is padding",
    ),
    "h0": ({"h0": torch.zeros(B, H)}, "h0 has shape (2, 5), wanted (1, B, h) = (1, 2, 5)"),
    "h0 unbatched": (
        {"x": X[:, 0], "y": Y[:, 0], "h0": torch.zeros(H)},
        "h0 has shape (5,), wanted (1, h) = (1, 5)",
    ),
    "nan": ({"x": X * torch.nan}, "x is nan at index (0, 0, 0), wanted finite numbers"),
    "no batch": ({"x": X[:, :0], "y": Y[:, :0]}, "x has shape (4, 0, 3), wanted (T, B, d) with d = 3"),
}


@for_each("key", REFUSED)
def test_data_and_criteria_that_cannot_be_meant_are_refused_in_a_sentence(key):
    given, message = REFUSED[key]
    with pytest.raises((TypeError, ValueError)) as caught:
        problem(**given)
    assert str(caught.value).startswith(message)


def test_the_last_label_must_count_where_it_is_the_only_one():
    with pytest.raises(ValueError, match=r"^y holds no label that counts"):
        problem(x=X[:, 0], y=torch.tensor(-100), criterion=CE())


def test_arrays_of_numpy_are_data_as_well():
    there, here = problem(), problem(x=X.numpy(), y=Y.double().numpy())
    assert here.x.dtype == there.x.dtype == np.float32
    assert np.array_equal(here.x, there.x) and np.array_equal(here.y, there.y)
