"""The rows that the rule road uploads: complete, within the limits, raw but harmless, the same when repeated."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from shared.hunt.columns import FINDINGS
from shared.incidents.finding_rows import MOST_HASHES, RuleDrafts
from shared.incidents.terms import NO_BACKGROUND, Background, Terms
from shared.incidents.text import comment_body, comment_id, incident_body
from shared.incidents.upload import FIELD_BYTES, batches
from shared.model import Act, Action, Counts, Evidence, Messages, Origin, Reason, Remedy, Severity, Window, message_hash
from shared.text import clean, units
from tests.cloud.schemas import EMAIL_REMEDIATION_FINDINGS
from tests.incidents.test_text import whole
from tests.support.examples import examples_of
from tests.support.hostile import NOW, addresses, any_evidence, texts
from tests.support.origins import backgrounds

ID = "6F8F3C3E-3a0b-5d0e-9a55-0a7c0c1e2f10"
TERMS = Terms(10, 50, 2, True, "sentinel", Window(NOW - timedelta(days=30), NOW))
DRAFTS = RuleDrafts("run-1", "2.1.0", NOW)
READ = {"string": str, "int": int, "dynamic": list, "datetime": str}


def _evidence(count: int) -> tuple[Evidence, ...]:
    return tuple(
        Evidence(f"id-{place}", NOW - timedelta(hours=place, minutes=5), f"Invoice {place}", list(Remedy)[place % 4],
                 NOW - timedelta(hours=place), NOW)
        for place in range(count)
    )  # fmt: skip


def _action(messages: Messages, **more: Any) -> Action:
    made = Action(Act.CREATE, Reason.FIRST, "kim@contoso.com", 2, ID, Severity.HIGH, Counts(1, 2, 3, 4), messages)
    return replace(made, **more)


def _rows(action: Action, about: Background = NO_BACKGROUND, terms: Terms = TERMS, **more: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(DRAFTS.creation(action, terms, about, **more))
    return found


def test_a_finding_s_row_has_the_table_s_columns() -> None:
    """Each column of the table but the time of the upload, of its type, with what the plan says of the finding."""
    messages = _evidence(25)
    about = Background(origin=Origin(by_message={"id-0": "a@evil.example", "id-2": "c@evil.example"}, messages=25))
    action = _action(Messages.of(messages))
    [row] = _rows(action, about, attempt=3)
    assert row.keys() | {"TimeGenerated"} == EMAIL_REMEDIATION_FINDINGS.keys()
    assert FINDINGS == EMAIL_REMEDIATION_FINDINGS
    assert all(isinstance(cell, READ[EMAIL_REMEDIATION_FINDINGS[name]]) for name, cell in row.items())
    description = json.loads(incident_body(action, TERMS, about))["properties"]["description"]
    expected = {
        "FoundAt": "2026-11-24T06:01:00.000Z", "Kind": "finding", "FindingId": ID.lower(), "Attempt": 3, "Part": 1,
        "Parts": 1, "Recipient": "kim@contoso.com", "RecipientName": "kim", "RecipientDomain": "contoso.com",
        "Episode": 2, "Severity": "High", "Reason": "first", "Sum_case": 10, "HardDelete_case": 1,
        "SoftDelete_case": 2, "MoveToJunk_case": 3, "MoveToDelete_case": 4, "RunId": "run-1", "Version": "2.1.0",
        "NetworkMessageId1": "id-0", "NetworkMessageId2": "id-1", "NetworkMessageId3": "id-2",
        "Sender1": "a@evil.example", "Sender2": "", "Sender3": "c@evil.example",
        "Subject1": "Invoice 0", "Subject2": "Invoice 1", "Subject3": "Invoice 2", "Description": description,
    }  # fmt: skip
    assert {name: row[name] for name in expected} == expected
    assert sorted(row["MessageHashes"]) == sorted(f"{message_hash(item.message_id):016x}" for item in messages)
    assert len(row["NewestMessages"]) == 20
    assert row["NewestMessages"][1] == {
        "NetworkMessageId": "id-1",
        "Time": "2026-11-24T04:56:00.000Z",
        "Action": "Soft delete",
        "Subject": "Invoice 1",
    }


def test_a_repetition_has_the_same_ids_and_another_attempt_others() -> None:
    """A row's id is of the finding, the kind, the attempt or the comment, and the part; not of the run or the day."""
    action = _action(Messages(dict.fromkeys(range(MOST_HASHES + 1), 1)))
    later = RuleDrafts("run-2", "2.2.0", NOW + timedelta(days=1))
    again = json.loads(later.creation(replace(action, counts=Counts(99)), TERMS))
    first, growth = _rows(action), json.loads(DRAFTS.comment(action, TERMS))["rows"]
    assert [row["RowId"] for row in again] == [row["RowId"] for row in first]
    others = [*first, *_rows(action, attempt=2), *growth, *_rows(replace(action, incident_id=ID[::-1]))]
    fewer = _action(Messages({1: 1}))
    others += json.loads(DRAFTS.comment(fewer, TERMS))["rows"]
    assert len({row["RowId"] for row in others}) == len(others) == 9


