"""The samples in a real browser, drawn by Microsoft's renderer: nothing cut off, readable in both themes, inert."""

from __future__ import annotations

import json
import os
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from shared.cli.preview.samples import NAMES, sample_named
from shared.cli.preview.server import preview_server
from tests.support.browser import MISSING, Browser, browsing, chromium

OVERFLOWING = """
[...document.querySelectorAll(".card")].flatMap((card) => {
  const edge = card.getBoundingClientRect();
  const cut = (element) => {
    const box = element.getBoundingClientRect();
    const hidden = element.scrollWidth > element.clientWidth + 1 && getComputedStyle(element).display !== "inline";
    return box.width > 0 && (box.right > edge.right + 0.5 || box.left < edge.left - 0.5 || hidden);
  };
  return [...card.querySelectorAll("*")].filter(cut).map((element) => [card.style.width, element.textContent]);
})
"""
TAGS = """
[...document.querySelectorAll(".card *, .incident *, .spoken *")].flatMap((element) => [
  element.localName,
  ...element.getAttributeNames().filter((name) => name.startsWith("on")),
])
"""
HREFS = '[...document.querySelectorAll("main a")].map((link) => link.href)'
CLICKED = """
(() => {
  const opened = [];
  window.open = (url) => { opened.push(url); return null; };
  for (const each of document.querySelector(".card").querySelectorAll(".ac-pushButton, .ac-anchor")) each.click();
  return opened;
})()
"""
LONGEST = """
[...document.querySelectorAll(".card .ac-richTextBlock")].sort(
  (one, other) => other.innerText.length - one.innerText.length)[0]
"""
IN_A_CARD = {"div", "span", "button", "a", "p", "strong", "br", "table", "tbody", "thead", "tr", "td", "th"}
IN_AN_INCIDENT = IN_A_CARD | {"h4", "ul", "ol", "li", "pre", "code", "em", "hr", "h1", "h2", "h3"}


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The page's, with every sample."""
    with preview_server([sample_named(name) for name in NAMES]) as server:
        running = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        running.start()
        yield server.address
        server.shutdown()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for all; where it must be (in CI), its absence is a failure."""
    executable = chromium()
    if executable is None:
        if os.environ.get("BROWSER_REQUIRED"):
            pytest.fail(f"{MISSING}: the cards were not drawn, and BROWSER_REQUIRED is set")
        pytest.skip(f"*** {MISSING}: THE CARDS WERE NOT DRAWN ***")
    with browsing(executable) as made:
        yield made


def sample_drawn(browser: Browser, address: str, name: str, *, phone: int, window: int = 2200) -> None:
    """The browser shows this sample, on a phone so wide."""
    browser.open(f"{address}?phone={phone}#{name}", window)
    browser.do("wait", f"document.body.dataset.shown === {name!r}")


def complaints(found: dict[str, Any]) -> dict[str, Any]:
    """What axe finds serious, and what it cannot judge of the contrast."""
    serious = {each["id"]: each["nodes"] for each in found["violations"] if each["impact"] in ("serious", "critical")}
    unsure = {each["id"]: each["nodes"] for each in found["incomplete"] if each["id"] == "color-contrast"}
    return serious | unsure


def urls(node: Any) -> list[str]:
    """The addresses that a card's actions open, in the order of the card."""
    if isinstance(node, list):
        return [url for each in node for url in urls(each)]
    if not isinstance(node, dict):
        return []
    own = [node["url"]] if node.get("type") == "Action.OpenUrl" else []
    return own + [url for value in node.values() for url in urls(value)]


@pytest.mark.parametrize("name", NAMES)
def test_on_a_narrow_phone(browser: Browser, address: str, name: str) -> None:
    """At 320 pixels nothing of a card is cut off or stands out, nor does the page; the renderer has no complaint, and
    every button and link opens just the address that the card says."""
    sample_drawn(browser, address, name, phone=320, window=320)
    assert browser.evaluate("problems") == []
    assert browser.evaluate("document.querySelectorAll('.card.light, .card.dark').length") == 4
    assert browser.evaluate(OVERFLOWING) == []
    assert browser.evaluate("document.documentElement.scrollWidth") <= 320
    (body,) = sample_named(name).cards
    assert browser.evaluate(CLICKED) == urls(json.loads(body))
    assert browser.do("noted", 0) == {"errors": [], "requests": [], "opened": []}


@pytest.mark.parametrize("name", NAMES)
def test_it_is_readable_by_all(browser: Browser, address: str, name: str) -> None:
    """At 360 pixels and on a desktop nothing is cut off; in both themes contrast is AA, and axe finds nothing serious;
    what stands there is text, links to Microsoft's portals, and no other element, whatever a sender wrote."""
    sample_drawn(browser, address, name, phone=360)
    assert browser.evaluate(OVERFLOWING) == []
    assert complaints(browser.do("axe", "body")) == {}
    assert set(browser.evaluate(TAGS)) <= IN_AN_INCIDENT
    portals = ("https://portal.azure.com/", "https://security.microsoft.com/", "https://github.com/")
    assert all(href.startswith(portals) for href in browser.evaluate(HREFS))
    assert browser.do("noted", 0) == {"errors": [], "requests": [], "opened": []}


def test_hostile_text_is_text(browser: Browser, address: str) -> None:
    """A recipient, sender or subject that holds markup is shown letter for letter, in cards and incidents."""
    sample_drawn(browser, address, "hostile", phone=360)
    text = browser.evaluate("document.querySelector('main').innerText")
    shown = Counter({part: text.count(part) for part in ("x@evil[.]example](hxxps://evil[.]example", "<img src=x")})
    assert min(shown.values()) >= 5, shown  # four cards and an incident at least
    assert not browser.evaluate("[...document.querySelectorAll('main img, main script, main b, main i')].length")


def test_a_click_leads_there(browser: Browser, address: str) -> None:
    """A real click opens the address in a tab of its own; the page stays."""
    sample_drawn(browser, address, "findings", phone=360)
    (body,) = sample_named("findings").cards
    first = urls(json.loads(body))[0]
    browser.evaluate("document.querySelector('.card .ac-pushButton').click()")
    noted = browser.do("noted", 1)
    assert [url.partition("#")[0] for url in noted["opened"]] == [first.partition("#")[0]]
    assert browser.evaluate("location.href").startswith(address)


@pytest.mark.parametrize(
    ("fault", "seen"),
    [
        ("text.firstChild.style.color = '#bbbbbb'", "contrast"),
        ("text.style.width = '400px'", "overflow"),
        ("text.style.whiteSpace = 'nowrap'; text.style.overflow = 'hidden'", "overflow"),
        ('text.innerHTML = \'<img alt="" onerror="0">\'', "tag"),
        ("text.setAttribute('role', 'nonsense')", "axe"),
    ],
)
def test_what_is_wrong_is_seen(browser: Browser, address: str, fault: str, seen: str) -> None:
    """Each of the looks above finds what it looks for, planted into a card."""
    browser.open("about:blank")
    sample_drawn(browser, address, "untrusted-finding", phone=320)
    browser.evaluate(f"(() => {{ const text = {LONGEST}; {fault}; }})()")
    found = complaints(browser.do("axe", ".card"))
    look = {
        "contrast": "color-contrast" in found,
        "overflow": browser.evaluate(OVERFLOWING) != [],
        "tag": {"img", "onerror"} <= set(browser.evaluate(TAGS)),
        "axe": "aria-roles" in found,
    }
    browser.open("about:blank")
    assert look[seen]
