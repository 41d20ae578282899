"""Weights under other people's names: ``from_arrays``.

Oracle: the forward pass of each convention, written as its users write it, with their names, shapes and layout. Neither
Keras nor Flax need be installed: their layers are loops here, in their layout. JAX, where it is, gives gradients.
"""

import numpy as np
import pytest
import walk
from loops import for_each

import d2lbptt as bptt

T, D, H, Q = 6, 3, 4, 2
RNG = np.random.default_rng(15)
X = RNG.normal(size=(T, D))


def normal(*shape):
    return RNG.normal(size=shape)


def columns(W, U, V, b=0, c=0):
    """h = tanh(W x + U h + b), columns (n, 1): as Karpathy, Coursera and WildML write it."""
    h, rows = np.zeros((len(U), 1)), []
    for x in X:
        h = np.tanh(W @ x.reshape(-1, 1) + U @ h + np.reshape(b, (-1, 1)))
        rows.append((V @ h + np.reshape(c, (-1, 1))).ravel())
    return np.array(rows)


def rows(W, U, V, b=0, c=0):
    """h = tanh(x W + h U + b), rows (1, n): as the book's code, cs231n, Keras and Flax write it."""
    h, found = np.zeros((1, len(U))), []
    for x in X:
        h = np.tanh(x.reshape(1, -1) @ W + h @ U + b)
        found.append((h @ V + c).ravel())
    return np.array(found)


def joint(W, V, order, b=0, c=0):
    """h = tanh(W [h, x] + b)."""
    h, found = np.zeros(len(W)), []
    for x in X:
        h = np.tanh(W @ np.concatenate([h, x] if order == "hx" else [x, h]) + b)
        found.append(V @ h + c)
    return np.array(found)


IN, REC, OUT, B, C = normal(H, D), normal(H, H), normal(Q, H), normal(H), normal(Q)
COLUMN = (B[:, None], C[:, None])
HIDDEN_BIAS = normal(H)


def named(names, *values):
    return dict(zip(names.split(), values, strict=True))


CONVENTIONS = {
    "ours": (named("W_hx W_hh W_qh b_h b_q", IN, REC, OUT, B, C), {}, columns(IN, REC, OUT, B, C)),
    "no biases": (named("W_hx W_hh W_qh", IN, REC, OUT), {}, columns(IN, REC, OUT)),
    "min-char-rnn": (named("Wxh Whh Why bh by", IN, REC, OUT, *COLUMN), {}, columns(IN, REC, OUT, *COLUMN)),
    "Coursera": (named("Wax Waa Wya ba by", IN, REC, OUT, *COLUMN), {}, columns(IN, REC, OUT, *COLUMN)),
    "Goodfellow": (named("U W V b c", IN, REC, OUT, B, C), {}, columns(IN, REC, OUT, B, C)),
    "Jurafsky and Martin": (named("W U V", IN, REC, OUT), {}, columns(IN, REC, OUT)),
    "Elman": (named("W_h U_h W_y b_h b_y", IN, REC, OUT, B, C), {}, columns(IN, REC, OUT, B, C)),
    "the book": (named("W_xh W_hh W_hq b_h b_q", IN.T, REC, OUT.T, B, C), {"rows": True}, rows(IN.T, REC, OUT.T, B, C)),
    "state of the book's module": (
        named("rnn.W_xh rnn.W_hh rnn.b_h W_hq b_q", IN.T, REC, B, OUT.T, C),
        {"rows": True},
        rows(IN.T, REC, OUT.T, B, C),
    ),
    "cs231n": (
        named("Wx Wh b W_vocab b_vocab", IN.T, REC, B, OUT.T, C),
        {"rows": True},
        rows(IN.T, REC, OUT.T, B, C),
    ),
    "row biases": (named("Wxh Whh Why bh", IN.T, REC, OUT.T, B[None]), {"rows": True}, rows(IN.T, REC, OUT.T, B)),
    "Keras": (
        named("kernel recurrent_kernel bias dense/kernel dense/bias", IN.T, REC, B, OUT.T, C),
        {},
        rows(IN.T, REC, OUT.T, B, C),
    ),
    "paths of Keras": (
        {
            "sequential/simple_rnn/simple_rnn_cell/kernel": IN.T,
            "sequential/simple_rnn/simple_rnn_cell/recurrent_kernel": REC,
            "sequential/simple_rnn/simple_rnn_cell/bias": B,
            "sequential/dense/kernel": OUT.T,
            "sequential/dense/bias": C,
        },
        {"rows": True},
        rows(IN.T, REC, OUT.T, B, C),
    ),
    "Flax": (
        {
            "SimpleCell_0": {"i": {"kernel": IN.T, "bias": B}, "h": {"kernel": REC}},
            "Dense_0": {"kernel": OUT.T, "bias": C},
        },
        {},
        rows(IN.T, REC, OUT.T, B, C),
    ),
    "Flax, flat": (
        named("i/kernel i/bias h/kernel Dense_0/kernel", IN.T, B, REC, OUT.T),
        {},
        rows(IN.T, REC, OUT.T, B),
    ),
    "PyTorch": (
        {
            "rnn.weight_ih_l0": IN,
            "rnn.weight_hh_l0": REC,
            "rnn.bias_ih_l0": B,
            "rnn.bias_hh_l0": HIDDEN_BIAS,
            "head.weight": OUT,
            "head.bias": C,
        },
        {},
        columns(IN, REC, OUT, B + HIDDEN_BIAS, C),
    ),
    "two linear layers of PyTorch": (
        named("i2h.weight i2h.bias h2h.weight h2h.bias h2o.weight", IN, B, REC, HIDDEN_BIAS, OUT),
        {},
        columns(IN, REC, OUT, B + HIDDEN_BIAS),
    ),
    "[h, x]": (
        named("W V b c", np.hstack([REC, IN]), OUT, B, C),
        {"order": "hx"},
        joint(np.hstack([REC, IN]), OUT, "hx", B, C),
    ),
    "[x, h]": (named("W V", np.hstack([IN, REC]), OUT), {"order": "xh"}, joint(np.hstack([IN, REC]), OUT, "xh")),
    "[h, x] in rows": (
        named("Wh Why bh", np.vstack([REC, IN.T]), OUT.T, B),
        {"order": "hx", "rows": True},
        rows(IN.T, REC, OUT.T, B),
    ),
    "one linear layer of PyTorch": (
        named("i2h.weight i2h.bias h2o.weight h2o.bias", np.hstack([IN, REC]), B, OUT, C),
        {"order": "xh"},
        joint(np.hstack([IN, REC]), OUT, "xh", B, C),
    ),
}


