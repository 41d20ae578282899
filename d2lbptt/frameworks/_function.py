"""A loss of PyTorch as a function of NumPy arrays, with autograd's gradient: what ``check_gradient`` takes.

    f(theta) = L at the parameters theta,    grad(theta) = dL/dtheta as ``backward()`` gives it

L may be anything: an LSTM, several layers, a loop of the reader's own. It is calculated in double, because differences
of a loss in float32 know some three digits of a gradient. The tensors are lent other numbers for each call and get
their own back, and so does all else that a call may change.

Shapes: theta and the gradient are mappings from name to array, shaped as the parameters.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np

from .. import _validation
from ._torch import in_numpy, torch_for

__all__ = ["numpy_function"]
TWICE = 8  # times: what draws may draw the same once or twice


def numpy_function(loss: Callable, parameters: Mapping[str, Any]) -> tuple[Callable, dict[str, np.ndarray], Callable]:
    """Return a loss of PyTorch as a function of arrays, its parameters, and its gradient by autograd.

    Parameters
    ----------
    loss : callable
        Takes no arguments, returns a tensor with one number: ``lambda: criterion(model(x), y)``.
    parameters : mapping of str to tensor
        By name, what the gradient is wanted for: ``dict(model.named_parameters())``, or some of it.

    Returns
    -------
    f : callable
        f(theta) is the loss, a float, with the numbers of theta in the parameters; theta maps each name to an array.
    theta : dict of str to array
        The numbers that the parameters hold, in float64.
    grad : callable
        grad(theta) maps each name to autograd's gradient, in float64; 0 where the loss does not depend on it.

    Raises
    ------
    ImportError
        If PyTorch is missing.
    TypeError, ValueError
        If the parameters are no leaves in float32 or float64 on the CPU that require a gradient; if the loss returns
        something else, another number when it is asked again, as dropout does in training mode, or has no graph; if
        it uses data in float32. What the loss raises itself comes through.

    Notes
    -----
    ``loss`` is called in float64, which is also the default dtype meanwhile. After each call, also one that raises,
    these are as before: the numbers, dtype and ``grad`` of the parameters, and parameters, buffers (batch norm's
    running statistics) and training mode of every module that was called; torch's random state and default dtype.
    """
    torch = torch_for("numpy_function")
    function = _Function(torch, _validation.function("loss", loss), _checked(torch, parameters))
    theta = {name: p.detach().double().numpy().copy() for name, p in function.parameters.items()}
    function.returns_the_same(theta)
    function.gradient(theta)  # it says at once what it cannot do
    return function.value, theta, function.gradient


def _checked(torch, parameters):
    """Return the parameters as a dict, if gradients can be had for each of them."""
    hint = "wanted a mapping from name to tensor, as dict(model.named_parameters())"
    if not isinstance(parameters, Mapping):
        raise TypeError(f"parameters is a {type(parameters).__name__}, {hint}")
    if not parameters:
        raise ValueError(f"parameters is empty, {hint}")
    names = {}
    for name, p in parameters.items():
        symbol = f"parameters[{_validation.shown(name)}]"
        if not isinstance(name, str) or not isinstance(p, torch.Tensor):
            raise TypeError(f"{symbol} is a {type(p).__name__}, {hint}")
        if not (p.is_leaf and p.requires_grad):
            raise ValueError(f"{symbol} is no leaf that requires a gradient, wanted one: leave out what is frozen")
        _validation.finite(symbol, in_numpy(torch, symbol, p))
        if (other := names.setdefault(id(p), name)) != name:
            raise ValueError(f"{symbol} is the same tensor as parameters[{other!r}], wanted it once")
    return dict(parameters)


class _Function:
    """A loss with its parameters, called with other numbers in them."""

    def __init__(self, torch, loss, parameters):
        self.torch, self.loss, self.parameters = torch, loss, parameters
        self.uses = dict(_closed_over(loss))

    def value(self, theta: Mapping[str, Any]) -> float:
        """Return the loss with the numbers of theta in the parameters."""
        with self._lent(theta):
            return self._called().item()

    def gradient(self, theta: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Return autograd's gradient with the numbers of theta in the parameters."""
        with self._lent(theta):
            L = self._called()
            if not L.requires_grad:
                raise ValueError("loss returned a number without a graph, wanted one that depends on the parameters")
            found = self.torch.autograd.grad(L, list(self.parameters.values()), allow_unused=True)
        zeros = {name: np.zeros(tuple(p.shape)) for name, p in self.parameters.items()}
        given = dict(zip(zeros, found, strict=True))
        return {name: zeros[name] if given[name] is None else given[name].numpy().copy() for name in zeros}

    def returns_the_same(self, theta):
        """Complain about a loss that is no finite number, or another one when the random state is another."""
        with self.torch.random.fork_rng(devices=[]):
            first, *others = (self._seeded(seed, theta) for seed in range(TWICE))
        if not np.isfinite(first):
            raise ValueError(f"loss returned {first}, wanted a finite number")
        if other := [found for found in others if found != first]:
            why = "with dropout call eval() on the model; else, does it draw, or remember?"
            raise ValueError(f"loss returned {first!r}, then {other[0]!r}, wanted the same number again: {why}")

    def _seeded(self, seed, theta):
        self.torch.manual_seed(seed)
        return self.value(theta)

    def _called(self):
        """Return what the loss returns, if it is one number in double."""
        torch = self.torch
        try:
            L = self.loss()
        except (RuntimeError, ValueError, TypeError) as error:
            if not re.search("double|float64", str(error).lower()):
                raise
            raise TypeError(self._in_single()) from error
        if not isinstance(L, torch.Tensor) or L.numel() != 1:
            what = f"a tensor of shape {tuple(L.shape)}" if isinstance(L, torch.Tensor) else f"a {type(L).__name__}"
            raise TypeError(f"loss returned {what}, wanted a tensor with one number")
        if L.dtype != torch.float64:
            raise TypeError(f"loss returned {L.dtype}, wanted torch.float64, in which its parameters are here")
        if any(p.grad is not None for p in self.parameters.values()):
            raise ValueError("loss called backward(), wanted its value alone")
        return L.reshape(())

    def _in_single(self):
        single = [name for name, value in self.uses.items() if any(map(self._is_single, _parts(value)))]
        names = ", ".join(single) if single else "something"
        return (
            f"loss uses {names} in torch.float32, wanted torch.float64, in which its parameters are here: double() it"
        )

    def _is_single(self, value):
        return isinstance(value, self.torch.Tensor) and value.dtype == self.torch.float32

    @contextmanager
    def _lent(self, theta):
        """Lend the numbers of theta to the parameters, and put everything back afterwards."""
        torch, arrays = self.torch, self._arrays(theta)
        hook = torch.nn.modules.module.register_module_forward_pre_hook
        with ExitStack() as after:
            after.enter_context(torch.random.fork_rng(devices=[]))
            after.enter_context(torch.enable_grad())
            after.callback(torch.set_default_dtype, torch.get_default_dtype())
            torch.set_default_dtype(torch.float64)
            lent = after.enter_context(_Lent())
            for name, p in self.parameters.items():
                lent.tensor(p, torch.tensor(arrays[name]))
            for value in self.uses.values():
                if isinstance(value, torch.nn.Module):
                    lent.module(value)
            after.callback(hook(lent.module).remove)
            yield

    def _arrays(self, theta):
        _validation.instance("theta", theta, Mapping, "a mapping from name to array")
        if set(theta) != set(self.parameters):
            raise ValueError(f"theta has the names {', '.join(theta)}, wanted {', '.join(self.parameters)}")
        shapes = {name: tuple(p.shape) for name, p in self.parameters.items()}
        arrays = {name: _validation.real(f"theta[{name!r}]", theta[name]).astype(float) for name in shapes}
        for name, a in arrays.items():
            if a.shape != shapes[name]:
                raise ValueError(f"theta[{name!r}] has shape {a.shape}, wanted that of the parameter, {shapes[name]}")
        return arrays


