"""Pages of a list: their size, and the skip token of the next one."""

from __future__ import annotations

import base64
import bisect
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from tests.cloud.properties import Rejected
from tests.cloud.wire import Answer, Request

PAGE = 50
"""Incidents on a page of a list that names no `$top`."""
MAX_PAGE = 1_000


def page(
    request: Request,
    address: str,
    found: Sequence[dict[str, Any]],
    key: Callable[[Mapping[str, Any]], Any],
    descending: bool,
) -> Answer:
    """One page after the place that the skip token names, and where the next one is.

    Rendered before it returns, so that the caller may hold a lock meanwhile.

    Raises:
        Rejected: the size or the token is not one that the service takes.
    """
    size = _size(request.query.get("$top"))
    ordered = sorted(((key(item), item["name"], item) for item in found), key=lambda entry: entry[:2])
    places = [[entry[0], entry[1]] for entry in ordered]
    token = request.query.get("$skipToken")
    start, end = 0, len(ordered)
    if token is not None:
        place = _place(token, places)
        start = bisect.bisect_right(places, place) if not descending else 0
        end = bisect.bisect_left(places, place) if descending else end
    chosen = ordered[max(start, end - size) : end][::-1] if descending else ordered[start : start + size]
    body: dict[str, Any] = {"value": [entry[2] for entry in chosen]}
    if chosen and len(chosen) < end - start:
        where = base64.urlsafe_b64encode(json.dumps([chosen[-1][0], chosen[-1][1]]).encode()).decode()
        query = urlencode(request.query | {"$skipToken": where}, quote_via=quote)
        body["nextLink"] = f"{address}{request.route}?{query}"
    return Answer(200, Answer(200, body).payload())


def _size(top: str | None) -> int:
    if top is None:
        return PAGE
    if not top.isdigit() or not 1 <= int(top) <= MAX_PAGE:
        raise Rejected(400, "BadRequest", f"$top must be a number from 1 to {MAX_PAGE}.")
    return int(top)


def _place(token: str, places: Sequence[list[Any]]) -> list[Any]:
    try:
        place = json.loads(base64.urlsafe_b64decode(token))
        fine = isinstance(place, list) and len(place) == 2 and isinstance(place[1], str)
        fine = fine and (not places or isinstance(place[0], type(places[0][0])))
    except ValueError:
        fine = False
    if not fine:
        raise Rejected(400, "BadRequest", "The skip token is not valid.")
    return list(place)
