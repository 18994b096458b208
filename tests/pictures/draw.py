"""Draws the pictures: cards and incidents as the preview's page shows them, the terminal as SVG."""

from __future__ import annotations

import threading
from pathlib import Path

from shared.cli.preview.captured import Preview
from shared.cli.preview.server import preview_server
from tests.pictures.scenes import SCENES, swept_tenant
from tests.pictures.terminal import terminal_svg
from tests.support.browser import browsing

MOST_BYTES = 150_000
SCALE = 1.5
_LIGHT = ".view:nth-child(3) .card"
_INCIDENT = ".incident"
_PICTURES = (
    ("findings.png", "findings", _LIGHT),
    ("campaign.png", "campaign", _LIGHT),
    ("untrusted.png", "untrusted", ".view:nth-child(2) .card"),
    ("incident.png", "findings", _INCIDENT),
)
"""Which part of which scene: a card on a desktop, one on a phone in the dark, an incident."""


def draw_all(folder: Path, executable: str) -> list[Path]:
    """Write every picture into the folder, with that browser; their paths.

    Raises:
        BrowserFailed: one could not be drawn.
    """
    folder.mkdir(parents=True, exist_ok=True)
    previews = []
    for name, (mail, settings) in SCENES.items():
        with swept_tenant(mail(), **settings) as swept:
            previews.append(swept.preview(name))
    terminal = folder / "sweep.svg"
    terminal.write_text(terminal_svg(), encoding="utf-8")
    return [terminal, *_draw_pages(folder, executable, previews)]


def _draw_pages(folder: Path, executable: str, previews: list[Preview]) -> list[Path]:
    drawn = []
    with preview_server(previews) as server, browsing(executable, scale=SCALE) as browser:
        serving = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        serving.start()
        for file, scene, selector in _PICTURES:
            browser.open(f"{server.address}#{scene}", 2200, 1600)
            browser.do("wait", f"document.body.dataset.shown === {scene!r}")
            browser.shoot(selector, folder / file, fine=selector != _INCIDENT)
            drawn.append(folder / file)
        server.shutdown()
        serving.join()
    return drawn
