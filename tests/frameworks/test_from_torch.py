"""A torch.nn.RNN with its head, data and criterion in our terms, and back: 100 random ones.

Oracle: torch itself, run on the modules as they are: outputs, criterion and autograd's gradients.
"""

import numpy as np
import pytest
from loops import for_each

import d2lbptt as bptt

torch = pytest.importorskip("torch", reason="PyTorch is not installed: its networks are not read")
nn = torch.nn
NEAR = 1e-12


class Case:
    """A random network of torch with data and a criterion, in the order in which a user of torch has them."""

    def __init__(self, i, dtype=torch.float64):
        self.rng, self.dtype = np.random.default_rng([15, i]), dtype
        self.first, relu, bias, self.batched, squares = (bool(i >> bit & 1) for bit in range(5))  # they take turns
        self.T, self.B, d, h, self.q = (int(self.rng.integers(1, high)) for high in (13, 5, 6, 9, 5))
        options = {"nonlinearity": "relu" if relu else "tanh", "bias": bias, "batch_first": self.first}
        self.rnn = nn.RNN(d, h, **options, dtype=dtype)
        self.head = nn.Linear(h, self.q, bias=self.coin(), dtype=dtype)
        for p in (*self.rnn.parameters(), *self.head.parameters()):
            p.data = self.normal(*p.shape)
        self.leading = ((self.B, self.T) if self.first else (self.T, self.B)) if self.batched else (self.T,)
        self.x = self.normal(*self.leading, d)
        state = (1, self.B, h) if self.batched else (1, h)
        self.h0 = self.normal(*state).requires_grad_() if self.coin() else None
        self.layout = self.rng.choice(["as it is", "flattened", "last"] if self.batched else ["as it is", "last"])
        y_shape = ((self.B,) if self.batched else ()) if self.layout == "last" else self.leading
        reduction = str(self.rng.choice(["mean", "sum"]))
        self.y, self.criterion = (self.squares if squares else self.classes)(y_shape, reduction)
        if self.layout == "flattened":
            self.y = self.y.flatten(0, 1)

    def coin(self):
        return bool(self.rng.integers(2))

    def normal(self, *shape):
        return torch.tensor(self.rng.normal(size=shape), dtype=self.dtype)

    def squares(self, shape, reduction):
        return self.normal(*shape, self.q), nn.MSELoss(reduction=reduction)

    def classes(self, shape, reduction):
        """Half of them with weights of classes, half with ignored labels, of which one is always left."""
        weight, ignore = (self.normal(self.q).abs() if self.coin() else None), int(self.rng.choice([-100, -1, 0]))
        y = self.rng.integers(self.q, size=shape)
        if self.coin():
            y = np.where(self.rng.random(shape) < 0.4, ignore, y)
        if (y == ignore).all():
            y, ignore = np.zeros(shape, int), -100
        return torch.tensor(y), nn.CrossEntropyLoss(weight=weight, ignore_index=ignore, reduction=reduction)

    def outputs(self):
        return self.head(self.rnn(self.x, self.h0)[0])

    def loss(self):
        o = self.outputs()
        if self.layout == "last":
            o = o[:, -1] if self.batched and self.first else o[-1]
        elif self.layout == "flattened":
            o = o.flatten(0, 1)
        elif self.batched and isinstance(self.criterion, nn.CrossEntropyLoss):
            o = o.transpose(1, 2)  # torch wants the classes second
        return self.criterion(o, self.y)

    def gradients(self):
        """Autograd's, by torch's names."""
        self.loss().backward()
        named = [*self.rnn.named_parameters(), *self.head.named_parameters()]
        found = {name: p.grad.numpy() for name, p in named}
        return found if self.h0 is None else {**found, "h0": self.h0.grad.numpy()}

    def problem(self):
        return bptt.problem_from_torch(self.rnn, self.head, self.x, self.y, self.criterion, self.h0)


