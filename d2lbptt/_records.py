"""What the registry of equations and that of the readers' questions have in common: how they show themselves."""

import sys
from html import escape
from types import ModuleType


class Records(tuple):
    """Records that show themselves as a table; a subclass says what stands in its rows."""

    __slots__ = ()
    HEAD = ()

    def _rows(self):
        raise NotImplementedError

    def _repr_markdown_(self):
        lines = [self.HEAD, ["---"] * len(self.HEAD), *self._rows()]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)

    def _repr_html_(self):
        rows = [_html("th", self.HEAD), *(_html("td", row) for row in self._rows())]
        return f"<table>{''.join(rows)}</table>"

    def __repr__(self):
        """Return the text of the table."""
        return str(self)


def _html(tag, row):
    return f"<tr>{''.join(f'<{tag}>{escape(c, quote=False)}</{tag}>' for c in row)}</tr>"


def make_callable(name, function):
    """Let the module of that name be called as the function that it is named after, also once it is loaded."""
    kind = type("CallableModule", (ModuleType,), {"__call__": lambda self: function()})
    sys.modules[name].__class__ = kind
