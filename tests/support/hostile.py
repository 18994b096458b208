"""Text as attackers write it: what the property tests put into subjects, addresses, ids and error messages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from shared.model import Counts, Evidence, Remedy

FRAGMENTS = (
    "[click](https://evil.example/a)", "![x](http://evil.example/x.png)", "<img src=x onerror=alert(1)>",
    "</p><script>", "<https://evil.example>", "www.evil.example", "evil.example/login", "javascript:alert(1)",
    "data:text/html,x", "http://10.1.22.133/x", "//evil.example", "\\\\evil\\share", "mailto:a@evil.example",
    "a@evil.example", "evil。example", "HtTpS://EVIL.example", "\n# head\n", "\r\n- item", "| a | b |", "```",
    "`code`", "~~~", "---", "===", "**bold**", "__under__", "_it_", "*", "&lt;", "&#x3c;b&#x3e;",
    "<at>all</at>", "@everyone", "{{DATE()}}", "{{{{", "${secret}", "@{body()}", "\u202egpj.exe\u202c",
    "\u2066x\u2069", "\u200b\u200d\ufeff", "\u061c", "\U000e0041\U000e007f", "\ufe0f" * 9, "a" + "\u0301" * 40,
    "\ud800", "\udfff", "\x00\x1b[31m\x7f", "\u2028\u2029\u0085", "\ue000", "\ufdd0", "\u3164", "\u2800" * 5,
    "请求书 発票", "תשלום דחוף", "دفع", "💸👩‍👩‍👧", '"quoted"', "O'Neil", "\\", "[.]", "[:](x)", "..", " ",
)  # fmt: skip

# Every code point there is, lone surrogates and unassigned ones included.
anything = st.text(st.characters(exclude_categories=()), max_size=12)
texts = st.lists(st.sampled_from(FRAGMENTS) | anything, max_size=10).map("".join)
everyday = st.from_regex(r"[a-z][a-z0-9._-]{0,20}@[a-z]{1,12}\.(com|example)", fullmatch=True)
addresses = st.one_of(everyday, texts.map(lambda text: f"{text}@contoso.com"), texts)

NOW = datetime(2026, 11, 24, 6, 1, tzinfo=UTC)
counts = st.builds(Counts, *(st.integers(0, 20_000) for _ in Remedy))


@st.composite
def any_evidence(draw: st.DrawFn, most: int = 30) -> tuple[Evidence, ...]:
    """Up to `most` messages of one recipient, ids distinct, newest state time first."""
    ids = draw(st.lists(st.uuids().map(str) | texts, unique=True, max_size=most))
    items = []
    for message_id in ids:
        minutes = draw(st.integers(0, 43_000))
        items.append(
            Evidence(
                message_id,
                NOW - timedelta(minutes=minutes + draw(st.integers(0, 500))),
                draw(texts)[:256],
                draw(st.sampled_from(Remedy)),
                NOW - timedelta(minutes=minutes),
                NOW,
            )
        )
    return tuple(sorted(items, key=lambda item: item.state_time, reverse=True))
