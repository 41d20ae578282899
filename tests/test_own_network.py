"""What readers bring: a network of PyTorch, other people's arrays, whole models, padding, truncation as in practice.

Oracles: PyTorch's autograd on the network as its owner writes it, the textbook loop in the owner's convention, and
counting for what a sample misses. What the package says in words is looked for in the words.
"""

from math import comb

import numpy as np
import pytest
from loops import for_each

import d2lbptt as bptt

T, B, D, H, Q = 7, 4, 3, 5, 2
NAMES = ("W_hx", "W_hh", "W_qh", "b_h", "b_q")


@pytest.fixture
def torch():
    return pytest.importorskip("torch", reason="PyTorch is not installed: nothing is compared with it")


def near(ours, theirs):
    """Whether two arrays are equal to 1e-12 of the largest entry."""
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    return ours.shape == theirs.shape and np.abs(ours - theirs).max() <= 1e-12 * np.abs(theirs).max()


def network(outputs=Q):
    """A network with biases, and a batch of inputs."""
    rng = np.random.default_rng(0)
    params = bptt.init_params(D, H, outputs, scale=1.2, bias=True, seed=0)
    params = params._replace(b_h=rng.normal(size=H), b_q=rng.normal(size=outputs))
    return params, rng.normal(size=(T, B, D))


def one_sequence():
    """A network, a sequence, its targets and the state before it."""
    (params, x), rng = network(), np.random.default_rng(1)
    return params, x[:, 0], rng.normal(size=(T, Q)), rng.normal(size=H)


def autograd(torch, params, x, loss, h0=None, cut=lambda t, h: h):
    """The gradients of a loop in torch by name; before step t its state goes through ``cut``."""
    W = {name: torch.tensor(value, requires_grad=True) for name, value in params._asdict().items()}
    h, o = torch.tensor(np.zeros((*x.shape[1:-1], H)) if h0 is None else h0), []
    for t, x_t in enumerate(torch.tensor(x), 1):
        h = torch.tanh(x_t @ W["W_hx"].T + cut(t, h) @ W["W_hh"].T + W["b_h"])
        o.append(h @ W["W_qh"].T + W["b_q"])
    loss(torch.stack(o)).backward()
    return {name: tensor.grad.numpy() for name, tensor in W.items()}


def half_squares(torch, y):
    """The loss of the book as a function of o."""
    return lambda o: ((o - torch.tensor(y)) ** 2).sum() / 2 / np.prod(y.shape[:-1])


def same_gradients(ours, theirs):
    return all(near(getattr(ours, name), theirs[name]) for name in NAMES)


# --- torch.nn.RNN and nn.Linear, with data and criterion ---


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("kind", ["MSELoss", "CrossEntropyLoss"])
def test_a_network_of_torch_comes_with_data_and_criterion_in_one_call(torch, kind, reduction):
    torch.manual_seed(1)
    rnn, head = torch.nn.RNN(D, H, batch_first=True), torch.nn.Linear(H, Q)
    params, activation = bptt.from_torch(rnn, head)  # the weights alone, in float32
    assert activation == "tanh" and params.W_hh.dtype == np.float32
    rnn, head, x = rnn.double(), head.double(), torch.randn(B, T, D).double()
    y = torch.randn(B, T, Q).double() if kind == "MSELoss" else torch.randint(Q, (B, T))
    criterion = getattr(torch.nn, kind)(reduction=reduction)
    o = head(rnn(x)[0])
    theirs = criterion(o, y) if kind == "MSELoss" else criterion(o.flatten(0, 1), y.flatten())
    theirs.backward()
    problem = bptt.problem_from_torch(rnn, head, x, y, criterion)
    ours = problem.as_torch(problem.gradients())
    assert near(problem.value(), theirs.item())
    assert all(near(ours[name], p.grad) for name, p in [*rnn.named_parameters(), *head.named_parameters()])
    said = " ".join(problem.notes)
    assert "bias_ih_l0 + bias_hh_l0" in said and "transposed to time first" in said
    assert ("no 1/2" in said) == (kind == "MSELoss")


# --- other people's names and shapes ---


def test_arrays_by_their_usual_names_with_columns_for_biases():
    params, _ = network()
    theirs = dict(zip(("Wxh", "Whh", "Why", "bh", "by"), params, strict=True))
    theirs |= {name: theirs[name][:, None] for name in ("bh", "by")}
    assert all(np.array_equal(ours, a) for ours, a in zip(bptt.from_arrays(theirs), params, strict=True))


@for_each("order", ["hx", "xh"])
def test_one_joint_matrix_for_rows_is_a_step_of_the_same_network(order):
    params, x = network()
    parts = {"h": params.W_hh.T, "x": params.W_hx.T}
    theirs = {"W": np.concatenate([parts[letter] for letter in order]), "b": params.b_h}
    theirs |= {"Why": params.W_qh.T, "by": params.b_q}
    h, o = np.zeros((B, H)), []
    for x_t in x:
        both = {"h": h, "x": x_t}
        h = np.tanh(np.concatenate([both[letter] for letter in order], 1) @ theirs["W"] + theirs["b"])
        o.append(h @ theirs["Why"] + theirs["by"])
    ours = bptt.from_arrays(theirs, rows=True, order=order)
    assert near(bptt.forward(ours, x, activation="tanh").o, o)


