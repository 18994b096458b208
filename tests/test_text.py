"""Untrusted text: what comes out of `shared.text` does nothing, wherever it is shown."""

from __future__ import annotations

import re
import unicodedata
from html.parser import HTMLParser

import pytest
from hypothesis import example, given, settings
from markdown_it import MarkdownIt

from shared.text import address, bare, clean, cut, inert, inert_address, link, ordinary, plain, units
from tests.support.hostile import FRAGMENTS, addresses, everyday, texts

LIMIT = 80
CLICKABLE = re.compile(r"(?i)\b(https?|ftp)://|\bjavascript:|\bdata:|\bmailto:|[^\W_]\.[a-z]{2}|\d+\.\d+\.\d+\.\d+")
PLAIN_FORMATS = (clean, plain, bare)


@settings(max_examples=50, deadline=None)
@given(texts)
@example("".join(FRAGMENTS))
def test_plain_text_is_one_visible_line_within_its_limit(text: str) -> None:
    """Whatever goes in: one line of visible characters, no longer than asked, nothing in it a template."""
    for made in (form(text, LIMIT) for form in PLAIN_FORMATS):
        assert len(made) <= LIMIT
        assert not {unicodedata.category(char) for char in made} & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
        assert not re.search("[\ufe00-\ufe0f\u034f\u3164\u2800]", made)
        assert not re.search(r"[{$@]\{", made)
        assert "  " not in made
        assert made == made.strip()
        made.encode()


@settings(max_examples=50, deadline=None)
@given(texts)
@example("".join(FRAGMENTS))
def test_plain_text_has_nothing_to_click(text: str) -> None:
    """URLs, domains, addresses of machines and schemes that run something are defanged."""
    assert not CLICKABLE.search(plain(text, 400))


@settings(max_examples=50, deadline=None)
@given(texts)
def test_plain_text_made_plain_again_stays_as_it_is(text: str) -> None:
    """Text may pass through the same function at two layers without changing at the second."""
    for form in PLAIN_FORMATS:
        made = form(text, LIMIT)
        assert form(made, LIMIT) == made


@settings(max_examples=50, deadline=None)
@given(texts)
@example("".join(FRAGMENTS))
def test_bare_text_cannot_be_taken_for_markup(text: str) -> None:
    """Plain fallbacks hold no character that opens a tag, a link, code or an entity, nor one that JSON doubles."""
    assert not set(bare(text, 200)) & set('<>[]`*&\\"|~')


