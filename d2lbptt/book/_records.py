"""What the registry of equations and that of the readers' questions have in common: how they show themselves."""

from html import escape

BREAK = "\n"  # a new line within a cell


class Records(tuple):
    """Records that show themselves as a table; a subclass says what stands in its rows."""

    __slots__ = ()
    HEAD: tuple[str, ...] = ()

    def _rows(self):
        raise NotImplementedError

    def _repr_markdown_(self):
        rows = ([cell.replace(BREAK, "<br>") for cell in row] for row in self._rows())
        lines = [self.HEAD, ["---"] * len(self.HEAD), *rows]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)

    def _repr_html_(self):
        rows = [_html("th", self.HEAD), *(_html("td", row) for row in self._rows())]
        return f"<table>{''.join(rows)}</table>"

    def __repr__(self):
        """Return the text of the table."""
        return str(self)


def _html(tag, row):
    # Left and on top: Jupyter's own style would put long claims to the right.
    cell = f'<{tag} style="text-align:left;vertical-align:top;line-height:1.6">{{}}</{tag}>'
    return f"<tr>{''.join(cell.format(escape(text, quote=False).replace(BREAK, '<br>')) for text in row)}</tr>"