def test_what_lies_otherwise_is_said_and_lists_of_steps_are_taken():
    params, x = network()
    with pytest.raises(ValueError, match="yours looks transposed"):
        bptt.forward(params._replace(W_hx=params.W_hx.T), x)
    with pytest.raises(ValueError, match="a column; ravel it"):
        bptt.forward(params._replace(b_h=params.b_h[:, None]), x)
    with pytest.raises(ValueError, match="make them one-hot"):
        bptt.forward(params, np.arange(T) % D)
    assert np.array_equal(bptt.forward(params, list(x)).o, bptt.forward(params, x).o)


# --- a whole model ---


@pytest.mark.slow
def test_a_model_of_many_parameters_is_checked_by_name_and_by_a_sample(torch):
    torch.manual_seed(0)
    model, x = torch.nn.LSTM(D, 8, num_layers=2), torch.randn(T, B, D).double()
    f, theta, grad = bptt.numpy_function(lambda: model(x)[0].square().mean(), dict(model.named_parameters()))
    report = bptt.check_gradient(f, theta, grad, entries=40)
    assert report.verdict == "PASS" and {row.parameter for row in report.rows} == set(theta)
    assert f"40 of {sum(value.size for value in theta.values())} entries" in report.reach
    wrong = grad(theta) | {"weight_hh_l1": 1.01 * grad(theta)["weight_hh_l1"]}
    report = bptt.check_gradient(f, theta, wrong, entries=40)
    assert report.verdict == "FAIL" and report.worst.parameter == "weight_hh_l1" and "weight_hh_l1" in report.hint


def test_wrong_entries_are_missed_as_often_as_counting_says():
    A, draws = np.random.default_rng(0).normal(size=30), 100
    wrong = 2 * A * np.repeat([1.1, 1], [3, 27])

    def missed(seed):
        report = bptt.check_gradient(lambda a: (A * a**2).sum(), np.ones(30), wrong, entries=10, seed=seed)
        return report.verdict == "PASS"

    p = comb(27, 10) / comb(30, 10)
    assert abs(sum(map(missed, range(draws))) / draws - p) < 4 * np.sqrt(p * (1 - p) / draws)


# --- padding ---


def test_padding_is_a_weight_of_0_in_the_loss_the_gradient_and_the_check(torch):
    params, x = network(outputs=6)
    y, mask = np.random.default_rng(1).integers(6, size=(T, B)), (np.arange(T)[:, None] < [7, 5, 2, 6]).astype(float)
    y[mask == 0] = -100
    criterion, options = torch.nn.CrossEntropyLoss(ignore_index=-100), {"loss": "cross_entropy", "weights": mask}
    trace = bptt.forward(params, x, activation="tanh")

    def loss(o):
        return criterion(o.flatten(0, 1), torch.tensor(y).flatten())

    theirs = autograd(torch, params, x, loss)
    assert near(bptt.loss(trace, y, **options), loss(torch.tensor(trace.o)).item())
    assert same_gradients(bptt.backward(trace, y, **options), theirs)
    assert bptt.check_gradients(params, x, y, activation="tanh", **options, gradient=lambda trace, y: theirs)


def test_the_label_of_padding_is_refused_with_the_way_out():
    params, x = network(outputs=6)
    y = np.zeros((T, B), int)
    y[-1, 0] = -100
    with pytest.raises(ValueError, match=r"y is -100 .*, give them weight 0: weights="):
        bptt.loss(bptt.forward(params, x), y, loss="cross_entropy")


# --- where the gradient is cut ---


def updates(torch, params, x, y, h0, k1, k2):
    """Every k1 steps backward() for the losses since then, over k2 steps at most, forward anew from stored states."""
    W = {name: torch.tensor(value, requires_grad=True) for name, value in params._asdict().items()}
    states, done = [torch.tensor(h0)], 0
    for end in [*range(k1, len(x), k1), len(x)]:
        h, L = states[max(end - k2, 0)], 0
        for t in range(max(end - k2, 0), end):
            h = torch.tanh(W["W_hx"] @ torch.tensor(x[t]) + W["W_hh"] @ h + W["b_h"])
            if t >= done:
                states.append(h.detach())
                L = L + ((W["W_qh"] @ h + W["b_q"] - torch.tensor(y[t])) ** 2).sum() / 2 / len(x)
        L.backward()
        done = end
    return {name: tensor.grad.numpy() for name, tensor in W.items()}


