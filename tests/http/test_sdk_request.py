"""What an Azure SDK's errors say, fit to be quoted."""

from __future__ import annotations

from enum import Enum

import pytest
from azure.core.exceptions import HttpResponseError

from shared.http.sdk_request import error_code


class Word(Enum):
    """As the SDKs have them."""

    BUSY = "ServerBusy"


@pytest.mark.parametrize(
    ("given", "quoted"),
    [
        (None, ""),
        ("", ""),
        ("TableNotFound", "TableNotFound"),
        (Word.BUSY, "ServerBusy"),
        ("Busy\x1b[2J\nfor victim.smith@contoso.com", None),
        ("A" * 4_000, None),
    ],
)
def test_the_services_word_for_an_error_is_fit_to_be_quoted(given: object, quoted: str | None) -> None:
    """Whatever stands in its place in a response: short, in a line, without control characters."""
    error = HttpResponseError("refused")
    if given is not None:
        error.error_code = given  # type: ignore[attr-defined]
    said = error_code(error)
    assert said == quoted or (quoted is None and said.isprintable() and 0 < len(said) <= 80)
