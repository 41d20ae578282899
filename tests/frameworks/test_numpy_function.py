"""A loss of torch as a function of arrays: f, theta and grad of ``numpy_function``.

Oracles: autograd on a copy of the model in double; differences of f, written out here. What must not change is
compared bit by bit.
"""

import copy
import functools
import gc
import weakref

import numpy as np
import pytest
from loops import for_each

import d2lbptt as bptt

torch = pytest.importorskip("torch", reason="PyTorch is not installed: its losses are not called")
nn = torch.nn
X, Y = torch.linspace(-1, 1, 24).reshape(4, 2, 3), torch.linspace(1, -1, 16).reshape(4, 2, 2)
X_DOUBLE, Y_DOUBLE = X.double(), Y.double()


class Model(nn.Module):
    """Two layers of an LSTM, dropout between them, batch norm after them: it has all that can change."""

    def __init__(self, seed=0):
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.cells, self.norm, self.head = nn.LSTM(3, 4, 2, dropout=0.5), nn.BatchNorm1d(4), nn.Linear(4, 2)

    def forward(self, x):
        h = self.cells(x)[0]
        return self.head(self.norm(h.flatten(0, 1))).reshape(*h.shape[:2], 2)


def loss_of(model, x=X_DOUBLE, y=Y_DOUBLE):
    return lambda: nn.functional.mse_loss(model(x), y)


def eval_cells(model):
    """Dropout is off, batch norm learns."""
    model.cells.eval()
    return model


def snapshot(model):
    """All that a caller could see of a model and of torch, to the bit."""
    tensors = [*model.named_parameters(), *model.named_buffers()]
    seen = {name: (id(t), t.data_ptr(), t.dtype, t.detach().numpy().tobytes()) for name, t in tensors}
    seen |= {
        f"{n}.grad": (id(p.grad), p.grad.numpy().tobytes()) for n, p in model.named_parameters() if p.grad is not None
    }
    seen |= {f"{n}.training": m.training for n, m in model.named_modules()}
    seen |= {"default": torch.get_default_dtype(), "random": torch.get_rng_state().numpy().tobytes()}
    return seen | {"grad mode": torch.is_grad_enabled(), "hooks": len(nn.modules.module._global_forward_pre_hooks)}


def differences(f, theta, name, step=1e-6):
    found = np.zeros(theta[name].shape)
    for index in np.ndindex(found.shape):
        ends = []
        for sign in (1, -1):
            moved = {**theta, name: theta[name].copy()}
            moved[name][index] += sign * step
            ends.append(f(moved))
        found[index] = (ends[0] - ends[1]) / (2 * step)
    return found


@for_each("dtype", [torch.float32, torch.float64])
def test_f_and_grad_are_those_of_the_model_in_double(dtype):
    model = eval_cells(Model().to(dtype))
    double = copy.deepcopy(model).double()
    f, theta, grad = bptt.numpy_function(loss_of(model), dict(model.named_parameters()))
    L = loss_of(double)()
    L.backward()
    assert f(theta) == L.item() and type(f(theta)) is float
    found = grad(theta)
    assert list(found) == list(theta) == [name for name, _ in model.named_parameters()]
    for name, p in double.named_parameters():
        assert theta[name].dtype == found[name].dtype == np.float64
        np.testing.assert_array_equal(theta[name], p.detach())
        np.testing.assert_allclose(found[name], p.grad, rtol=0, atol=1e-15)


def test_grad_is_the_slope_of_f_elsewhere_too():
    model = eval_cells(Model())
    f, theta, grad = bptt.numpy_function(loss_of(model), dict(model.named_parameters()))
    rng = np.random.default_rng(0)
    theta = {name: a + 0.1 * rng.normal(size=a.shape) for name, a in theta.items()}
    found = grad(theta)
    for name in theta:
        np.testing.assert_allclose(found[name], differences(f, theta, name), rtol=0, atol=1e-9)


def test_some_of_the_parameters_will_do():
    model = eval_cells(Model())
    whole, part = dict(model.named_parameters()), {"W": model.head.weight}
    f, theta, grad = bptt.numpy_function(loss_of(model), whole)
    f_part, theta_part, grad_part = bptt.numpy_function(loss_of(model), part)
    assert f(theta) == f_part(theta_part)
    np.testing.assert_array_equal(grad_part(theta_part)["W"], grad(theta)["head.weight"])


def test_a_parameter_that_the_loss_does_not_use_has_gradient_0():
    model, idle = Model().eval(), nn.Parameter(torch.ones(2, 3))
    _, theta, grad = bptt.numpy_function(loss_of(model), {"idle": idle, "W": model.head.weight})
    assert not grad(theta)["idle"].any() and grad(theta)["idle"].shape == (2, 3) and grad(theta)["W"].any()


