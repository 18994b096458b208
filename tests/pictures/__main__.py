"""Draw all pictures: `python -m tests.pictures [FOLDER]` (default: docs). The same bytes on every run of a machine.

It needs the renderers of `tests/npm` and a Chromium: without one it says loudly that nothing was drawn, and ends with
1.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.pictures.draw import MOST_BYTES, draw_all
from tests.support.browser import MISSING, BrowserFailed, chromium

ROOT = Path(__file__).resolve().parents[2]


def main(arguments: list[str]) -> int:
    """Draw; 1 when there is nothing to draw with, or a picture is too large."""
    folder = Path(arguments[0]) if arguments else ROOT / "docs"
    executable = chromium()
    if executable is None:
        sys.stderr.write(f"*** {MISSING}: NO PICTURE WAS DRAWN. ***\n")
        return 1
    try:
        drawn = draw_all(folder, executable)
    except BrowserFailed as failed:
        sys.stderr.write(f"*** NO PICTURE WAS DRAWN: {failed} ***\n")
        return 1
    for path in drawn:
        sys.stdout.write(f"{path}: {path.stat().st_size:,} bytes\n")
    large = [path.name for path in drawn if path.stat().st_size > MOST_BYTES]
    if large:
        sys.stderr.write(f"*** LARGER THAN {MOST_BYTES:,} BYTES: {', '.join(large)} ***\n")
    return int(bool(large))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
