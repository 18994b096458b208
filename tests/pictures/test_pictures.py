"""The pictures: of real sweeps, small, and the same on every run."""

from __future__ import annotations

import struct
import subprocess
import sys
import zlib
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.pictures.draw import MOST_BYTES
from tests.pictures.scenes import SCENES, swept_tenant
from tests.pictures.terminal import terminal_svg
from tests.support.browser import chromium

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("campaign.png", "findings.png", "incident.png", "sweep.svg", "untrusted.png")
BROWSER_JS = "const {smallPng} = require('./small_png.js'); const fs = require('fs');"


def chunk(kind: bytes, data: bytes) -> bytes:
    """One part of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def as_png(lines: Sequence[bytes], step: int) -> bytes:
    """A PNG of these lines of pixels, so many bytes a pixel; each line is kept with another filter."""
    kept, above = b"", bytes(len(lines[0]))
    for number, line in enumerate(lines):
        left = bytes(step) + line[:-step]
        corner = bytes(step) + above[:-step]
        guesses = [
            bytes(len(line)), left, above, bytes((a + b) // 2 for a, b in zip(left, above, strict=True)),
            bytes(
                min((abs(b - c), 0, a), (abs(a - c), 1, b), (abs(a + b - 2 * c), 2, c))[2]
                for a, b, c in zip(left, above, corner, strict=True)
            ),
        ]  # fmt: skip
        filtered = bytes((x - guess) % 256 for x, guess in zip(line, guesses[number % 5], strict=True))
        kept, above = kept + bytes([number % 5]) + filtered, line
    header = struct.pack(">IIBBBBB", len(lines[0]) // step, len(lines), 8, {3: 2, 4: 6}[step], 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(kept)) + chunk(b"IEND", b"")


def colours(png: bytes) -> list[list[tuple[int, ...]]]:
    """The pixels of a PNG with a palette, whose lines have no filter."""
    found, at = {}, 8
    while at < len(png):
        (size,), kind = struct.unpack(">I", png[at : at + 4]), png[at + 4 : at + 8]
        data = png[at + 8 : at + 8 + size]
        assert png[at : at + size + 12] == chunk(kind, data)
        found[kind], at = data, at + size + 12
    width, height = struct.unpack(">II", found[b"IHDR"][:8])
    assert found[b"IHDR"][8:] == bytes([8, 3, 0, 0, 0])
    palette, raw = found[b"PLTE"], zlib.decompress(found[b"IDAT"])
    assert [raw[y * (width + 1)] for y in range(height)] == [0] * height
    lines = [raw[y * (width + 1) + 1 : (y + 1) * (width + 1)] for y in range(height)]
    return [[tuple(palette[3 * place : 3 * place + 3]) for place in line] for line in lines]


def made_small(png: bytes) -> bytes:
    """What tests/npm/small_png.js makes of it."""
    script = f"{BROWSER_JS} process.stdout.write(smallPng(fs.readFileSync(0)))"
    return subprocess.run(
        ["node", "-e", script], cwd=ROOT / "tests/npm", input=png, capture_output=True, check=True
    ).stdout


@pytest.mark.parametrize("step", [3, 4])
@pytest.mark.parametrize(("tones", "off"), [(6, 0), (41, 16)])
def test_a_small_png_has_the_same_pixels(step: int, tones: int, off: int) -> None:
    """Up to 256 colours stay as they are, whatever filters the screenshot has; of more each is near."""
    lines, seen = [], []
    for y in range(11):
        row = [((x * y * 7) % tones * 6, (x + y) % tones * 6, x % tones * 6) for x in range(83)]
        seen.append(row)
        lines.append(b"".join(bytes((*colour, 255)[:step]) for colour in row))
    made = made_small(as_png(lines, step))
    found = colours(made)
    assert len({colour for line in found for colour in line}) <= 256
    pairs = [pair for a, b in zip(seen, found, strict=True) for pair in zip(a, b, strict=True)]
    assert max(abs(x - y) for one, other in pairs for x, y in zip(one, other, strict=True)) <= off


def test_the_scenes_are_what_their_pictures_say() -> None:
    """The sweeps behind the pictures: three findings, one High; a campaign under the fuse; data that is not trusted."""
    told = {}
    for name, (mail, settings) in SCENES.items():
        with swept_tenant(mail(), **settings) as swept:
            receipt = swept.receipt
            shown = swept.preview(name)
            told[name] = [receipt[each] for each in ("verdict", "flagged", "created", "held", "due")]
            assert len(shown.cards) == 1
            assert len(shown.incidents) == min(receipt["created"], 1)
    assert told == {
        "findings": ["flagged", 3, 3, 0, 0],
        "campaign": ["flagged", 14, 5, 9, 0],
        "untrusted": ["untrusted", 0, 0, 0, 0],
    }


@pytest.mark.slow
def test_the_docs_show_what_it_does() -> None:
    """The terminal in docs/ is of this very code: after a change of words, `make pictures` draws all of them anew."""
    assert terminal_svg() == (ROOT / "docs/sweep.svg").read_text(encoding="utf-8"), "run `make pictures`"


@pytest.mark.slow
def test_pictures_are_the_same_every_time(tmp_path: Path) -> None:
    """Two runs, in processes of their own, make the same bytes; each picture is small."""
    if chromium() is None:
        pytest.skip("*** NO CHROMIUM ON THIS MACHINE: THE PICTURES WERE NOT DRAWN ***")
    runs = []
    for seed in ("1", "2"):
        command = [sys.executable, "-m", "tests.pictures", str(tmp_path / seed)]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
        runs.append({path.name: path.read_bytes() for path in sorted((tmp_path / seed).iterdir())})
    assert tuple(runs[0]) == NAMES
    assert [name for name in NAMES if runs[0][name] != runs[1][name]] == []
    assert max(map(len, runs[0].values())) <= MOST_BYTES


def test_all_pictures_are_shown() -> None:
    """Each picture is on a page, and three at least are in the README."""
    pages = {path: path.read_text(encoding="utf-8") for path in (ROOT / "README.md", *(ROOT / "docs").glob("*.md"))}
    assert [name for name in NAMES if not any(f"{name})" in text for text in pages.values())] == []
    assert sum(f"docs/{name})" in pages[ROOT / "README.md"] for name in NAMES) >= 3
