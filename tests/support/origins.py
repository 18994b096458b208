"""From whom mail came, as attackers make it: senders, subjects and campaigns for the property tests of texts."""

from __future__ import annotations

from hypothesis import strategies as st

from shared.incidents.terms import Background
from shared.model import Campaign, MailGroup, Origin
from tests.support.hostile import addresses, texts

_counts = st.integers(1, 20_000)
_named = st.lists(st.tuples(texts, _counts), max_size=8).map(tuple)
_reached = st.none() | st.integers(0, 100_000)
_keys = st.sampled_from("abcd")

groups = st.builds(MailGroup, addresses, texts, texts.map(lambda text: text[:256]), _counts, _keys, _reached)
origins = st.builds(
    Origin,
    groups=st.lists(groups, max_size=6).map(tuple),
    senders=_named,
    domains=_named,
    threats=_named,
    detections=_named,
    by_message=st.dictionaries(texts.map(str.lower), addresses, max_size=4),
    messages=st.integers(0, 20_000),
)
campaigns = st.builds(
    Campaign,
    addresses,
    texts,
    texts.map(lambda text: text[:256]),
    st.integers(2, 100_000),
    st.lists(addresses, min_size=2, max_size=9).map(lambda found: tuple(sorted(found))),
    _counts,
    _keys,
)
backgrounds = st.builds(Background, texts, st.none() | origins, st.lists(campaigns, max_size=5).map(tuple))
