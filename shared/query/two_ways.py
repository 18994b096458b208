"""Two ways to one workspace's data: the query API's own address, and the workspace's path in Azure Resource Manager.

An identity that another tenant has delegated rights to may be refused on the first and answered on the second. The way
that answered last is asked first.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Protocol

from shared.errors import Service, SweepError
from shared.query.answer import Answer

API, ARM = "api", "arm"
_CLOSED = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND)


class Way(Protocol):
    """One of the two. Raises SweepError."""

    def ask(self, kql: str) -> Answer | None:
        """The resulting table; None when there is no data at all."""
        ...


class TwoWays:
    """A workspace's data by whichever way answers. `by` is the one that last did, "" before any has."""

    service = Service.LOG_ANALYTICS
    tables = "sentinel"

    def __init__(self, api: Way, arm: Way) -> None:
        self.by = ""
        self._ways = {API: api, ARM: arm}

    def ask(self, kql: str) -> Answer | None:
        """The one table that a query returns, or None, as `log_analytics.Workspace` has it. A way that answers 401, 403
        or 404 is closed, and the other one is asked.

        Raises:
            SweepError: when both are closed, ARM's own, which knows the very resource; but not its 404.
        """
        closed: dict[str, SweepError] = {}
        for by in (ARM, API) if self.by == ARM else (API, ARM):
            try:
                answer = self._ways[by].ask(kql)
            except SweepError as error:
                if error.service is not self.service or error.status not in _CLOSED:
                    raise
                closed[by] = error
            else:
                self.by = by
                return answer
        raise closed[API if closed[ARM].status == HTTPStatus.NOT_FOUND else ARM]
