"""A network of PyTorch in our shapes, and back.

    h_t = phi(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh)                torch.nn.RNN of one layer
    o_t = W h_t + b                                                 torch.nn.Linear

These are 9.7.1 and 9.7.9 with W_hx = W_ih, b_h = b_ih + b_hh, W_qh = W and b_q = b. The formulas are those of PyTorch's
documentation. Its matrices have our shapes, (h, d), (h, h) and (q, h): nothing is transposed.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from .. import _validation
from ..rnn import Params, checked_params

__all__ = ["from_torch", "to_torch"]
_MODES = {"RNN_TANH": "tanh", "RNN_RELU": "relu"}
_OF_RNN = {"weight_ih_l0": "W_hx", "weight_hh_l0": "W_hh", "bias_ih_l0": "b_h", "bias_hh_l0": "b_h"}
_OF_HEAD = {"weight": "W_qh", "bias": "b_q"}
NAMES = {**_OF_RNN, **_OF_HEAD}  # torch's name: ours
_HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")


def from_torch(rnn: Any, head: Any) -> tuple[Params, str]:
    """Return the parameters and the activation of a network of PyTorch.

    Parameters
    ----------
    rnn : torch.nn.RNN
        One layer, tanh or relu, with or without biases, with either ``batch_first``.
    head : torch.nn.Linear
        From the state to the output, with or without a bias.

    Returns
    -------
    Params, str
        Copies, in the dtype of the modules, float32 or float64; b_h is the sum of the two biases. The activation.

    Raises
    ------
    ImportError
        If PyTorch is missing.
    TypeError, ValueError
        If they are other modules, or do what our network cannot: more layers, both directions, dropout in training
        mode, hooks, parametrizations; if they are in half precision, on another device, or do not fit each other.
    """
    torch = torch_for("from_torch")
    _plain(torch, "rnn", rnn, torch.nn.RNN)
    _one_layer(rnn)
    _plain(torch, "head", head, torch.nn.Linear)
    if head.in_features != rnn.hidden_size:
        raise ValueError(
            f"head has in_features = {head.in_features}, wanted the hidden_size of rnn = {rnn.hidden_size}"
        )
    found = {f"rnn.{name}": getattr(rnn, name) for name in _OF_RNN if rnn.bias or name.startswith("weight")}
    found |= {f"head.{name}": getattr(head, name) for name in _OF_HEAD if getattr(head, name) is not None}
    arrays = {name: in_numpy(torch, name, tensor) for name, tensor in found.items()}
    if len({a.dtype for a in arrays.values()}) > 1:
        raise TypeError(f"head is in {head.weight.dtype}, wanted that of rnn: {rnn.weight_hh_l0.dtype} everywhere")
    W_hx, W_hh, W_qh = (arrays[name] for name in ("rnn.weight_ih_l0", "rnn.weight_hh_l0", "head.weight"))
    b_h = sum_of_biases(arrays.get("rnn.bias_ih_l0"), arrays.get("rnn.bias_hh_l0"))
    return checked_params(Params(W_hx, W_hh, W_qh, b_h, arrays.get("head.bias"))), _MODES[rnn.mode]


def to_torch(params: Params, activation: str = "tanh", *, batch_first: bool = False) -> tuple[Any, Any]:
    """Return a network as modules of PyTorch: ``head(rnn(x)[0])`` are the outputs.

    Parameters
    ----------
    params : Params
        In float32 or float64.
    activation : {"tanh", "relu"}
        torch.nn.RNN knows no other.
    batch_first : bool
        Whether the rnn takes (B, T, d) instead of (T, B, d).

    Returns
    -------
    torch.nn.RNN, torch.nn.Linear
        With copies of the parameters, in their dtype: b_ih = b_h and b_hh = 0. ``from_torch`` returns the same bits.

    Raises
    ------
    ImportError
        If PyTorch is missing.
    TypeError, ValueError
        If an argument is not what is described above.
    """
    torch = torch_for("to_torch")
    params = checked_params(params)
    _validation.all_real(**params._asdict())
    _validation.float_dtype("the dtype of params", params.W_hh.dtype)
    _validation.one_of("activation", activation, tuple(_MODES.values()))
    batch_first = _validation.flag("batch_first", batch_first)
    (h, d), q, bias = params.W_hx.shape, len(params.W_qh), params.b_h is not None
    kind: Any = {"dtype": getattr(torch, params.W_hh.dtype.name), "device": "meta"}  # draws no random numbers
    rnn = torch.nn.RNN(d, h, nonlinearity=activation, bias=bias, batch_first=batch_first, **kind)
    head = torch.nn.Linear(h, q, bias=params.b_q is not None, **kind)
    state = {name: torch.tensor(a) for name, a in in_torch(params).items()}
    if bias:
        state["bias_hh_l0"] = torch.zeros_like(state["bias_hh_l0"])
    for module, names in ((rnn, _OF_RNN), (head, _OF_HEAD)):
        module.to_empty(device="cpu").load_state_dict({name: state[name] for name in names if name in state})
    return rnn, head


def torch_for(name: str) -> Any:
    """Return the module torch, or say who needs it."""
    try:
        import torch
    except ImportError:
        raise ImportError(f"{name} needs PyTorch: pip install torch") from None
    return torch


def in_torch(ours) -> dict:
    """Return arrays under torch's names, of Params or of Gradients; both biases of the rnn are b_h."""
    arrays = {name: getattr(ours, symbol) for name, symbol in NAMES.items()}
    return {name: a for name, a in arrays.items() if a is not None}


