"""Posting a card to the channel's webhook, whose URL is a secret."""

from __future__ import annotations

from urllib.parse import urlsplit

from pydantic import SecretStr

from shared.errors import Call, Service, SweepError
from shared.http.client import Http

_ABOUT_THE_CARD = (400, 413)


class Webhook:
    """One Teams Workflows webhook."""

    def __init__(self, http: Http, url: SecretStr) -> None:
        self._http = http
        self._url = url

    def __repr__(self) -> str:
        """The host only."""
        return f"Webhook({urlsplit(self._url.get_secret_value()).hostname})"

    def post(self, body: str) -> None:
        """Post this body, byte for byte. Any 2xx means that Teams took it, not that it is shown; but for a web page.

        Raises:
            SweepError: Teams did not take it; `maybe_done` when it may have, and then it was sent once only. It names
                the host, never the URL.
        """
        self._http.send(Service.TEAMS, Call.TELL, self._url.get_secret_value(), body=body.encode())


def refused_for_its_content(error: SweepError) -> bool:
    """Whether Teams refused this card for what it holds or how large it is, so that a smaller one may be taken.

    All else is about the way to the channel: the signature, the flow, a proxy, the service.
    """
    return error.service is Service.TEAMS and error.status in _ABOUT_THE_CARD
