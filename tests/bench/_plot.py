"""A table of coloured cells as SVG: how soon each fault is noticed, by the size of the tenant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

CELL, ROW, LABEL, TOP = 118, 26, 224, 54
# From the first sweep to never, light to dark; readable without colours, for each cell holds its number.
SHADES = ((1, "#d5efdf"), (3, "#eaf3c8"), (7, "#fbe8b4"), (30, "#f6c9a3"), (float("inf"), "#e3e3e3"))


def drawn(title: str, columns: Sequence[str], rows: Mapping[str, Sequence[tuple[float, float]]]) -> str:
    """The SVG. Each cell is the median and what 19 of 20 do not exceed; infinite: not noticed."""
    width, height = LABEL + CELL * len(columns) + 10, TOP + ROW * len(rows) + 12
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"',
        ' font-family="sans-serif" font-size="13">',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        _text(10, 20, title, weight="bold"),
        *(_text(LABEL + CELL * place + CELL / 2, 44, name, "middle") for place, name in enumerate(columns)),
    ]
    for number, (label, cells) in enumerate(rows.items()):
        top = TOP + ROW * number
        parts.append(_text(10, top + 18, label))
        for place, cell in enumerate(cells):
            left = LABEL + CELL * place
            shade = next(colour for most, colour in SHADES if cell[0] <= most)
            size = f'width="{CELL - 2}" height="{ROW - 2}"'
            parts.append(f'<rect x="{left + 1}" y="{top + 1}" {size} fill="{shade}"/>')
            parts.append(_text(left + CELL / 2, top + 18, _words(cell), "middle"))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _words(cell: tuple[float, float]) -> str:
    middle, worst = ("never" if value == float("inf") else f"{value:.0f}" for value in cell)
    return middle if middle == worst else f"{middle} ({worst})"


def _text(x: float, y: float, words: str, anchor: str = "start", weight: str = "normal") -> str:
    attributes = f'x="{x:g}" y="{y:g}" text-anchor="{anchor}" font-weight="{weight}" fill="#222222"'
    return f"<text {attributes}>{escape(words)}</text>"