def close(found, wanted):
    size = max(np.abs(wanted).max(initial=0), 1)
    return np.shape(found) == np.shape(wanted) and np.abs(found - wanted).max(initial=0) <= NEAR * size


@for_each("i", range(100))
def test_outputs_criterion_and_every_gradient_are_those_of_torch(i):
    case = Case(i)
    problem = case.problem()
    o = problem.trace().o
    assert close(o.swapaxes(0, 1) if case.batched and case.first else o, case.outputs().detach().numpy())
    assert problem.value() == pytest.approx(case.loss().item(), rel=NEAR, abs=NEAR)
    found, wanted = problem.as_torch(problem.gradients()), case.gradients()
    assert set(wanted) == set(found) - ({"h0"} if case.h0 is None else set())
    assert [name for name in wanted if not close(found[name], wanted[name])] == []


def test_the_hundred_have_every_option():
    cases = [Case(i) for i in range(100)]
    problems = [case.problem() for case in cases]
    seen = {(c.rnn.mode, c.rnn.bias, c.first, c.batched, p.loss) for c, p in zip(cases, problems, strict=True)}
    assert len(seen) == 2 * 2 * 2 * 2 * 2
    assert {p.reduction for p in problems} == {"mean", "sum", "last"}
    assert {c.criterion.reduction for c in cases} == {"mean", "sum"}
    assert {c.head.bias is None for c in cases} == {c.h0 is None for c in cases} == {True, False}
    assert {(c.layout, p.loss) for c, p in zip(cases, problems, strict=True)} == {
        (layout, loss) for layout in ("as it is", "flattened", "last") for loss in ("squared_error", "cross_entropy")
    }
    assert {(p.weights is None, p.reduction) for p in problems if p.loss == "cross_entropy"} == {
        (weighted, reduction) for weighted in (True, False) for reduction in ("mean", "sum", "last")
    }


# --- there and back ---


def bits(a):
    return None if a is None else (a.dtype, a.shape, a.tobytes())


@for_each("dtype", [np.float32, np.float64])
@for_each("activation", ["tanh", "relu"])
@for_each("biases", [(True, True), (True, False), (False, True), (False, False)])
def test_to_torch_and_back_gives_the_same_bits(dtype, activation, biases):
    rng = np.random.default_rng(3)
    params = bptt.init_params(3, 5, 2, bias=True, dtype=dtype)
    signed = [np.where(rng.random(n) < 0.5, -0.0, rng.normal(size=n)).astype(dtype) for n in (5, 2)]
    b_h, b_q = (b if there else None for b, there in zip(signed, biases, strict=True))
    params = params._replace(b_h=b_h, b_q=b_q)
    rnn, head = bptt.to_torch(params, activation, batch_first=True)
    back, found = bptt.from_torch(rnn, head)
    assert found == activation and rnn.batch_first
    assert list(map(bits, back)) == list(map(bits, params))
    assert (rnn.bias, head.bias is not None) == biases
    assert b_h is None or bits(rnn.bias_hh_l0.detach().numpy()) == bits(np.zeros(5, dtype))


@for_each("i", range(8))
@for_each("dtype", [torch.float32, torch.float64])
def test_torch_to_ours_and_back_is_the_same_function(i, dtype):
    """To the rounding of the sum of the two biases."""
    case = Case(i, dtype)
    rnn, head = bptt.to_torch(*bptt.from_torch(case.rnn, case.head), batch_first=case.first)
    assert rnn.weight_hh_l0.dtype is dtype
    wanted = case.outputs()
    torch.testing.assert_close(head(rnn(case.x, case.h0)[0]), wanted, rtol=0, atol=100 * torch.finfo(dtype).eps)