@for_each("key", CONVENTIONS)
def test_the_outputs_are_those_of_the_convention(key):
    mapping, options, wanted = CONVENTIONS[key]
    params = bptt.from_arrays(mapping, **options)
    np.testing.assert_allclose(bptt.forward(params, X, activation="tanh").o, wanted, rtol=0, atol=1e-13)


def test_capital_letters_and_underscores_do_not_matter():
    wanted = bptt.from_arrays({"W_hx": IN, "W_hh": REC, "W_qh": OUT})
    for names in ("WXH WHH WHY", "w_xh w_hh w_hy", "wxh whh why", "W_ih W_hh W_ho", "W_in W_rec W_out"):
        found = bptt.from_arrays(named(names, IN, REC, OUT))
        assert all(a is b is None or np.array_equal(a, b) for a, b in zip(found, wanted, strict=True))


@for_each("dtype", [np.float32, np.float64])
def test_params_are_copies_in_the_dtype_that_is_given(dtype):
    given = {name: a.astype(dtype) for name, a in named("W_xh W_hh W_hq b_h", IN.T, REC, OUT.T, B).items()}
    params = bptt.from_arrays(given, rows=True)
    for ours, theirs in zip(params[:4], given.values(), strict=True):
        assert ours.dtype == dtype and ours.flags.c_contiguous and not np.shares_memory(ours, theirs)
    assert params.b_q is None


def test_our_own_fields_are_a_convention_too():
    params = bptt.init_params(3, 4, 2)
    found = bptt.from_arrays(params._asdict())
    assert all(a is b is None or np.array_equal(a, b) for a, b in zip(found, params, strict=True))


def test_arrays_may_be_lists_and_whole_numbers():
    params = bptt.from_arrays({"Wxh": [[1], [2]], "Whh": [[0, 1], [1, 0]], "Why": [[1, 1]]})
    assert params.W_hx.dtype == float and params.W_hx.shape == (2, 1)


# --- what is refused ---