# --- nothing changes ---


def test_the_model_and_torch_are_as_before():
    model = eval_cells(Model())
    loss_of(model, X, Y)().backward()
    model.zero_grad(set_to_none=False)
    model.head.weight.grad.fill_(3)
    model.head.bias.grad = None
    before = snapshot(model)
    f, theta, grad = bptt.numpy_function(loss_of(model), dict(model.named_parameters()))
    assert snapshot(model) == before
    with torch.no_grad():
        grad({name: a + 1 for name, a in theta.items()})
    assert f({name: a + 1 for name, a in theta.items()}) != f(theta)
    assert snapshot(model) == before


def test_they_are_as_before_when_the_loss_raises():
    model, switch = eval_cells(Model()), []

    def loss():
        model.eval()
        found = loss_of(model)()
        torch.rand(3)
        if switch:
            raise KeyError("mine")
        return found

    before = snapshot(model)
    f, theta, grad = bptt.numpy_function(loss, dict(model.named_parameters()))
    switch.append(True)
    for function in (f, grad):
        with pytest.raises(KeyError, match="mine"):
            function(theta)
    assert snapshot(model) == before


def test_a_model_that_the_loss_finds_by_itself_is_as_before():
    """It stands in no variable of the loss: it is seen when it is called."""
    holder = type("Holder", (), {})()
    holder.model = eval_cells(Model())
    before = snapshot(holder.model)
    f, theta, _ = bptt.numpy_function(lambda: loss_of(holder.model)(), {"W": holder.model.head.weight})
    assert np.isfinite(f(theta))
    assert snapshot(holder.model) == before


def test_buffers_that_are_replaced_are_put_back():
    class Counter(nn.Module):
        def __init__(self):
            super().__init__()
            self.w, self.seen = nn.Parameter(torch.ones(1)), None
            self.register_buffer("count", torch.zeros(1))

        def forward(self):
            self.count = self.count + 1
            return (self.w * self.count).sum()

    model = Counter()
    before = snapshot(model)
    f, theta, _ = bptt.numpy_function(lambda: model(), dict(model.named_parameters()))
    assert f(theta) == f(theta) == 1
    assert snapshot(model) == before


def test_what_comes_in_and_goes_out_is_copied():
    model = Model().eval()
    f, theta, grad = bptt.numpy_function(loss_of(model), dict(model.named_parameters()))
    given = {name: a.copy() for name, a in theta.items()}
    first, found = f(given), grad(given)
    assert all(np.array_equal(given[name], theta[name]) for name in theta)
    for a in (*theta.values(), *found.values()):
        a[:] = 7
    assert f(given) == first and not (grad(given)["head.bias"] == 7).any()


def test_gradients_that_autograd_shares_are_copies_of_their_own():
    a, b = (nn.Parameter(torch.ones(2)) for _ in range(2))
    _, theta, grad = bptt.numpy_function(lambda: (a + b).sum(), {"a": a, "b": b})
    found = grad(theta)
    found["a"][0] = 7
    assert found["a"].tolist() == [7, 1] and found["b"].tolist() == [1, 1]


def test_no_graph_outlives_a_call():
    model, kept = Model().eval(), []

    def loss():
        o = model(X_DOUBLE)
        kept.append(weakref.ref(o))
        return o.sum()

    f, theta, grad = bptt.numpy_function(loss, dict(model.named_parameters()))
    f(theta), grad(theta)
    gc.collect()
    assert kept and all(ref() is None for ref in kept)


# --- what is refused ---


def refused(message, loss, parameters, kind=(TypeError, ValueError)):
    with pytest.raises(kind) as caught:
        bptt.numpy_function(loss, parameters)
    assert str(caught.value).startswith(message)


@for_each("seed", range(10))
def test_dropout_in_training_mode_is_refused(seed):
    model = Model(seed)
    before = snapshot(model)
    with pytest.raises(
        ValueError, match=r"^loss returned .*, wanted the same number again: with dropout call eval\(\)"
    ):
        bptt.numpy_function(loss_of(model), dict(model.named_parameters()))
    assert snapshot(model) == before


def test_a_loss_that_remembers_is_refused():
    w, calls = nn.Parameter(torch.ones(1)), []

    def loss():
        calls.append(1)
        return w.sum() * len(calls)

    refused("loss returned 1.0, then 2.0, wanted the same number again", loss, {"w": w})


