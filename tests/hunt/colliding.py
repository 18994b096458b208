"""Small tenants for property tests: few messages, recipients and moments, so that everything collides."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from tests.cloud.mail import COUNTED, HOSTILE_SUBJECTS, stamp
from tests.support.clients import WINDOW
from tests.support.clock import START

Row = dict[str, Any]

_ACTIONS = (*COUNTED, "hard DELETE", "MOVED TO JUNK FOLDER", "Delivered", "Zapped", "", None)
_MOMENTS = [
    WINDOW.start - timedelta(days=1),
    WINDOW.start - timedelta(microseconds=1),
    WINDOW.start,
    *(START - timedelta(hours=hours) for hours in (1, 2, 3, 50, 700)),
    START,
    START + timedelta(microseconds=1),
]
_SHIFTS = (None, timedelta(0), timedelta(hours=1), timedelta(hours=-1), timedelta(days=-60), timedelta(days=60))


def _row(
    message: int,
    who: str | None,
    action: str | None,
    at: datetime,
    shift: timedelta | None,
    delivered: Any,
    subject: str,
) -> Row:
    return {
        "TimeGenerated": stamp(at),
        "Timestamp": stamp(at - delivered) if delivered is not None else None,
        "LastEventExecutionTime": None if shift is None else stamp(at + shift),
        "NetworkMessageId": f"m{message}",
        "RecipientEmailAddress": who,
        "Subject": subject,
        "LatestDeliveryAction": action,
    }


def colliding_rows(domain: str) -> st.SearchStrategy[list[Row]]:
    """The rows of one tenant: times absent, equal, later and earlier than others, some outside the window."""
    whom = (f"a@{domain}", f"A@{domain.upper()}", f"b@{domain}", "", None)
    row = st.builds(
        _row,
        st.integers(0, 3),
        st.sampled_from(whom),
        st.sampled_from(_ACTIONS),
        st.sampled_from(_MOMENTS),
        st.sampled_from(_SHIFTS),
        st.sampled_from((timedelta(0), timedelta(days=45), timedelta(minutes=5))),
        st.sampled_from((*HOSTILE_SUBJECTS, "\U0001f4e7" * 300)),
    )
    return st.lists(row, max_size=25)


def several(count: int = 4) -> st.SearchStrategy[list[Row]]:
    """The rows of several such tenants, one after the other in one table: they differ by domain."""
    return st.tuples(*(colliding_rows(f"t{place}.example.com") for place in range(count))).map(
        lambda parts: [row for part in parts for row in part]
    )
