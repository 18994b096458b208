"""The picture of `tune`: how many recipients each threshold flags, with the bend and today's threshold marked.

Readable without colours: every line has its own pattern and its name beside it. Pillow is not among what is deployed:
without it one sentence says how to install it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise
from math import ceil, log
from pathlib import Path
from typing import TYPE_CHECKING

from shared.cli.tuning import Tuned
from shared.plan.threshold import Step, step_at
from shared.text import when

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw

INSTALL = ".venv/bin/python -m pip install --require-hashes -r requirements-plot.txt"
WIDTH, HEIGHT = 1200, 750
SCALE = 2  # drawn so many times as large, and made smaller: smooth lines
LEFT, RIGHT, TOP, BOTTOM = 110, 1150, 110, 640
# Blue and orange-red differ for every kind of colour blindness, and in brightness.
BLUE, RED, BLACK, GREY, PALE = "#0072B2", "#D55E00", "#222222", "#666666", "#DDDDDD"
TICKS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000)
Point = tuple[float, float]


def missing_library() -> str:
    """What to do when pictures cannot be drawn, "" when they can."""
    if find_spec("PIL"):
        return ""
    return f"--plot needs the package Pillow, which is not installed: {INSTALL}"


@dataclass(frozen=True, slots=True)
class Axes:
    """Where a threshold (on a logarithmic scale) and a number of recipients are in the picture."""

    highest: int
    most: int

    def x(self, threshold: float) -> float:
        """From the left edge, in points."""
        return LEFT + (RIGHT - LEFT) * log(max(threshold, 1)) / log(max(self.highest, 2))

    def y(self, flagged: float) -> float:
        """From the upper edge, in points."""
        return BOTTOM - (BOTTOM - TOP) * flagged / max(self.most, 1)


class Pen:
    """Draws in points, whatever the scale."""

    def __init__(self, draw: ImageDraw) -> None:
        self._draw = draw

    def line(
        self, points: Sequence[Point], colour: str, width: float = 1, dash: tuple[float, float] | None = None
    ) -> None:
        """A line through these points, whole or in dashes of (on, off)."""
        pieces = [points] if dash is None else [piece for pair in pairwise(points) for piece in _dashes(*pair, *dash)]
        for piece in pieces:
            scaled = [(x * SCALE, y * SCALE) for x, y in piece]
            self._draw.line(scaled, fill=colour, width=round(width * SCALE), joint="curve")

    def diamond(self, at: Point, size: float, colour: str) -> None:
        """A filled diamond around a point."""
        x, y = at
        corners = [(x, y - size), (x + size, y), (x, y + size), (x - size, y)]
        self._draw.polygon([(a * SCALE, b * SCALE) for a, b in corners], fill=colour, outline="#FFFFFF")

    def text(self, at: Point, words: str, size: float = 17, colour: str = BLACK, anchor: str = "lm") -> None:
        """Words; `anchor` is where the point is: l, m or r, then t (above), m or b (below)."""
        from PIL import ImageFont

        font = ImageFont.load_default(round(size * SCALE))
        vertical = {"t": "a", "m": "m", "b": "d"}[anchor[1]]
        self._draw.text((at[0] * SCALE, at[1] * SCALE), words, fill=colour, font=font, anchor=anchor[0] + vertical)

    def width(self, words: str, size: float = 17) -> float:
        """How wide these words are, in points."""
        from PIL import ImageFont

        return float(ImageFont.load_default(round(size * SCALE)).getlength(words)) / SCALE


def draw(found: Tuned, path: Path) -> None:
    """Draw the curve into a PNG file.

    Raises:
        OSError: it cannot be written.
    """
    from PIL import Image, ImageDraw

    image = Image.new("RGB", (WIDTH * SCALE, HEIGHT * SCALE), "#FFFFFF")
    pen = Pen(ImageDraw.Draw(image))
    today = found.settings.sum_case_threshold
    axes = Axes(max(found.steps[-1].threshold, today), found.steps[0].flagged)
    _frame(pen, axes, found)
    pen.line(list(_stairs(axes, found.steps)), BLUE, 3)
    knee = found.suggestion.knee
    # Where both are one threshold, one mark says both.
    if knee is not None:
        words = "the bend" if knee != today else "the bend, and today's threshold"
        _mark(pen, axes, step_at(found.steps, knee), words, RED, (10, 6), raised=today != knee)
    if today != knee:
        _mark(pen, axes, step_at(found.steps, today), "today's threshold", BLACK, (3, 5))
    small = image.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
    small.save(path, format="PNG")


def _frame(pen: Pen, axes: Axes, found: Tuned) -> None:
    pen.text((LEFT, 34), "Recipients that each threshold flags", 24)
    days = f"{when(found.window.start)} to {when(found.window.end)}"
    pen.text((LEFT, 66), f"remediated mail of {days}; flagged: more messages than the threshold", 15, GREY)
    step = nice_step(axes.most)
    for number in range(0, axes.most + 1, step):
        pen.line([(LEFT, axes.y(number)), (RIGHT, axes.y(number))], PALE)
        pen.text((LEFT - 12, axes.y(number)), f"{number:,}", 15, GREY, "rm")
    for threshold in (each for each in TICKS if each <= axes.highest):
        pen.line([(axes.x(threshold), BOTTOM), (axes.x(threshold), BOTTOM + 6)], BLACK)
        pen.text((axes.x(threshold), BOTTOM + 10), f"{threshold:,}", 15, GREY, "mt")
    pen.line([(LEFT, BOTTOM), (RIGHT, BOTTOM)], BLACK)
    pen.text(((LEFT + RIGHT) / 2, BOTTOM + 58), "SUM_CASE_THRESHOLD, on a logarithmic scale", 17, BLACK, "mm")


def nice_step(most: int) -> int:
    """A round distance between grid lines, of which there are ten at most."""
    magnitude: int = 10 ** max(len(str(most)) - 2, 0)
    return next(magnitude * each for each in (1, 2, 5, 10, 20, 50) if ceil(most / (magnitude * each)) <= 10)


def _stairs(axes: Axes, steps: Sequence[Step]) -> Iterator[Point]:
    """The curve as stairs: between two whole thresholds there is none."""
    for before, after in zip(steps, (*steps[1:], steps[-1]), strict=True):
        yield axes.x(before.threshold), axes.y(before.flagged)
        yield axes.x(after.threshold), axes.y(before.flagged)
    yield axes.x(steps[-1].threshold), axes.y(steps[-1].flagged)
    if steps[-1].threshold < axes.highest:
        yield axes.x(axes.highest), axes.y(steps[-1].flagged)


def _mark(
    pen: Pen, axes: Axes, step: Step, name: str, colour: str, dash: tuple[float, float], *, raised: bool = False
) -> None:
    x, y = axes.x(step.threshold), axes.y(step.flagged)
    height = TOP + (6 if raised else 40)
    pen.line([(x, height), (x, BOTTOM)], colour, 2, dash)
    pen.diamond((x, y), 8, colour)
    words = f"{step.threshold:,}: {name}, flags {step.flagged:,}"
    beside = (x + 10, "lm") if x + 10 + pen.width(words) <= RIGHT else (x - 10, "rm")
    pen.text((beside[0], height + 8), words, 17, colour, beside[1])


def _dashes(start: Point, end: Point, on: float, off: float) -> Iterator[tuple[Point, Point]]:
    length = ((end[0] - start[0]) ** 2 + (end[1] - start[1]) ** 2) ** 0.5
    along = 0.0
    while along < length:
        yield tuple(  # type: ignore[misc]
            (start[0] + (end[0] - start[0]) * at / length, start[1] + (end[1] - start[1]) * at / length)
            for at in (along, min(along + on, length))
        )
        along += on + off