def test_what_comes_out_are_copies():
    rnn, head = nn.RNN(3, 5), nn.Linear(5, 2)
    x, y, h0 = torch.zeros(4, 3), torch.zeros(4, 2), torch.zeros(1, 5)
    problem = bptt.problem_from_torch(rnn, head, x, y, nn.MSELoss(), h0)
    params, _ = bptt.from_torch(rnn, head)
    there = bptt.to_torch(params)
    for one in (*rnn.parameters(), *head.parameters(), x, y, h0):
        one.data.fill_(7)
    for ours in (params, problem.params):
        assert all((a != 7).all() for a in ours)
    assert not (problem.x.any() or problem.y.any() or problem.h0.any())
    params.W_hh[:] = 8
    assert (there[0].weight_hh_l0 != 8).all()


def test_to_torch_draws_no_random_numbers_and_can_be_trained():
    before = torch.get_rng_state()
    rnn, head = bptt.to_torch(bptt.init_params(3, 5, 2, bias=True, dtype=np.float32))
    assert torch.equal(torch.get_rng_state(), before)
    head(rnn(torch.ones(4, 3))[0]).sum().backward()
    assert all(p.requires_grad and p.grad is not None for p in (*rnn.parameters(), *head.parameters()))


# --- what is refused ---


def with_hook(module, name=None):
    (module if name is None else getattr(module, name)).register_hook(lambda g: g)
    return module


def forward_hook(module):
    module.register_forward_hook(lambda *a: None)
    return module


def own_forward(module):
    module.forward = lambda x: (x, None)
    return module


class OwnForward(nn.RNN):
    def forward(self, x, h=None):
        return super().forward(2 * x, h)


class Whole(nn.Module):
    def __init__(self):
        super().__init__()
        self.cells, self.head = nn.RNN(3, 5), nn.Linear(5, 2)


class Keras:
    pass


RNNS = {
    "two layers": (lambda: nn.RNN(3, 5, 2), "rnn has num_layers = 2, wanted one layer"),
    "both directions": (lambda: nn.RNN(3, 5, bidirectional=True), "rnn has bidirectional = True, wanted one direction"),
    "dropout": (lambda: nn.RNN(3, 5, 2, dropout=0.5), "rnn has num_layers = 2, wanted one layer"),
    "lstm": (
        lambda: nn.LSTM(3, 5),
        "rnn is of type LSTM, wanted torch.nn.RNN: see cells.lstm, or check its gradient with numpy_function and "
        "check_gradient",
    ),
    "gru": (
        lambda: nn.GRU(3, 5),
        "rnn is of type GRU, wanted torch.nn.RNN: see cells.gru, or check its gradient with numpy_function and "
        "check_gradient",
    ),
    "projection": (lambda: nn.LSTM(3, 5, proj_size=2), "rnn is of type LSTM, wanted torch.nn.RNN: see cells.lstm"),
    "cell": (lambda: nn.RNNCell(3, 5), "rnn is of type RNNCell, wanted torch.nn.RNN"),
    "whole model": (Whole, "rnn is of type Whole, wanted torch.nn.RNN: give its part 'cells'"),
    "half": (
        lambda: nn.RNN(3, 5).half(),
        "rnn.weight_ih_l0 is in torch.float16, wanted torch.float32 or torch.float64: double() or float() it",
    ),
    "bfloat16": (
        lambda: nn.RNN(3, 5).bfloat16(),
        "rnn.weight_ih_l0 is in torch.bfloat16, wanted torch.float32 or torch.float64: double() or float() it",
    ),
    "double": (lambda: nn.RNN(3, 5).double(), "head is in torch.float32, wanted that of rnn: torch.float64 everywhere"),
    "device": (
        lambda: nn.RNN(3, 5, device="meta"),
        "rnn.weight_ih_l0 is on the device meta, wanted the CPU: move it there with cpu()",
    ),
    "forward hook": (
        lambda: forward_hook(nn.RNN(3, 5)),
        "rnn has hooks, wanted none: what they change is not seen here",
    ),
    "hook": (
        lambda: with_hook(nn.RNN(3, 5), "weight_hh_l0"),
        "rnn has a hook on weight_hh_l0, wanted none: what they change is not seen here",
    ),
    "weight norm": (
        lambda: nn.utils.parametrizations.weight_norm(nn.RNN(3, 5), "weight_hh_l0"),
        "rnn has parametrizations, wanted plain weights: remove_parametrizations bakes them in",
    ),
    "own forward": (lambda: own_forward(nn.RNN(3, 5)), "rnn has a forward of its own, wanted that of torch.nn.RNN"),
    "own class": (lambda: OwnForward(3, 5), "rnn has a forward of its own, wanted that of torch.nn.RNN"),
    "keras": (
        Keras,
        "rnn is of type Keras, wanted torch.nn.RNN: weights of Keras, of Flax and of your own go through from_arrays",
    ),
    "width": (lambda: nn.RNN(3, 4), "head has in_features = 5, wanted the hidden_size of rnn = 4"),
}