def sum_of_biases(b_ih, b_hh):
    """Return b_h; if one is 0 it is the other to the bit (-0.0 + 0.0 would lose its sign)."""
    if b_ih is None or b_hh is None:
        return b_hh if b_ih is None else b_ih
    with np.errstate(over="ignore"):  # it is refused as infinite
        return b_ih + b_hh if b_hh.any() else b_ih


def in_numpy(torch, symbol, tensor):
    """Return a copy of a tensor as an array, if it is one of float32 or float64 on the CPU."""
    on_cpu(symbol, tensor)
    if tensor.dtype not in (torch.float32, torch.float64):
        raise TypeError(f"{symbol} is in {tensor.dtype}, wanted torch.float32 or torch.float64: double() or float() it")
    if tensor.layout != torch.strided:
        raise TypeError(f"{symbol} is in the layout {tensor.layout}, wanted a dense tensor: to_dense() it")
    return tensor.detach().numpy().copy()


def tensor_or_array(symbol, value):
    """Return a tensor of torch, whose graph is left alone, or anything else as an array of real numbers."""
    torch = sys.modules.get("torch")
    is_tensor = torch is not None and isinstance(value, torch.Tensor)
    return in_numpy(torch, symbol, value) if is_tensor else _validation.real(symbol, value)


def on_cpu(symbol, tensor):
    """Complain about a tensor that is elsewhere."""
    if tensor.device.type != "cpu":
        raise ValueError(f"{symbol} is on the device {tensor.device}, wanted the CPU: move it there with cpu()")


# --- what a module may not do ---


def _plain(torch, symbol, module, kind):
    """Complain about a module that is no torch.nn.RNN or Linear, or does more than that."""
    if not isinstance(module, torch.nn.Module):
        where = "weights of Keras, of Flax and of your own go through from_arrays"
        raise TypeError(f"{symbol} is of type {type(module).__name__}, wanted torch.nn.{kind.__name__}: {where}")
    if torch.nn.utils.parametrize.is_parametrized(module):
        raise ValueError(f"{symbol} has parametrizations, wanted plain weights: remove_parametrizations bakes them in")
    if not isinstance(module, kind):
        instead = _instead(torch, module, kind)
        raise TypeError(f"{symbol} is of type {type(module).__name__}, wanted torch.nn.{kind.__name__}{instead}")
    if "forward" in vars(module) or type(module).forward is not kind.forward:
        raise TypeError(f"{symbol} has a forward of its own, wanted that of torch.nn.{kind.__name__}")
    if hooks := without_hooks(module):
        raise ValueError(f"{symbol} has {hooks}, wanted none: what they change is not seen here")


def _instead(torch, module, kind):
    """Return what to do with another module, in words."""
    if isinstance(module, (torch.nn.LSTM, torch.nn.LSTMCell, torch.nn.GRU, torch.nn.GRUCell)):
        cell = "lstm" if "LSTM" in type(module).__name__ else "gru"
        return f": see cells.{cell}, or check its gradient with numpy_function and check_gradient"
    inside = [name for name, part in module.named_modules() if isinstance(part, kind)]
    return f": give its part {inside[0]!r}" if len(inside) == 1 else ""


def without_hooks(module):
    """Return which hooks a module has, in words; nothing if it has none."""
    if any(getattr(module, name) for name in _HOOKS):
        return "hooks"
    hooked = [n for n, p in module.named_parameters() if p._backward_hooks or p._post_accumulate_grad_hooks]
    return f"a hook on {hooked[0]}" if hooked else ""


def _one_layer(rnn):
    dropout = rnn.dropout if rnn.training else 0
    for name, value, wanted, why in (
        ("num_layers", rnn.num_layers, 1, "one layer"),
        ("bidirectional", bool(rnn.bidirectional), False, "one direction"),
        ("proj_size", rnn.proj_size, 0, "no projection"),
        ("dropout", dropout, 0, "no dropout: call eval() on it, or take it out"),
    ):
        if value != wanted:
            mode = " in training mode" if name == "dropout" else ""
            raise ValueError(f"rnn has {name} = {value}{mode}, wanted {why}")
