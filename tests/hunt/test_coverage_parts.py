"""Coverage that was asked in parts is the coverage of one query, to the last figure."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from shared.app import hunt_options
from shared.errors import HuntTooLarge, Service
from shared.hunt import Hunt
from shared.query.answer import Answer
from tests.cloud.mail import HARD, SOFT, Mail
from tests.support.clients import WINDOW, Clients

DAY = timedelta(days=1)


class SmallWorkspace:
    """A workspace that refuses whatever is about more than so many days; `asked` counts its queries."""

    service = Service.LOG_ANALYTICS
    tables = "sentinel"

    def __init__(self, azure: Clients, most: int) -> None:
        self._workspace, self._most = azure.workspace, most
        self.asked = 0

    def ask(self, kql: str) -> Answer | None:
        """See QueryService."""
        self.asked += 1
        start, end = (datetime.fromisoformat(each) for each in re.findall(r"datetime\(([^)]+)\)", kql)[:2])
        if end - start > self._most * DAY + timedelta(seconds=1):
            raise HuntTooLarge("too large", service=self.service)
        return self._workspace.ask(kql)


@pytest.mark.parametrize(
    ("most", "asked"), [(5, 1 + 2 + 4 + 8), pytest.param(1, 1 + 2 + 4 + 8 + 16 + 30, marks=pytest.mark.slow)]
)
def test_parts_make_the_same_whole(azure: Clients, most: int, asked: int) -> None:
    """Rows at the moments between days, unknown words, and rows without a recipient included."""
    mail = Mail(WINDOW.end)
    for number in range(60):
        mail.add(f"r{number % 7}@contoso.com", (HARD, SOFT)[number % 2], WINDOW.end - number * DAY / 2)
        mail.add("r@contoso.com", SOFT, WINDOW.end - number * DAY / 2 + timedelta(seconds=number % 3, milliseconds=300))
    for number in range(9):
        mail.add("", "Wiped" if number % 2 else "Removed by us", WINDOW.end - number * 3 * DAY)
    azure.cloud.load("EmailEvents", mail.events)
    options, workspace = hunt_options(azure.settings), SmallWorkspace(azure, most)
    hunt = Hunt(replace(options, in_round=True), workspace, workspace)
    whole = azure.hunt().coverage(WINDOW)
    assert hunt.coverage(WINDOW) == whole
    assert len(whole.slots) == 30
    assert workspace.asked <= asked