def test_data_in_float32_is_named():
    model, x, target = Model().eval(), X, Y
    message = "loss uses x in torch.float32, wanted torch.float64, in which its parameters are here: double() it"
    refused(message, lambda: model(x).sum(), dict(model.named_parameters()))
    batches = [(x, target)]
    listed = lambda: sum(((model(a) - b) ** 2).sum() for a, b in batches)  # noqa: E731
    refused(message.replace("x in", "batches in"), listed, dict(model.named_parameters()))
    by_argument = functools.partial(lambda x: model(x).sum(), x=X)
    refused(message, by_argument, dict(model.named_parameters()))
    refused(message, lambda x=X: model(x).sum(), dict(model.named_parameters()))
    made_inside = lambda: model(torch.ones(4, 2, 3, dtype=torch.float32)).sum()  # noqa: E731
    refused(message.replace("x in", "something in"), made_inside, dict(model.named_parameters()))


def test_what_is_made_inside_the_loss_is_double_and_a_target_in_float32_is_taken_as_it_is():
    model = Model().eval()
    f, theta, _ = bptt.numpy_function(lambda: ((model(torch.ones(4, 2, 3)) - Y) ** 2).mean(), {"W": model.head.weight})
    double = copy.deepcopy(model).double()
    assert f(theta) == ((double(torch.ones(4, 2, 3).double()) - Y.double()) ** 2).mean().item()


def trainer():
    class Trainer:
        def __init__(self):
            self.model, self.x = Model().eval(), X

        def loss(self):
            return self.model(self.x).sum()

    return Trainer()


def test_data_of_an_object_is_named():
    one = trainer()
    refused("loss uses self.x in torch.float32", one.loss, dict(one.model.named_parameters()))


W = nn.Parameter(torch.ones(2))
LOSSES = {
    "number": (lambda: 1.0, "loss returned a float, wanted a tensor with one number"),
    "vector": (lambda: W, "loss returned a tensor of shape (2,), wanted a tensor with one number"),
    "detached": (
        lambda: W.detach().sum(),
        "loss returned a number without a graph, wanted one that depends on the parameters",
    ),
    "single": (
        lambda: W.sum().float(),
        "loss returned torch.float32, wanted torch.float64, in which its parameters are here",
    ),
    "nan": (lambda: W.sum() * torch.nan, "loss returned nan, wanted a finite number"),
    "backward": (lambda: (L := W.sum(), L.backward())[0], "loss called backward(), wanted its value alone"),
    "no function": (3, "loss is 3, wanted a function"),
}


@for_each("key", LOSSES)
def test_a_loss_that_cannot_be_meant_is_refused_in_a_sentence(key):
    loss, message = LOSSES[key]
    refused(message, loss, {"W": W})
    assert W.grad is None and W.dtype is torch.float32


MAPPING = "wanted a mapping from name to tensor, as dict(model.named_parameters())"
PARAMETERS = {
    "list": ([W], f"parameters is a list, {MAPPING}"),
    "generator": (nn.Linear(2, 2).named_parameters(), f"parameters is a generator, {MAPPING}"),
    "empty": ({}, f"parameters is empty, {MAPPING}"),
    "array": ({"W": np.ones(2)}, f"parameters['W'] is a ndarray, {MAPPING}"),
    "frozen": (
        {"W": torch.ones(2)},
        "parameters['W'] is no leaf that requires a gradient, wanted one: leave out what is frozen",
    ),
    "made": ({"W": 2 * W}, "parameters['W'] is no leaf that requires a gradient"),
    "half": (
        {"W": nn.Parameter(torch.ones(2, dtype=torch.float16))},
        "parameters['W'] is in torch.float16, wanted torch.float32 or torch.float64",
    ),
    "device": (
        {"W": nn.Parameter(torch.ones(2, device="meta"))},
        "parameters['W'] is on the device meta, wanted the CPU: move it there with cpu()",
    ),
    "twice": ({"W": W, "V": W}, "parameters['V'] is the same tensor as parameters['W'], wanted it once"),
    "nan": (
        {"W": nn.Parameter(torch.tensor([1, torch.nan]))},
        "parameters['W'] is nan at index (1,), wanted finite numbers",
    ),
}


@for_each("key", PARAMETERS)
def test_parameters_that_cannot_be_meant_are_refused_in_a_sentence(key):
    parameters, message = PARAMETERS[key]
    refused(message, lambda: W.sum(), parameters)


@for_each(
    ("theta", "message"),
    [
        ({"V": np.ones(2)}, "theta has the names V, wanted W"),
        ({"W": np.ones(3)}, r"theta\['W'\] has shape \(3,\), wanted that of the parameter, \(2,\)"),
        ({"W": np.ones(2) * 1j}, r"theta\['W'\] has dtype complex128, wanted real numbers"),
        (np.ones(2), "theta is a ndarray, wanted a mapping from name to array"),
    ],
)
def test_theta_must_be_like_the_parameters(theta, message):
    f, _, grad = bptt.numpy_function(lambda: W.sum(), {"W": W})
    for function in (f, grad):
        with pytest.raises((TypeError, ValueError), match=f"^{message}"):
            function(theta)
