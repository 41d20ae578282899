"""Cells other than the plain one: today the minimal gated unit, forward and backward by hand."""

__all__ = ["gated"]
