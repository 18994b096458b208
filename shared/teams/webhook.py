"""Posting a card to the channel's webhook, whose URL is a secret."""

from __future__ import annotations

from urllib.parse import urlsplit

from pydantic import SecretStr

from shared.http.client import Call, Http, Service


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
            SweepError: Teams did not take it; `maybe_done` when it may have. It names the host, never the URL.
        """
        self._http.send(Service.TEAMS, Call.TELL, self._url.get_secret_value(), body=body.encode())
