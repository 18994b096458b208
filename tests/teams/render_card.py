"""Draw sample cards to PNG: `python -m tests.teams.render_card [FOLDER]` (default: one that git ignores).

For developers. It needs the Adaptive Cards renderer of `tests/npm` and a Chromium on the PATH; without either it says
loudly that it drew nothing and exits with 1. With `--docs` it writes `docs/card.png` and `docs/card.txt`.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from shared.model import Campaign, Cause, Counts, Reason, Severity, Verdict, Window, message_hash
from shared.teams import (
    Card,
    Entry,
    Notice,
    OtherReason,
    Situation,
    digest_card,
    incident_link,
    incidents_link,
    notice_card,
    probe_card,
    run_link,
    workbooks_link,
)
from tests.support.coverage import ordinary

ROOT = Path(__file__).resolve().parents[2]
RENDERER = ROOT / "tests/npm/node_modules/adaptivecards/dist/adaptivecards.min.js"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")

WORKSPACE = (
    "/subscriptions/d0cfe6b2-9ac0-4464-9919-dccaee2e48c0/resourceGroups/soc"
    "/providers/Microsoft.OperationalInsights/workspaces/contoso-soc"
)
PORTAL = "https://portal.azure.com"
APP = (
    "/subscriptions/d0cfe6b2-9ac0-4464-9919-dccaee2e48c0/resourceGroups/sweep/providers/Microsoft.Web/sites/sweep-7f3a"
)
RUN = "7c1f2a90-5e0b-4c7d-9a53-1c0a3f1f7d26"
NOW = datetime(2026, 11, 24, 6, 1, tzinfo=UTC)
SITUATION = Situation(
    workspace="contoso-soc",
    now=NOW,
    verdict=Verdict.FLAGGED,
    threshold=10,
    high=50,
    window=Window(NOW - timedelta(days=30), NOW),
    coverage=ordinary(NOW, rows=1_284_019, messages=43_117, filled=41_823, newest=NOW - timedelta(minutes=38)),
    standing=4,
    settled=2,
    excluded=1,
    mentions=("oncall.soc@contoso.com",),
    incidents_url=incidents_link(PORTAL, WORKSPACE),
    run_url=run_link(PORTAL, APP, RUN, NOW),
    run_id=RUN,
    grown=1,
    workbook_url=workbooks_link(PORTAL, WORKSPACE),
)


def _entry(recipient: str, reason: Reason | OtherReason, counts: Counts, number: int | None, **more: object) -> Entry:
    """A sample entry with a link, High above 50."""
    severity = Severity.HIGH if counts.total > 50 else Severity.MEDIUM
    incident = f"{number or 0:08x}-9aa8-5f0c-8f0e-2f6f2b1d7a11"
    url = incident_link(PORTAL, WORKSPACE, incident) if number else ""
    hashes = tuple(message_hash(f"{recipient}/{place}") for place in range(counts.total))
    made = Entry(recipient, incident, 0, reason, severity, counts, hashes, counts.total, url, number)
    return replace(made, **more)  # type: ignore[arg-type]


FEW = (
    _entry(
        "kim.larsen@contoso.com",
        Reason.ESCALATED,
        Counts(41, 19, 2, 1),
        3177,
        new=24,
        remediators="63 messages: 51 by automation, 12 by admins; 1 attempt failed",
        domains=(("contoso-billing.example", 52), ("mailer.example", 11)),
    ),
    _entry("finance@contoso.com", Reason.FIRST, Counts(3, 9, 11, 0), 3201, domains=(("contoso-billing.example", 23),)),
    _entry(
        "li.wei@contoso.com",
        Reason.REOPENED,
        Counts(0, 14, 0, 0),
        3202,
        new=12,
        domains=(("news.example", 8), ("parcel-tracking.example", 4), ("mailer.example", 2)),
    ),
)
FEW_SITUATION = replace(
    SITUATION,
    campaigns=(Campaign("", "contoso-billing.example", "", 37, ("finance@contoso.com", "kim.larsen@contoso.com"), 75),),
    flagged=3,
    looked_up=3,
)
HOSTILE = (
    _entry(
        "x@evil.example](https://evil.example/login)\u202e<img src=x>",
        Reason.FIRST,
        Counts(80, 10, 0, 0),
        3204,
        subjects=(
            "**Reset** [now](https://evil.example/a?b=c) {{DATE()}}",
            "\u202efdp.ecioвni\u202c 請求書 \U0001f4b8 תשלום",
        ),
    ),
    _entry(
        "finance@contoso.com",
        OtherReason.NOT_RAISED,
        Counts(3, 9, 11, 0),
        None,
        cause="Sentinel refused (403): give the app's identity the role Microsoft Sentinel Responder on contoso-soc.",
    ),
    _entry("li.wei@contoso.com", OtherReason.REMINDER, Counts(0, 14, 0, 0), 3190, since=NOW - timedelta(days=4)),
    _entry("old@contoso.com", OtherReason.DELETED, Counts(0, 12, 0, 0), None),
)
DOUBTED = replace(
    SITUATION,
    verdict=Verdict.UNTRUSTED,
    reasons=("The newest row is 31 h old (limit 24 h): check the Defender XDR data connector of contoso-soc.",),
    due=1,
    held=17,
    causes=(Cause("sentinel_forbidden", "Sentinel refused (403): the role Microsoft Sentinel Responder is missing."),),
)
HIT = tuple(f"user{place:04}@contoso.com" for place in range(187))
FLOOD = replace(
    SITUATION,
    held=112,
    campaigns=(
        Campaign(
            "accounts@contoso-billing.example", "contoso-billing.example", "Invoice 4711 overdue", 1_204, HIT, 9_350
        ),
        Campaign("", "parcel-tracking.example", "", 96, HIT[:31], 290),
        Campaign("", "parcel-tracking.example", "", 41, HIT[40:52], 80),
        Campaign("", "mailer.example", "", 12, HIT[60:63], 31),
    ),
    flagged=212,
    looked_up=212,
)
MANY = tuple(
    _entry(f"user{place:04}@contoso.com", Reason.FIRST, Counts(12 + 3 * place % 97, place % 5), 4000 + place)
    for place in range(900)
)
REFUSAL = "Sentinel answered 403: give the app's identity the role Microsoft Sentinel Responder on the workspace."
REFUSED = tuple(
    _entry(f"mailbox{place:02}@contoso.com", OtherReason.NOT_RAISED, Counts(60 - place // 2, 3), None, cause=REFUSAL)
    for place in range(60)
)
UNANSWERED = tuple(replace(each, reason=OtherReason.UNANSWERED, remediators="") for each in FEW[:2])
MIXED = (
    *REFUSED[:7],
    *MANY[:40],
    *UNANSWERED,
    _entry("li.wei@contoso.com", OtherReason.REMINDER, Counts(0, 14, 0, 0), 3190, since=NOW - timedelta(days=4)),
)
CARDS: dict[str, Card] = {
    "few": digest_card(FEW, FEW_SITUATION),
    "campaign": digest_card([replace(each, domains=(("contoso-billing.example", 50),)) for each in MANY[:100]], FLOOD),
    "one": digest_card(FEW[1:2], replace(SITUATION, mentions=(), standing=0, settled=0, excluded=0)),
    "hostile": digest_card(HOSTILE, DOUBTED),
    "many": digest_card(MANY, SITUATION),
    "refused": digest_card(REFUSED, SITUATION),
    "mixed": digest_card(MIXED, replace(SITUATION, held=6_000, held_unremembered=1_000)),
    "unanswered": digest_card(UNANSWERED, SITUATION),
    "waiting": digest_card([replace(FEW[0], reason=OtherReason.REMINDER, since=NOW - timedelta(days=6))], SITUATION),
    "grown": notice_card(
        Notice.HEARTBEAT, (), replace(SITUATION, sweeps=7, since=NOW - timedelta(days=7), verdict=Verdict.FLAGGED)
    ),
    "minimal": digest_card(HOSTILE[:2], DOUBTED, minimal=True),
    "probe": probe_card(DOUBTED),
    "failed": notice_card(
        Notice.FAILED,
        (
            Cause(
                "log_analytics_forbidden",
                "Log Analytics refused (403): the role Microsoft Sentinel Responder is missing.",
            ),
        ),
        replace(SITUATION, coverage=None, standing=0, grown=0, settled=0, excluded=0),
    ),
    "untrusted": notice_card(
        Notice.UNTRUSTED, (Cause("stale", DOUBTED.reasons[0]),), replace(DOUBTED, due=0, held=0, causes=())
    ),
    "due": notice_card(Notice.DUE, DOUBTED.causes, DOUBTED),
    "unread": notice_card(
        Notice.DUE,
        (Cause("incidents_unread", "Our incidents could not be listed: Sentinel answered 503."),),
        replace(DOUBTED, verdict=Verdict.FLAGGED, reasons=(), due=0, held=0, causes=()),
    ),
    "first": notice_card(
        Notice.HEARTBEAT, (), replace(SITUATION, verdict=Verdict.CLEAN, standing=0, grown=0, first=True)
    ),
    "heartbeat": notice_card(
        Notice.HEARTBEAT,
        (),
        replace(SITUATION, sweeps=7, since=NOW - timedelta(days=7), verdict=Verdict.CLEAN, standing=0, grown=0),
    ),
}

_LIGHT = {
    "": "#ffffff", "emphasis": "#f5f5f5", "accent": "#e8ebfa",
    "good": "#e7f2da", "warning": "#fff4ce", "attention": "#fde7e9",
    "text": "#242424", "subtle": "#616161",
    "accent-text": "#5b5fc7", "good-text": "#237b4b", "warning-text": "#835c00", "attention-text": "#c4314b",
}  # fmt: skip
_DARK = {
    "": "#292929", "emphasis": "#333333", "accent": "#2f2f4a",
    "good": "#1c3020", "warning": "#463100", "attention": "#4a1c22",
    "text": "#ffffff", "subtle": "#adadad",
    "accent-text": "#9299f7", "good-text": "#92c353", "warning-text": "#f8d22a", "attention-text": "#f9526b",
}  # fmt: skip


def _theme(tones: dict[str, str]) -> dict[str, object]:
    def pair(name: str, subtle: str | None = None) -> dict[str, str]:
        return {"default": tones[name], "subtle": tones[subtle or name]}

    colours = {
        "default": pair("text", "subtle"),
        "dark": pair("text", "subtle"),
        "light": pair("text", "subtle"),
        **{name: pair(f"{name}-text") for name in ("accent", "good", "warning", "attention")},
    }
    styles = {
        name or "default": {"backgroundColor": tones[name], "foregroundColors": colours}
        for name in ("", "emphasis", "accent", "good", "warning", "attention")
    }
    return {
        "fontFamily": "'Segoe UI','Noto Sans','DejaVu Sans',sans-serif",
        "fontSizes": {"small": 12, "default": 14, "medium": 16, "large": 18, "extraLarge": 24},
        "fontWeights": {"lighter": 300, "default": 400, "bolder": 600},
        "spacing": {"small": 8, "default": 12, "medium": 16, "large": 20, "extraLarge": 24, "padding": 16},
        "separator": {"lineThickness": 1, "lineColor": "#88888844"},
        "supportsInteractivity": True,
        "containerStyles": styles,
        "actions": {"actionsOrientation": "horizontal", "actionAlignment": "left", "maxActions": 6, "buttonSpacing": 8},
    }


_PAGE = """<!doctype html><meta charset="utf-8"><style>
body{margin:0;padding:12px;display:flex;gap:12px;align-items:flex-start;background:%(page)s}
.card{border-radius:6px;overflow:hidden;box-shadow:0 1px 3px #0006}
.ac-pushButton{border:1px solid #8888;border-radius:4px;background:transparent;padding:5px 12px;color:inherit;
font:600 14px 'Noto Sans'}
.ac-anchor{color:inherit}
</style><script>%(renderer)s</script><body><script>
for (const [card, width, theme, ink] of %(shown)s) {
  const view = new AdaptiveCards.AdaptiveCard();
  view.hostConfig = new AdaptiveCards.HostConfig(theme);
  AdaptiveCards.AdaptiveCard.onProcessMarkdown = (text, out) => {
    out.outputHtml = text.replace(/&/g, '&amp;').replace(/<at>(.*?)<\\/at>/g, '<b style="color:#7f85f5">$1</b>')
      .replace(/\\*\\*(.*?)\\*\\*/g, '<b>$1</b>'); out.didProcess = true; };
  view.parse(card);
  const box = document.createElement('div');
  box.className = 'card'; box.style.width = width + 'px'; box.style.color = ink; box.append(view.render());
  document.body.append(box);
}
document.title = String(Math.ceil(document.body.getBoundingClientRect().height));
</script>"""


def _draw(browser: str, file: Path, shown: list[tuple[Card, int, bool]], page: str) -> None:
    """One PNG with these cards side by side, each as wide and as (light or dark) as it says."""
    views = [
        [
            json.loads(card.body)["attachments"][0]["content"],
            width,
            _theme(_DARK if dark else _LIGHT),
            (_DARK if dark else _LIGHT)["text"],
        ]
        for card, width, dark in shown
    ]
    html = _PAGE % {
        "page": page,
        "renderer": RENDERER.read_text(encoding="utf-8"),
        "shown": json.dumps(views).replace("</", "<\\/"),
    }
    wide = sum(width for _, width, _ in shown) + 12 * (len(shown) + 1)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "card.html"
        place.write_text(html, encoding="utf-8")
        base = [
            browser,
            "--headless",
            "--no-sandbox",
            "--hide-scrollbars",
            "--disable-gpu",
            f"--user-data-dir={folder}/p",
        ]
        measured = subprocess.run(
            [*base, f"--window-size={wide},600", "--dump-dom", place.as_uri()],
            capture_output=True, text=True, timeout=60, check=True,
        )  # fmt: skip
        found = re.search(r"<title>(\d+)</title>", measured.stdout)
        high = int(found[1]) if found else 1200
        subprocess.run(
            [*base, f"--window-size={wide},{high}", f"--screenshot={file}", place.as_uri()],
            capture_output=True, timeout=60, check=True,
        )  # fmt: skip


def card_as_text(card: Card) -> str:
    """The card's lines, one per paragraph, for a reader without pictures."""
    lines: list[str] = []

    def walk(part: object) -> None:
        if isinstance(part, list):
            for item in part:
                walk(item)
        elif isinstance(part, dict):
            if part.get("type") == "TextBlock":
                lines.append(str(part["text"]))
            elif part.get("type") == "RichTextBlock":
                lines.append("".join(str(run["text"]) for run in part["inlines"]))
            elif part.get("type") == "Action.OpenUrl":
                lines.append(f"[ {part['title']} ]")
            for key in ("body", "items", "columns", "actions"):
                walk(part.get(key))

    walk(json.loads(card.body)["attachments"][0]["content"])
    return "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    """Draw; 1 when there is nothing to draw with."""
    browser = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if browser is None or not RENDERER.exists():
        missing = (
            "no Chromium on the PATH" if browser is None else f"no {RENDERER.relative_to(ROOT)} (make test sets it up)"
        )
        sys.stderr.write(f"*** NO CARD WAS DRAWN: {missing}. ***\n")
        return 1
    if arguments == ["--docs"]:
        (ROOT / "docs/card.txt").write_text(card_as_text(CARDS["few"]), encoding="utf-8")
        _draw(browser, ROOT / "docs/card.png", [(CARDS["few"], 640, False)], "#f0f0f0")
        return 0
    folder = Path(arguments[0]) if arguments else ROOT / ".tools/cards"
    folder.mkdir(parents=True, exist_ok=True)
    for name, card in CARDS.items():
        _draw(browser, folder / f"{name}.png", [(card, 340, False), (card, 340, True), (card, 620, False)], "#d8d8d8")
        sys.stdout.write(f"{folder / name}.png: a card of {len(card.body.encode()):,} bytes\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