class _Html(HTMLParser):
    """Keeps the text, and every tag that it met."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.text = ""
        self.tags: list[str] = []

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    handle_startendtag = handle_starttag

    def handle_endtag(self, tag: str) -> None:
        self.tags.append(tag)


@settings(max_examples=50, deadline=None)
@given(texts)
@example("".join(FRAGMENTS))
@example("[.](https://evil.example)")
def test_inert_text_renders_as_the_plain_text_and_nothing_else(text: str) -> None:
    """A Markdown renderer with HTML, tables and strikethrough on shows inert text letter for letter, no element."""
    renders_as_plain(text)


@pytest.mark.parametrize("text", FRAGMENTS)
def test_no_trick_of_the_trade_works(text: str) -> None:
    """Each hostile fragment, alone and twice in a line, renders as itself and has nothing to click."""
    for given_text in (text, f"{text} x {text}"):
        renders_as_plain(given_text)
        assert not CLICKABLE.search(plain(given_text, 400))


def renders_as_plain(text: str) -> None:
    """Assert that the text made inert is shown by a Markdown renderer as the text made plain."""
    markdown = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    blocks = markdown.parse(f"- x: {inert(text, LIMIT)}")
    inline = [token for block in blocks if block.type == "inline" for token in block.children or []]
    assert {token.type for token in inline} <= {"text", "text_special"}
    assert {block.type.split("_")[0] for block in blocks} == {"bullet", "list", "paragraph", "inline"}
    assert "".join(token.content for token in inline) == f"x: {plain(text, LIMIT)}".strip()


@settings(max_examples=50, deadline=None)
@given(texts)
@example("".join(FRAGMENTS))
def test_inert_text_is_no_html(text: str) -> None:
    """Taken for HTML, inert text holds no tag."""
    page = _Html()
    page.feed(inert(text, 400))
    page.close()
    assert page.tags == []


@settings(max_examples=50, deadline=None)
@given(addresses)
@example("[x](https://evil.example)@contoso.com")
@example("a`b@contoso.com")
def test_an_address_is_readable_where_it_is_everyday_and_inert_where_it_is_not(recipient: str) -> None:
    """Only an address without a single character of meaning is shown untouched."""
    if ordinary(recipient):
        assert address(recipient) == recipient
        assert inert_address(recipient) == f"`{recipient}`"
        assert not set(recipient) & set("<>[]()`*&\\|~#{}!\n ")
    else:
        assert address(recipient) == plain(recipient, 320)
        assert inert_address(recipient) == inert(recipient, 320)


@settings(max_examples=20, deadline=None)
@given(everyday)
def test_an_everyday_address_is_ordinary(recipient: str) -> None:
    """Addresses as companies give them are shown as they are."""
    assert ordinary(recipient)


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("See https://evil.example/a.b?c=d", "See hxxps://evil[.]example/a[.]b?c=d"),
        ("FTP://10.1.22.133/x", "fxp://10[.]1[.]22[.]133/x"),
        ("javascript:alert(1)", "javascript[:]alert(1)"),
        ("ms-word:ofe|u|x", "ms-word[:]ofe|u|x"),
        ("\\\\evil\\share", "\\ \\evil\\share"),
        ("invoice\u202efdp.exe", "invoicefdp[.]exe"),
        ("RE: 3.5% of v1.2 at 12:30, e.g. now", "RE: 3.5% of v1.2 at 12:30, e[.]g. now"),
        ("{{DATE()}} ${x} @{y}", "{ {DATE()}} $ {x} @ {y}"),
        ("two\r\nlines\tand\u2003a gap", "two lines and a gap"),
        ("Zalgo" + "\u0336" * 50, "Zalgo\u0336\u0336\u0336"),
        ("\ud83d\ude00 \ud800x", "x"),
    ],
)
def test_text_is_made_plain_as_an_analyst_would_write_it(text: str, made: str) -> None:
    """Defanged as the trade does it, and left alone where nothing is wrong."""
    assert plain(text, 100) == made


def test_what_is_too_long_ends_in_an_ellipsis() -> None:
    """A limit counts characters, the ellipsis among them; ten megabytes of subject cost no time."""
    assert cut("abcdef", 5) == "abcd…"
    assert cut("abcde", 5) == "abcde"
    assert plain("💸" * 10_000_000, 10) == "💸" * 9 + "…"


def test_units_are_counted_as_utf_16_does() -> None:
    """A character beyond the basic plane counts twice."""
    assert units("a💸é") == 4 == len("a💸é".encode("utf-16-le")) // 2


@pytest.mark.parametrize(
    "url",
    [
        "http://portal.azure.com", "HTTPS//portal", "https://", "https:///x", "https://a b/",
        "https://u@portal.azure.com/", "HTTPS://portal.azure.com/",
        "https://portal.azure.com/\n", "javascript:alert(1)", "https://pörtal/", "https://x/<b>", "https://x/\"",
        "//x/y", "", "https://x:0/", "https://x:99999/", "https://x/" + "a" * 1000, "https://[::1/", "ms-msdt:https://x",
    ],
)  # fmt: skip
def test_a_link_that_is_not_plainly_https_is_no_link(url: str) -> None:
    """Only an absolute https URL of visible ASCII, without user name, may be opened from a card."""
    assert link(url) == ""


def test_a_portal_link_is_left_as_it_is() -> None:
    """The fragment and the escapes of a portal address survive."""
    url = "https://portal.azure.com/#asset/Microsoft_Azure_Security_Insights/Incident/a%2Fb?x=(1)&y='2'"
    assert link(url) == url
