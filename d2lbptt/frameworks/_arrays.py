"""Weights under other people's names and in their shapes.

    columns   z_t = W_hx x_t + W_hh h_{t-1} + b_h         (h, d), (h, h), (q, h), as ours in 9.7.1
    rows      z_t = x_t W_xh + h_{t-1} W_hh + b_h         (d, h), (h, h), (h, q), the transposes of ours
    joint     z_t = W [h_{t-1}, x_t] + b_h                (h, h + d), order "hx"; "xh" the other way round

A name says which matrix it is, not how it lies: that is ``rows``. Only ``kernel`` (Keras and Flax) always stands for
rows, and ``weight`` (PyTorch) for columns.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import reduce
from typing import Any, NamedTuple

import numpy as np

from .. import _validation
from ..rnn import Params, checked_params
from ._torch import sum_of_biases, tensor_or_array

__all__ = ["from_arrays"]
# Without underscores and in small letters. b_ih and b_hh are added to b_h.
_NAMES = {
    "W_hx": "whx wxh wih whi wax win wi wx weightih weightihl0",
    "W_hh": "whh waa wrec wh weighthh weighthhl0 recurrentkernel",
    "joint": "wa wjoint",
    "W_qh": "wqh whq why wyh wya who woh wout wo wy wvocab v",
    "b_h": "bh ba b",
    "b_ih": "biasih biasihl0",
    "b_hh": "biashh biashhl0",
    "b_q": "bq by bo bout bvocab c",
}
_EXAMPLES = {"W_hx": "Wxh, Wax or U", "W_hh": "Whh, Waa or W", "W_qh": "Why, Wya or V"}
_LAYERS = {"i": "W_hx", "densei": "W_hx", "i2h": "W_hx", "h": "W_hh", "denseh": "W_hh", "h2h": "W_hh"}
_ROLES = {name: role for role, names in _NAMES.items() for name in names.split()}
_BIAS_OF = {"W_hx": "b_ih", "W_hh": "b_hh", "joint": "b_h", "W_qh": "b_q"}
# What two names mean that one convention reads in one way, and another one in the other.
_GOODFELLOW = {"u": "W_hx", "w": "W_hh"}
_JURAFSKY = {"w": "W_hx", "u": "W_hh"}
_ELMAN = {"wh": "W_hx", "uh": "W_hh"}


def from_arrays(mapping: Mapping[str, Any], rows: bool = False, order: str | None = None) -> Params:
    """Return the parameters that stand in arrays under other people's names.

    Parameters
    ----------
    mapping : mapping of str to array
        The weights by name. Underscores and capital letters do not matter, and a path (``rnn.W_xh``, ``dense/kernel``,
        or a mapping in the mapping) counts by its last names:

        - W_hx, W_hh, W_qh, b_h, b_q, and with the letters of others: Wxh, Whh, Why, bh, by (min-char-rnn); Wax, Waa,
          Wya, ba, by (Coursera); W_xh, W_hh, W_hq (the book's code); Wx, Wh, b (cs231n); W_h, U_h, W_y (Elman).
        - U, W, V, b, c: where the shapes do not say which of U and W is which, they are refused.
        - kernel, recurrent_kernel and bias of Keras, with those of a Dense; the layers i and h of Flax, with another.
        - weight_ih_l0, weight_hh_l0 and both biases of PyTorch, with weight and bias of a Linear.

        A bias may be (h,), a column (h, 1) or a row (1, h), or None.
    rows : bool
        Whether the matrices multiply rows, x @ W, as in the book's code and cs231n; they are transposed then. It does
        not matter for kernels, which always do.
    order : {"hx", "xh"}, optional
        Where W_hx and W_hh stand in one matrix: which of h_{t-1} and x_t comes first in what it multiplies.

    Returns
    -------
    Params
        Copies, in the dtype of the arrays.

    Raises
    ------
    TypeError, ValueError
        If a name is unknown, missing, given twice or fits two conventions; if the shapes do not fit each other, as
        those of an LSTM, of two layers or of transposed matrices; if an array is not one of finite numbers.
    """
    _validation.instance("mapping", mapping, Mapping, "a mapping from name to array")
    rows = _validation.flag("rows", rows)
    if order is not None:
        _validation.one_of("order", order, ("hx", "xh"))
    arrays = dict(_flat(mapping))
    of_torch = [path for path in arrays if _split(path)[1].startswith("weight")]
    if rows and of_torch:
        raise ValueError(
            f"rows is True, wanted False: {of_torch[0]} is a name of PyTorch, whose matrices multiply columns"
        )
    ways = _ways(arrays, order)
    found = [_tried(way, arrays, rows, order) for way in ways]
    fits = [one for one in found if isinstance(one, Params)]
    if len(fits) > 1:
        raise ValueError(_ambiguous(arrays))
    if not fits:
        turned = any(isinstance(_tried(way, arrays, not rows, order), Params) for way in ways)
        raise ValueError(f"{found[0]}{f': all would fit with rows={not rows}' * turned}")
    return checked_params(fits[0])


def _tried(way, arrays, rows, order) -> Params | str:
    """Return the parameters, or what does not fit, in words."""
    try:
        return _params(_by_role(way, arrays, order), rows, order)
    except ValueError as misfit:
        return str(misfit)


# --- names ---


def _flat(mapping, above="") -> Iterator[tuple[str, Any]]:
    """Yield paths and arrays of mappings in mappings."""
    for name, value in mapping.items():
        if not isinstance(name, str):
            raise TypeError(f"mapping has the name {_validation.shown(name)}, wanted text")
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{above}{name}/")
        elif value is not None:
            symbol = f"mapping[{above + name!r}]"
            yield above + name, _validation.finite(symbol, tensor_or_array(symbol, value))


def _split(path):
    """Return the layer, which may be empty, and the name at the end of a path."""
    layer, _, name = path.replace(".", "/").rpartition("/")
    return layer, name


def _last(path):
    """Return the name at the end of a path without underscores, in small letters."""
    return _split(path)[1].replace("_", "").lower()


def _ways(arrays, order):
    """Return what the names may mean beyond _ROLES: one way, or two for U and W."""
    names = {_last(path) for path in arrays}
    if "uh" in names:
        return [_ELMAN]
    return [_GOODFELLOW, _JURAFSKY] if {"u", "w"} & names and order is None else [_GOODFELLOW]


def _by_role(way, arrays, order):
    """Return the path and the array of each role that there is."""
    found = {}
    for path in arrays:
        role = _role(path, arrays, {**_ROLES, **way})
        role = "joint" if order is not None and role in ("W_hx", "W_hh") else role
        if role in found:
            both = f"{found[role][0]} and {path}"
            raise ValueError(f"mapping has {both}, wanted one of them: both would be {_in_words(role)}")
        found[role] = path, arrays[path]
    if "joint" in found and order is None:
        raise ValueError(f"order is None, wanted 'hx' or 'xh': {found['joint'][0]} holds W_hx and W_hh")
    for role in ("W_qh",) if "joint" in found else ("W_hx", "W_hh", "W_qh"):
        if role not in found:
            raise ValueError(_missing(role, found))
    return found


def _role(path, arrays, roles):
    layer, name = _split(path)
    deep = re.fullmatch(r"(weight|bias)_[ih]h_l(\d+)(_reverse)?", name)
    if deep and (deep[2] != "0" or deep[3]):
        raise ValueError(f"mapping has {path}, wanted {'one direction' if deep[3] else 'one layer'}")
    if name in ("kernel", "weight", "bias"):
        keras = any(_split(other) == (layer, "recurrent_kernel") for other in arrays)
        whole = "W_hx" if keras else {**roles, **_LAYERS}.get(_last(layer))
        whole = whole if whole in _BIAS_OF else "W_qh"
        return _BIAS_OF[whole] if name == "bias" else whole
    if _last(path) not in roles:
        known = "W_hx, W_hh, W_qh, b_h, b_q, or those of another convention of a plain network"
        raise ValueError(f"mapping has the name {path!r}, wanted {known}")
    return roles[_last(path)]


def _in_words(role):
    return "the one matrix that has an order" if role == "joint" else role


def _missing(role, found):
    """Return which matrix is missing and what may be done, in words."""
    other = found.get({"W_hx": "W_hh", "W_hh": "W_hx"}.get(role))
    joint = f"; if {other[0]} holds both, give order='hx' or 'xh'" if other else ""
    return f"mapping has no {role}, wanted one by this name or as {_EXAMPLES[role]}{joint}"


def _ambiguous(arrays):
    U, W = (next(path for path in arrays if _last(path) == name) for name in ("u", "w"))
    one = f"{U} is W_hx and {W} is W_hh (Goodfellow, Bengio and Courville; WildML)"
    other = f"{W} is W_hx and {U} is W_hh (Jurafsky and Martin)"
    return f"mapping has {U} and {W}, which fit two conventions: {one}, or {other}; wanted the names W_hx and W_hh"


# --- shapes ---


class _Matrix(NamedTuple):
    """A matrix under its path; W multiplies columns, and is the transpose of what was given if it is turned."""

    path: str
    W: np.ndarray
    turned: bool

    def misfit(self, names, *why):
        """Return the error of a shape that is not the wanted one, as it was given."""
        shape, names = (self.W.shape[::-1], names[::-1]) if self.turned else (self.W.shape, names)
        return ValueError(" ".join([f"{self.path} has shape {shape}, wanted ({', '.join(names)})", *why]))


def _params(by_role, rows, order):
    """Return the parameters, copied, if their shapes fit each other."""
    matrices = {role: _matrix(*one, rows) for role, one in by_role.items() if not role.startswith("b_")}
    if order is not None:
        matrices |= _cut(matrices.pop("joint"), order)
    W_hx, W_hh, W_qh = (matrices[role] for role in ("W_hx", "W_hh", "W_qh"))
    h = min(W_hh.W.shape)
    if W_hh.W.shape != (h, h):
        raise W_hh.misfit(("h", "h"), *_gates(max(W_hh.W.shape) / max(h, 1)))
    if len(W_hx.W) != h:
        raise W_hx.misfit(("h", "d"), f"with h = {h}")
    if W_qh.W.shape[1] != h:
        raise W_qh.misfit(("q", "h"), f"with h = {h}")
    of_state = [_bias(*by_role[role], h) for role in ("b_h", "b_ih", "b_hh") if role in by_role]
    b_h = reduce(sum_of_biases, of_state) if of_state else None
    b_q = _bias(*by_role["b_q"], len(W_qh.W)) if "b_q" in by_role else None
    found = (W_hx.W, W_hh.W, W_qh.W, b_h, b_q)
    return Params(*(None if a is None else np.array(a, order="C") for a in found))


def _matrix(path, array, rows):
    if array.ndim != 2 or not array.size:
        raise ValueError(f"{path} has shape {array.shape}, wanted a matrix")
    turned = rows or _split(path)[1].endswith("kernel")
    return _Matrix(path, array.T if turned else array, turned)


def _cut(joint, order):
    """Return both parts of a matrix that multiplies h_{t-1} and x_t, one upon the other."""
    h, width = joint.W.shape
    if h >= width:
        raise joint.misfit(("h", "h + d"))
    cut = h if order == "hx" else width - h
    parts = [joint._replace(W=W) for W in (joint.W[:, :cut], joint.W[:, cut:])]
    return dict(zip(("W_hh", "W_hx") if order == "hx" else ("W_hx", "W_hh"), parts, strict=True))


def _bias(path, array, size):
    if array.shape not in ((size,), (size, 1), (1, size)):
        raise ValueError(f"{path} has shape {array.shape}, wanted ({size},) or ({size}, 1)")
    return array.ravel()


def _gates(times):
    """Return whose matrix is so many times as high as wide, in words."""
    return {4: ["(four gates: an LSTM?)"], 3: ["(three gates: a GRU?)"]}.get(times, [])
