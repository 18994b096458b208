"""Links of incidents: they hold what they are to open, and nothing that a mail has chosen."""

from __future__ import annotations

import gzip
from base64 import b64decode, urlsafe_b64decode
from dataclasses import replace
from urllib.parse import unquote

from hypothesis import example, given
from hypothesis import settings as examples

from shared.incidents.guidance import query_lines
from shared.incidents.portal_links import email_link, query_link
from tests.incidents.test_text import LINKED
from tests.support.hostile import texts

ID = "3C7B1317-ac21-4754-5a76-08dee4d61558"
DEFENDER = replace(LINKED, hunt_source="defender")


def test_the_azure_portal_is_given_the_whole_query() -> None:
    """The workspace's id, then the query: gzip of UTF-8, Base64, URL-encoded."""
    kql = "\n".join(query_lines("kim@contoso.com", LINKED))
    url = query_link(kql, LINKED)
    begins, _, packed = url.partition("/source/LogsBlade.AnalyticsShareLinkToQuery/q/")
    assert begins == (
        "https://portal.azure.com/#blade/Microsoft_OperationsManagementSuite_Workspace/Logs.ReactView"
        "/resourceId/%2Fsubscriptions%2Fs%2FresourceGroups%2Fg"
    )
    assert gzip.decompress(b64decode(unquote(packed), validate=True)).decode() == kql
    assert query_link(kql, LINKED) == url


def test_advanced_hunting_is_given_the_whole_query() -> None:
    """The query as gzip of UTF-16LE, in Base64 for URLs, and the window's length."""
    kql = "\n".join(query_lines("kim@contoso.com", DEFENDER))
    url = query_link(kql, DEFENDER)
    begins, _, rest = url.partition("?query=")
    packed, _, ends = rest.partition("&")
    assert (begins, ends) == ("https://security.microsoft.com/v2/advanced-hunting", "timeRangeId=month")
    assert gzip.decompress(urlsafe_b64decode(packed + "=" * (-len(packed) % 4))).decode("utf-16-le") == kql


def test_there_is_no_link_without_a_portal_or_for_a_long_query() -> None:
    """Where the cloud has no Defender portal, and where a link would take the room of everything else."""
    assert query_link("EmailEvents", replace(LINKED, portal="")) == ""
    assert query_link("EmailEvents", replace(DEFENDER, defender="")) == ""
    assert email_link(ID, "kim@contoso.com", replace(LINKED, defender="")) == ""
    assert query_link("".join(map(chr, range(300, 3_000))), LINKED) == ""


def test_a_message_opens_on_its_own_page() -> None:
    """By its id and its recipient."""
    expected = "https://security.microsoft.com/emailentity?id=3c7b1317-ac21-4754-5a76-08dee4d61558&recipient="
    assert email_link(ID, "o'neil+x@contoso.com", LINKED) == f"{expected}o%27neil%2Bx@contoso.com"


@examples(max_examples=30, deadline=None)
@given(texts, texts)
@example(ID, "a)](https://evil.example)@contoso.com")
@example(f"{ID})](https://evil.example", "kim@contoso.com")
@example(f"{ID}\n", "kim@contoso.com")
def test_nothing_hostile_gets_into_a_link(message_id: str, recipient: str) -> None:
    """An id that is no GUID and an address that is not everyday have no link."""
    assert email_link(message_id, recipient, LINKED) == ""