SQUARE = [normal(3, 3) for _ in range(3)]
REFUSED = {
    "two conventions": (
        named("U W V", *SQUARE),
        {},
        "mapping has U and W, which fit two conventions: U is W_hx and W is W_hh (Goodfellow, Bengio and Courville; "
        "WildML), or W is W_hx and U is W_hh (Jurafsky and Martin); wanted the names W_hx and W_hh",
    ),
    "transposed": (
        named("Wxh Whh Why", IN.T, REC, OUT.T),
        {},
        "Wxh has shape (3, 4), wanted (h, d) with h = 4: all would fit with rows=True",
    ),
    "not transposed": (
        named("Wxh Whh Why", IN, REC, OUT),
        {"rows": True},
        "Wxh has shape (4, 3), wanted (d, h) with h = 4: all would fit with rows=False",
    ),
    "one transposed": (named("Wxh Whh Why", IN, REC, OUT.T), {}, "Why has shape (4, 2), wanted (q, h) with h = 4"),
    "U W V that fit nothing": (named("U W V", REC, IN, OUT.T), {}, "W has shape (4, 3), wanted (h, h)"),
    "joint transposed": (
        named("W V", np.vstack([REC, IN.T]), OUT.T),
        {"order": "hx"},
        "W has shape (7, 4), wanted (h, h + d): all would fit with rows=True",
    ),
    "joint without order": (
        named("W V", np.hstack([REC, IN]), OUT),
        {},
        "mapping has no W_hx, wanted one by this name or as Wxh, Wax or U; if W holds both, give order='hx' or 'xh'",
    ),
    "Wa without order": (
        named("Wa Wya", np.hstack([REC, IN]), OUT),
        {},
        "order is None, wanted 'hx' or 'xh': Wa holds W_hx and W_hh",
    ),
    "order without joint": (
        named("Wxh Whh Why", IN, REC, OUT),
        {"order": "hx"},
        "mapping has Wxh and Whh, wanted one of them: both would be the one matrix that has an order",
    ),
    "other order": (named("W V", IN, OUT), {"order": "h,x"}, "order is 'h,x', wanted one of hx, xh"),
    "LSTM": (
        named("weight_ih_l0 weight_hh_l0 weight", normal(16, 3), normal(16, 4), OUT),
        {},
        "weight_hh_l0 has shape (16, 4), wanted (h, h) (four gates: an LSTM?)",
    ),
    "GRU": (
        named("kernel recurrent_kernel dense/kernel", normal(3, 12), normal(4, 12), OUT.T),
        {},
        "recurrent_kernel has shape (4, 12), wanted (h, h) (three gates: a GRU?)",
    ),
    "two layers": (
        named("weight_ih_l0 weight_hh_l0 weight_ih_l1 weight", IN, REC, REC, OUT),
        {},
        "mapping has weight_ih_l1, wanted one layer",
    ),
    "both directions": (
        named("weight_ih_l0 weight_ih_l0_reverse weight_hh_l0 weight", IN, IN, REC, OUT),
        {},
        "mapping has weight_ih_l0_reverse, wanted one direction",
    ),
    "rows of PyTorch": (
        named("weight_ih_l0 weight_hh_l0 weight", IN, REC, OUT),
        {"rows": True},
        "rows is True, wanted False: weight_ih_l0 is a name of PyTorch, whose matrices multiply columns",
    ),
    "unknown": (
        named("Wxh Whh Why gamma", IN, REC, OUT, B),
        {},
        "mapping has the name 'gamma', wanted W_hx, W_hh, W_qh, b_h, b_q, or those of another convention of a "
        "plain network",
    ),
    "missing": (
        named("Wxh Whh", IN, REC),
        {},
        "mapping has no W_qh, wanted one by this name or as Why, Wya or V",
    ),
    "empty": ({}, {}, "mapping has no W_hx, wanted one by this name or as Wxh, Wax or U"),
    "twice": (
        named("Wxh W_xh Whh Why", IN, IN, REC, OUT),
        {},
        "mapping has Wxh and W_xh, wanted one of them: both would be W_hx",
    ),
    "two heads": (
        named("kernel recurrent_kernel a/kernel b/kernel", IN.T, REC, OUT.T, OUT.T),
        {},
        "mapping has a/kernel and b/kernel, wanted one of them: both would be W_qh",
    ),
    "vector": (named("Wxh Whh Why", IN, REC, B), {}, "Why has shape (4,), wanted a matrix"),
    "bias": (named("Wxh Whh Why bh", IN, REC, OUT, C), {}, "bh has shape (2,), wanted (4,) or (4, 1)"),
    "nan": (
        named("Wxh Whh Why", IN * np.nan, REC, OUT),
        {},
        "mapping['Wxh'] is nan at index (0, 0), wanted finite numbers",
    ),
    "half": (
        named("Wxh Whh Why", IN.astype(np.float16), REC, OUT),
        {},
        "mapping['Wxh'] has dtype float16, wanted float32, float64 or complex numbers",
    ),
    "name": ({0: IN}, {}, "mapping has the name 0, wanted text"),
    "list": ([IN, REC, OUT], {}, "mapping is a list, wanted a mapping from name to array"),
}