def test_a_long_list_of_messages_is_split_over_rows() -> None:
    """The first part is the finding itself, the others are of a kind that the rule passes over; none is lost."""
    hashes = {2**64 - 1 - number: 1 for number in range(2 * MOST_HASHES + 1)}
    rows = _rows(_action(Messages(hashes, _evidence(5))))
    assert [(row["Kind"], row["Part"], row["Parts"], len(row["MessageHashes"])) for row in rows] == [
        ("finding", 1, 3, MOST_HASHES),
        ("messages", 2, 3, MOST_HASHES),
        ("messages", 3, 3, 1),
    ]
    assert {int(text, 16) for row in rows for text in row["MessageHashes"]} == set(hashes)
    assert [bool(row["Description"]) for row in rows] == [bool(row["NewestMessages"]) for row in rows]
    assert [row["Subject1"] for row in rows] == ["Invoice 0", "", ""]
    assert {row["FindingId"] for row in rows} == {ID.lower()}
    assert list(batches(rows))


def test_growth_is_history_beside_the_comment() -> None:
    """The comment is that of the other road; its row is of a kind and an attempt that the rule passes over."""
    action = _action(Messages.of(_evidence(2)), act=Act.COMMENT, reason=Reason.GREW)
    sent = json.loads(DRAFTS.comment(action, TERMS, last=True))
    assert sent["comment"] == comment_body(action, TERMS, last=True)
    [row] = sent["rows"]
    assert row.keys() | {"TimeGenerated"} == EMAIL_REMEDIATION_FINDINGS.keys()
    assert (row["Kind"], row["Attempt"], row["Reason"], row["Subject2"]) == ("growth", 0, "grew", "Invoice 1")
    assert row["Description"] == "2 new messages remediated for `kim@contoso.com` since the last report."
    assert comment_id(ID, action.messages.times) not in json.dumps(row)


def test_the_minimal_form_holds_nothing_of_the_mail() -> None:
    """What was refused in full is sent without subjects, senders and ids; the numbers and the hashes stay."""
    about = Background("SECRET", Origin(by_message={"id-0": "SECRET"}, messages=1))
    item = Evidence("SECRET-ID", NOW, "SECRET", Remedy.SOFT_DELETE, NOW, NOW)
    action = _action(Messages.of([item]))
    for sent in (
        DRAFTS.creation(action, replace(TERMS, doubts=("SECRET",)), about, minimal=True),
        DRAFTS.comment(action, replace(TERMS, doubts=("SECRET",)), about, minimal=True),
    ):
        assert "SECRET" not in sent
        assert "kim@contoso.com" in sent
        assert f"{message_hash('SECRET-ID'):016x}" in sent


def test_a_description_in_another_script_gives_way_line_by_line() -> None:
    """Measured in bytes it loses its last messages, not its query or what to do, as long as that has room."""
    wide = [Evidence(f"id-{hour}", NOW, "請求書" * 60, Remedy.SOFT_DELETE, NOW - timedelta(hours=hour), NOW)
            for hour in range(9)]  # fmt: skip
    names = (("送信者" * 20, 9),) * 4
    senders = {f"id-{hour}": "送信者" * 20 for hour in range(9)}
    about = Background(origin=Origin(senders=names, domains=names, by_message=senders, messages=9))
    action = _action(Messages.of(wide))
    [row] = _rows(action, about)
    longer = json.loads(incident_body(action, TERMS, about))["properties"]["description"]
    assert len(longer.encode()) > 5_000 >= len(row["Description"].encode()) > 4_000
    for words in ("請求書", "```kql", "What to do next:", "Hypothesis:"):
        assert words in row["Description"]


@st.composite
def _hostile(draw: st.DrawFn) -> tuple[Action, Background, Terms]:
    recipient = draw(addresses).encode("utf-8", "replace").decode()
    messages = Messages.of(whole(draw(any_evidence(8))))
    about, doubts = draw(backgrounds), tuple(draw(st.lists(texts, max_size=5)))
    return _action(messages, recipient=recipient, previous=draw(texts)), about, replace(TERMS, doubts=doubts)


WIDE = "請" * 320
WORST = _action(
    Messages.of([Evidence("請" * 999, NOW, WIDE[:256], Remedy.SOFT_DELETE, NOW - timedelta(hours=hour), NOW)
                 for hour in range(30)]), recipient=WIDE)  # fmt: skip


@pytest.mark.examples
@examples(max_examples=examples_of(20), deadline=None)
@given(_hostile(), st.booleans())
@example((WORST, NO_BACKGROUND, replace(TERMS, doubts=(WIDE,) * 3)), False)
@example((WORST, NO_BACKGROUND, replace(TERMS, doubts=(WIDE,) * 3)), True)
def test_whatever_the_mail_holds_a_row_fits_and_is_one_visible_line(
    case: tuple[Action, Background, Terms], minimal: bool
) -> None:
    """Fields have 64 KB at most, a description 5,000 bytes; entities hold no control, bidi or template characters."""
    action, about, terms = case
    growth = json.loads(DRAFTS.comment(action, terms, about, minimal=minimal))["rows"]
    for row in [*_rows(action, about, terms, minimal=minimal), *growth]:
        assert list(batches([row]))
        assert max(len(json.dumps(cell, ensure_ascii=False).encode()) for cell in row.values()) <= FIELD_BYTES
        assert units(row["Description"]) <= len(row["Description"].encode()) <= 5_000
        assert row["Recipient"] == action.recipient
        assert row["RecipientName"] + "@" * ("@" in action.recipient) + row["RecipientDomain"] == action.recipient
        seen = [row[f"{name}{place}"] for place in (1, 2, 3) for name in ("NetworkMessageId", "Sender", "Subject")]
        for text in [*seen, *(cell for item in row["NewestMessages"] for cell in item.values())]:
            assert text == clean(text, 320)
