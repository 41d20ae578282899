"""The front end: what an explorer is made of, what it looks like, and how its picture comes to a page."""

from ._controls import Menu, Number, Slider, steps, within, within_T
from ._table import Table, table
from ._widget import Explorer

__all__ = ["Explorer", "Menu", "Number", "Slider", "Table", "steps", "table", "within", "within_T"]