class _Lent:
    """Tensors that hold other numbers for a while, and modules whose state is lent: closing gives all back."""

    def __init__(self):
        self.tensors, self.modules = {}, {}

    def __enter__(self):
        return self

    def __exit__(self, *error):
        for part, training, buffers in self.modules.values():
            part.training = training
            for name, buffer in buffers.items():
                setattr(part, name, buffer)
        for tensor, data, grad in self.tensors.values():
            tensor.data, tensor.grad = data, grad

    def tensor(self, tensor, data):
        """Have a tensor hold other data; its own stays untouched."""
        if id(tensor) not in self.tensors:
            self.tensors[id(tensor)] = tensor, tensor.data, tensor.grad
            tensor.grad, tensor.data = None, data

    def module(self, module, inputs=None):
        """Lend copies of parameters and buffers to a module and its parts, in double; a hook before its forward."""
        for part in module.modules():
            if id(part) not in self.modules:
                buffers = dict(part.named_buffers(recurse=False))
                self.modules[id(part)] = part, part.training, buffers
                for tensor in (*part.parameters(recurse=False), *buffers.values()):
                    self.tensor(tensor, _copy(tensor.data))


def _copy(data):
    return data.double() if data.is_floating_point() and data.element_size() < 8 else data.clone()


# --- what a loss uses ---


def _closed_over(loss):
    """Yield names and values of what a function uses from outside: its object, arguments and variables."""
    if isinstance(loss, functools.partial):
        yield from loss.keywords.items()
        yield from ((f"argument {i}", value) for i, value in enumerate(loss.args))
        yield from _closed_over(loss.func)
    elif inspect.ismethod(loss):
        yield "self", loss.__self__
        yield from ((f"self.{name}", value) for name, value in getattr(loss.__self__, "__dict__", {}).items())
        yield from _closed_over(loss.__func__)
    elif inspect.isfunction(loss):
        names = inspect.signature(loss).parameters
        yield from ((name, p.default) for name, p in names.items() if p.default is not p.empty)
        outer = inspect.getclosurevars(loss)
        yield from (outer.globals | outer.nonlocals).items()


def _parts(value):
    """Yield what stands in lists, tuples and mappings, or the value itself."""
    if isinstance(value, (list, tuple, Mapping)):
        for part in value.values() if isinstance(value, Mapping) else value:
            yield from _parts(part)
    else:
        yield value
