"""What a check of the doctor is, and how one is made: no failure ends the others, and each is said once."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from shared.errors import Fault, Service, SweepError
from shared.ledger import LedgerError
from shared.settings import Settings


class Found(StrEnum):
    """What a check found."""

    FINE = "ok"
    DOUBT = "doubt"  # a sweep works, but "nothing found" cannot be trusted
    WRONG = "wrong"  # a sweep would fail, or leave something due
    UNTRIED = "--"  # cannot tell, mostly because of what an earlier check found wrong


@dataclass(frozen=True, slots=True)
class Check:
    """One check: its subject, its result, and a message with what to do."""

    about: str
    found: Found
    words: str


CheckResult = tuple[Found, str]
"""What a look gives: what was found, and a message with what to do."""


class CheckRunner:
    """Makes checks. A fault that meets several of them is described by the first alone."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._signed_out = False
        self._described: dict[str, str] = {}

    def one(self, about: str, look: Callable[[], CheckResult]) -> Iterator[Check]:
        """The check with the one result of `look`."""
        return self.all(about, lambda: [look()])

    def all(self, about: str, look: Callable[[], Sequence[CheckResult]]) -> Iterator[Check]:
        """A check for each result of `look`."""
        try:
            yield from [Check(about, *found) for found in look()]
        except (SweepError, LedgerError) as error:
            if error.cause != "identity_sign_in":
                yield self._failed(about, f"{error}{_whom(error, self._settings)}")
            elif self._signed_out:
                yield Check(about, Found.UNTRIED, "not tried: not signed in")
            else:
                self._signed_out = True
                yield Check(about, Found.WRONG, str(error))

    def _failed(self, about: str, words: str) -> Check:
        first = self._described.setdefault(words, about)
        if first != about:
            return Check(about, Found.UNTRIED, f"cannot tell: the check of {first} says why")
        return Check(about, Found.WRONG, words)


def _whom(error: Exception, settings: Settings) -> str:
    """The host that did not respond, and the setting that names it; "" for a service that did respond."""
    if not isinstance(error, SweepError) or error.fault not in (Fault.UNREACHED, Fault.LOST):
        return ""
    match error.service:
        case Service.LOG_ANALYTICS:
            name, given, used = "LOG_ANALYTICS_ENDPOINT", settings.log_analytics_endpoint, settings.log_analytics
        case Service.SENTINEL:
            name, given, used = "ARM_ENDPOINT", settings.arm_endpoint, settings.arm
        case Service.GRAPH:
            name, given, used = "GRAPH_ENDPOINT", settings.graph_endpoint, settings.graph
        case Service.INGESTION:
            name, given, used = "FINDINGS_ENDPOINT", settings.findings_endpoint, settings.findings
        case _:
            return ""
    host = urlsplit(used).netloc
    return f" (the host of {name} is {host}: is it the right one?)" if given else f" (the host is {host})"
