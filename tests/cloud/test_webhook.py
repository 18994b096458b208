"""The Teams webhook of the small Azure: what it takes, and what it refuses as a flow would."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cloud import Cloud, Fault
from tests.cloud.webhook import LIMIT
from tests.support.caller import Caller


def message(version: Any = "1.4", **more: Any) -> dict[str, Any]:
    """A message with one card."""
    card = {"type": "AdaptiveCard", "version": version, "body": [{"type": "TextBlock", "text": "Hello"}], **more}
    return {
        "type": "message",
        "attachments": [
            {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
        ],
    }


def test_a_card_is_taken(caller: Caller) -> None:
    """A card is answered 202 with nothing, and kept as it came; no token is asked for."""
    answer = caller.card(json=message())
    assert (answer.status_code, answer.content) == (202, b"")
    assert caller.cloud.cards == [message()]


REFUSED: dict[str, tuple[dict[str, Any], int]] = {
    "too new": ({"json": message("1.5")}, 400),
    "no version": ({"json": message(None)}, 400),
    "a version of words": ({"json": message("one")}, 400),
    "no body": ({"json": message(body=None)}, 400),
    "another type": ({"json": message(type="HeroCard")}, 400),
    "a bare card": ({"json": message()["attachments"][0]["content"]}, 400),
    "no attachments": ({"json": {"type": "message", "attachments": []}}, 400),
    "an attachment of text": ({"json": {"type": "message", "attachments": ["card"]}}, 400),
    "another content": ({"json": {"type": "message", "attachments": [{"contentType": "text/html"}]}}, 400),
    "a plain text": ({"json": {"text": "Hello"}}, 400),
    "no JSON": ({"data": "{", "headers": {"Content-Type": "application/json"}}, 400),
    "no content type": ({"data": json.dumps(message())}, 400),
    "too large": ({"json": message(fallbackText="x" * LIMIT)}, 413),
    "not posted": ({"method": "GET"}, 405),
}


@pytest.mark.parametrize("why", REFUSED)
def test_what_a_flow_refuses(caller: Caller, why: str) -> None:
    """Whatever a flow cannot post is refused, and not kept."""
    more, status = REFUSED[why]
    answer = caller.call(
        more.get("method", "POST"), caller.cloud.webhook_url, **{k: v for k, v in more.items() if k != "method"}
    )
    assert answer.status_code == status
    assert answer.json()["error"]["message"]
    assert caller.cloud.cards == []
    assert caller.cloud.webhook.sig not in answer.text


def test_a_card_of_twenty_kilobytes_fits(caller: Caller) -> None:
    """The design's budget passes, whatever characters it is made of."""
    for character in ("x", "漢", "\U0001f600"):
        body = message(fallbackText="")
        room = 20_480 - len(json.dumps(body, ensure_ascii=False).encode())
        body = message(fallbackText=character * (room // len(character.encode())))
        data = json.dumps(body, ensure_ascii=False).encode()
        assert 20_400 < len(data) <= 20_480
        assert caller.card(data=data, headers={"Content-Type": "application/json"}).status_code == 202


@pytest.mark.parametrize(
    ("old", "new", "status", "code"),
    [
        ("sig=", "sig=x", 401, "DirectApiAuthorizationRequired"),
        ("sig=", "gis=", 401, "DirectApiAuthorizationRequired"),
        ("sv=1.0", "sv=2.0", 401, "DirectApiAuthorizationRequired"),
        ("api-version=1", "api-version=2", 400, "InvalidApiVersionParameter"),
        ("/workflows/", "/workflows/0", 404, "WorkflowNotFound"),
    ],
)
def test_the_url_is_the_key(caller: Caller, old: str, new: str, status: int, code: str) -> None:
    """A wrong signature is 401, an unknown workflow 404."""
    answer = caller.card(caller.cloud.webhook_url.replace(old, new), json=message())
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert caller.cloud.cards == []


def test_a_202_that_lies(caller: Caller) -> None:
    """A flow may take a card and never post it."""
    caller.cloud.faults.add(Fault(service="teams", status=202))
    assert caller.card(json=message()).status_code == 202
    assert caller.cloud.cards == []
    assert [request.status for request in caller.cloud.log] == [202]


def test_four_a_second() -> None:
    """With rate limits on, the fifth card at once is a 429."""
    with Cloud(throttle=0.001) as cloud, Caller(cloud) as caller:
        assert [caller.card(json=message()).status_code for _ in range(5)] == [202, 202, 202, 202, 429]
        assert len(cloud.cards) == 4
