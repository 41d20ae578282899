"""Every numbered display of the section in its three editions: what it claims, what computes it, its proof.

=======  ==============  ==============================================================
edition  numbers         text
=======  ==============  ==============================================================
v1.0     9.7.1 - 9.7.16  today's
v0.17    8.7.1 - 8.7.16  the same sixteen displays, 8.7.n = 9.7.n
v0.14    8.7.1 - 8.7.16  an older text, in which the same numbers stand at other displays
=======  ==============  ==============================================================

The displays are those of "Backpropagation Through Time" in Dive into Deep Learning. A record has
``latex``, ``claim`` (a sentence), ``numbers`` (by edition), ``label``, ``code`` and ``function`` (what computes it),
``notebook``, ``with_phi``, ``corrected_form`` and ``prove()``, which settles it with SymPy and returns a proof: its
``status``, its ``scope`` (for which T), ``residual`` and, where it is refuted, a ``counterexample``.
"""

from __future__ import annotations

from .. import _validation
from ._records import Records
from .displays import EDITIONS, RECORDS, Equation
from .notation import SEPARATOR

__all__ = ["EDITIONS", "Table", "equation", "equations"]


class Table(Records):
    """Records that show themselves as a table; a status stands there once its record is proved."""

    __slots__ = ()
    HEAD = ("display", "status", "what it claims")

    def prove(self) -> Table:
        """Prove all of them, and return the table."""
        for record in self:
            record.prove()
        return self

    def _rows(self):
        for record in self:
            numbers = [n if edition == "v1.0" else f"{n} ({edition})" for edition, n in record.numbers.items()]
            formulas = [f"${formula}$" for formula in record.latex.split(SEPARATOR)]
            place = "\n".join([*numbers, *([record.label] if record.label else [])])
            yield place, _status(record), "\n".join([record.claim, *formulas])

    def __str__(self):
        line = "{:8}{:8}{:8}{:33}{:49}{}".format
        rows = [(*(r.numbers.get(e, "") for e in EDITIONS), r.label or "", _status(r, " "), r.claim) for r in self]
        return "\n".join(line(*row) for row in [(*EDITIONS, "label", "status", "claim"), *rows])


def _status(record, between="\n"):
    # For which T and sizes a display is proved belongs to its status.
    proof = vars(record).get("_proof")
    return "" if proof is None else f"{proof.status}{between}{proof.reach}".rstrip()


def equations() -> Table:
    """Return all 32 records, today's sixteen first.

    Returns
    -------
    Table
        A tuple; ``equations().prove()`` fills in the status of each (in half a minute).
    """
    return Table(RECORDS)


def equation(key: str, edition: str | None = None, *, phi: bool = False) -> Equation:
    """Look up one display.

    Parameters
    ----------
    key : str
        A number, such as "9.7.14", or a label of the book, such as "eq_bptt_at".
    edition : {"v1.0", "v0.17", "v0.14"}, optional
        Needed with 8.7 numbers, which mean one thing in v0.17 and another in v0.14. A label without
        an edition is that of today's text.
    phi : bool
        Whether to return the counterpart for h_t = phi(z_t).

    Returns
    -------
    Equation
        One of the records of ``equations()``, or its counterpart.

    Raises
    ------
    TypeError, ValueError
        If phi is no flag, if the key or the edition is unknown, if the key is ambiguous, or if it has no counterpart.
    """
    if edition is not None:
        _validation.one_of("edition", edition, EDITIONS)
    phi = _validation.flag("phi", phi)
    printed = [record for record in RECORDS if edition in (None, *record.numbers)]
    word = key if isinstance(key, str) else None
    found = [record for record in printed if word in _numbers(record, edition)]
    found = found or [record for record in printed if word == record.label and word][:1]
    if not found:
        raise ValueError(f"equation is {_validation.shown(key)}, wanted {_wanted(printed, edition)}")
    if len(found) > 1:
        both = "; or ".join(map(str, found))
        raise ValueError(f"{key} is ambiguous without an edition: {both}")
    if phi and found[0].with_phi is None:
        raise ValueError(f"{key} has no counterpart with phi, wanted one of 9.7.9 to 9.7.16")
    return found[0].with_phi if phi else found[0]


def _numbers(record, edition):
    return record.numbers.values() if edition is None else [record.numbers[edition]]


def _wanted(printed, edition):
    numbers = [record.numbers[edition or "v1.0"] for record in printed[:16]]
    where = f"in {edition}" if edition else "(or 8.7.1 to 8.7.16 with an edition)"
    labels = ", ".join(dict.fromkeys(record.label for record in printed if record.label))
    return f"{numbers[0]} to {numbers[-1]} {where}, or a label: {labels}"