@pytest.mark.parametrize(("k1", "k2"), [(1, 3), (2, 4), (3, 3), (2, 7), (7, 7)])
def test_k1_and_k2_are_one_argument_of_backward_and_give_every_gradient(torch, k1, k2):
    params, x, y, h0 = one_sequence()
    ours = bptt.backward(bptt.forward(params, x, h0=h0, activation="tanh"), y, first=bptt.tbptt(T, k1, k2))
    assert same_gradients(ours, updates(torch, params, x, y, h0, k1, k2))


@pytest.mark.parametrize(("k1", "k2"), [(2, 4), (3, 5)])
def test_the_check_recognizes_k1_and_k2(torch, k1, k2):
    params, x, y, h0 = one_sequence()

    def gradient(trace, y):
        return updates(torch, trace.params, trace.x, y, trace.h[0], k1, k2)

    report = bptt.check_gradients(params, x, y, h0=h0, activation="tanh", gradient=gradient)
    assert report.verdict == "FAIL" and f"k1 = {k1}" in report.hint and f"k2 = {k2}" in report.hint


def test_sequences_of_a_batch_may_be_cut_at_different_steps(torch):
    params, x = network()
    y, gates = np.random.default_rng(2).normal(size=(T, B, Q)), np.random.default_rng(3).integers(2, size=(T, B))

    def cut(t, h):
        return torch.where(torch.tensor(gates[t - 1, :, None] == 1), h, h.detach())

    ours = bptt.backward(bptt.forward(params, x, activation="tanh"), y, gates=gates)
    assert same_gradients(ours, autograd(torch, params, x, half_squares(torch, y), cut=cut))


def test_detach_once_per_minibatch_is_chunks_and_a_gate_of_0(torch):
    """The book's loop with torch.nn.RNN on two minibatches, and ours on one sequence of twice the length."""
    params, x = network()
    x, y = np.concatenate([x, x[::-1]]), np.random.default_rng(4).normal(size=(2 * T, B, Q))
    rnn, head = bptt.to_torch(params)
    state = torch.zeros(1, B, H, dtype=torch.float64)
    for half in (slice(0, T), slice(T, 2 * T)):
        state.detach_()
        hidden, state = rnn(torch.tensor(x[half]), state)
        (((head(hidden) - torch.tensor(y[half])) ** 2).sum() / 2 / B).backward()
    xi = np.ones(2 * T)
    xi[T] = 0  # the arrow from step T + 1 back to step T
    assert np.array_equal(xi, bptt.chunks(2 * T, T))
    ours = bptt.backward(bptt.forward(params, x, activation="tanh"), y, gates=xi, reduction="sum")
    grads = (rnn.weight_ih_l0, rnn.weight_hh_l0, head.weight, rnn.bias_ih_l0, head.bias)
    assert same_gradients(ours, {name: p.grad for name, p in zip(NAMES, grads, strict=True)})


def test_detach_after_every_step_is_tau_1_and_the_check_says_so(torch):
    params, x, y, h0 = one_sequence()

    def every_step(trace, y):
        loss = half_squares(torch, y)
        return autograd(torch, trace.params, trace.x, loss, trace.h[0], cut=lambda t, h: h.detach())

    trace = bptt.forward(params, x, h0=h0, activation="tanh")
    assert same_gradients(bptt.backward(trace, y, window=1), every_step(trace, y))
    report = bptt.check_gradients(params, x, y, h0=h0, activation="tanh", gradient=every_step)
    assert report.verdict == "FAIL" and "detached in every step: tau = 1" in report.hint


# --- LSTM and GRU ---


@pytest.mark.parametrize("name", ["LSTM", "GRU"])
def test_lstm_and_gru_have_a_backward_pass_by_hand(torch, name):
    cell = getattr(bptt.cells, name.lower())
    params = cell.init_params(D, H, seed=0)
    x, dh = np.random.default_rng(0).normal(size=(T, D)), np.random.default_rng(1).normal(size=(T, H))
    ours = cell.backward(cell.forward(params, x), dh).params
    theirs = getattr(torch.nn, name)(D, H).double()
    values = (*params, np.zeros(4 * H)) if name == "LSTM" else params  # its second bias is added to the first
    theirs.load_state_dict({key: torch.tensor(v) for key, v in zip(theirs.state_dict(), values, strict=True)})
    (theirs(torch.tensor(x))[0] * torch.tensor(dh)).sum().backward()
    assert all(near(g, p.grad) for g, p in zip(ours, theirs.parameters(), strict=False))
    assert bptt.check_gradient(lambda params: (cell.forward(params, x).h[1:] * dh).sum(), params, ours, entries=40)


def test_gated_cells_stand_beside_the_plain_network_and_the_forget_bias_has_a_slider():
    shown = bptt.experiments.gated(T=50)
    assert len(shown.plain) == len(shown.lstm) == len(shown.gru) == 50
    for explorer, wanted in (
        (bptt.explorers.gated(), {"T", "g", "bias", "cell", "seed"}),
        (bptt.explorers.remedies(), {"b_f"}),
    ):
        assert wanted <= set(explorer.controls) and explorer.error is None
        explorer.close()