@for_each("key", RNNS)
def test_an_rnn_that_is_not_ours_is_refused_in_a_sentence(key):
    make, message = RNNS[key]
    rnn = make()
    with pytest.raises((TypeError, ValueError)) as caught:
        bptt.from_torch(rnn, nn.Linear(5, 2))
    assert str(caught.value).startswith(message)
    with pytest.raises((TypeError, ValueError), match=r"^rnn|^head"):
        bptt.problem_from_torch(rnn, nn.Linear(5, 2), torch.zeros(4, 3), torch.zeros(4, 2), nn.MSELoss())


def test_dropout_is_refused_in_training_mode_only():
    rnn = nn.RNN(3, 5)
    rnn.dropout = 0.5
    with pytest.raises(ValueError, match=r"^rnn has dropout = 0\.5 in training mode, wanted no dropout: call eval\(\)"):
        bptt.from_torch(rnn, nn.Linear(5, 2))
    bptt.from_torch(rnn.eval(), nn.Linear(5, 2))


def test_a_weight_that_is_no_number_is_refused():
    rnn = nn.RNN(3, 5)
    rnn.weight_hh_l0.data[1, 2] = torch.nan
    with pytest.raises(ValueError, match=r"^W_hh is nan at index \(1, 2\), wanted finite numbers"):
        bptt.from_torch(rnn, nn.Linear(5, 2))


@for_each(
    ("head", "message"),
    [
        (nn.Bilinear(5, 5, 2), "head is of type Bilinear, wanted torch.nn.Linear"),
        (nn.Sequential(nn.Linear(5, 5), nn.Linear(5, 2)), "head is of type Sequential, wanted torch.nn.Linear"),
        (nn.Sequential(nn.Linear(5, 2)), "head is of type Sequential, wanted torch.nn.Linear: give its part '0'"),
        (forward_hook(nn.Linear(5, 2)), "head has hooks, wanted none"),
        (with_hook(nn.Linear(5, 2), "bias"), "head has a hook on bias, wanted none"),
        (nn.Linear(5, 2, device="meta"), "head.weight is on the device meta, wanted the CPU"),
        (None, "head is of type NoneType, wanted torch.nn.Linear"),
    ],
)
def test_a_head_that_is_not_ours_is_refused_in_a_sentence(head, message):
    with pytest.raises((TypeError, ValueError)) as caught:
        bptt.from_torch(nn.RNN(3, 5), head)
    assert str(caught.value).startswith(message)


@for_each("activation", ["identity", "sigmoid"])
def test_torch_has_no_identity_and_no_sigmoid(activation):
    with pytest.raises(ValueError, match=rf"^activation is '{activation}', wanted one of tanh, relu$"):
        bptt.to_torch(bptt.init_params(3, 5, 2), activation)


def test_complex_parameters_do_not_go_to_torch():
    params = bptt.init_params(3, 5, 2)
    with pytest.raises(TypeError, match=r"^W_hx has dtype complex128, wanted real numbers"):
        bptt.to_torch(params._replace(W_hx=params.W_hx + 0j))