@for_each("key", REFUSED)
def test_what_cannot_be_meant_is_refused_in_a_sentence(key):
    mapping, options, message = REFUSED[key]
    with pytest.raises((TypeError, ValueError)) as caught:
        bptt.from_arrays(mapping, **options)
    assert str(caught.value) == message


@for_each(("name", "shape"), [("Wxh", (4, None)), ("Whh", (4, 4)), ("Why", (None, 4)), ("bh", (4,))])
def test_hostile_values_in_the_place_of_an_array(name, shape):
    """As in the walk, whose values these are."""
    good = named("Wxh Whh Why bh", IN, REC, OUT, B)
    legal = walk.shaped(*shape)
    spec = walk.Spec(
        lambda value: bptt.from_arrays({**good, name: value}),
        {"value": good[name]},
        {"value": walk.optional(legal) if name == "bh" else legal},
        lambda found, given: isinstance(found, bptt.Params),
        {"value": (name, "W_hx", "W_hh", "W_qh", *(["Wxh"] if name == "Whh" else []))},
    )
    complaints = [f"{label}: {wrong}" for _, label, wrong in walk.hostile(spec) if wrong]
    assert not complaints, "\n".join(complaints)


def test_shapes_decide_which_of_two_conventions_is_meant():
    for names, wanted in (("U W V", (IN, REC, OUT)), ("W U V", (IN, REC, OUT))):
        assert np.array_equal(bptt.from_arrays(named(names, *wanted)).W_hh, REC)


# --- torch and jax ---


def test_the_state_of_a_model_of_torch_and_its_parameters_are_read():
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: its names are read from NumPy alone")
    rnn, head = torch.nn.RNN(3, 4), torch.nn.Linear(4, 2)
    model = torch.nn.ModuleDict({"rnn": rnn, "head": head})
    wanted, _ = bptt.from_torch(rnn, head)
    for mapping in (model.state_dict(), dict(model.named_parameters())):
        assert all(map(np.array_equal, bptt.from_arrays(mapping), wanted))


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["squared_error", "cross_entropy"])
def test_gradients_are_those_of_a_network_in_jax(loss):
    jax = pytest.importorskip("jax", reason="JAX is not installed: gradients are not compared with its own")
    jnp, batch = jax.numpy, 5
    with jax.enable_x64(True):
        weights = {name: jnp.asarray(a) for name, a in CONVENTIONS["the book"][0].items()}
        x = normal(T, batch, D)
        y = normal(T, batch, Q) if loss == "squared_error" else RNG.integers(Q, size=(T, batch))

        def mean_loss(weights):
            def step(h, x_t):
                h = jnp.tanh(x_t @ weights["W_xh"] + h @ weights["W_hh"] + weights["b_h"])
                return h, h @ weights["W_hq"] + weights["b_q"]

            o = jax.lax.scan(step, jnp.zeros((batch, H)), jnp.asarray(x))[1]
            if loss == "squared_error":
                return ((o - y) ** 2).sum(-1).mean() / 2
            return -jnp.take_along_axis(jax.nn.log_softmax(o), jnp.asarray(y)[..., None], -1).mean()

        L, wanted = jax.value_and_grad(mean_loss)(weights)
        params = bptt.from_arrays(weights, rows=True)
    trace = bptt.forward(params, x, activation="tanh")
    found, wanted = bptt.backward(trace, y, loss=loss), bptt.from_arrays(wanted, rows=True)
    assert bptt.loss(trace, y, loss=loss) == pytest.approx(float(L), rel=1e-12)
    for name in params._fields:
        np.testing.assert_allclose(getattr(found, name), getattr(wanted, name), rtol=0, atol=1e-12)
