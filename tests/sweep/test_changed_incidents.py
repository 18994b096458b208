"""Before anything is written to an incident it is read: closed, reopened or edited meanwhile, it is planned anew."""

from __future__ import annotations

import pytest

from shared.ledger.cache import LedgerCache
from tests.cloud.faults import Fault, Wire
from tests.cloud.wire import Request
from tests.support.days import Days, incident_name

WHO = "a@contoso.com"


class _Killed(BaseException):
    """The process ends here."""


def _severity(days: Days) -> str:
    found = days.incident(WHO)
    assert found is not None
    severity: str = found["severity"]
    return severity


@pytest.mark.parametrize(
    ("classification", "many", "more"), [("BenignPositive", 30, 0), ("TruePositive", 10, 10), ("Undetermined", 4, 7)]
)
def test_what_no_comment_told_is_new_after_the_closing(days: Days, classification: str, many: int, more: int) -> None:
    """A comment stayed due, and the incident was closed: its messages make, with later ones, the next episode."""
    days.mail(WHO, 12)
    days.sweep()
    days.pass_by()
    days.mail(WHO, many)
    days.break_writes(match="/comments/", status=503)
    assert days.sweep()["due"]
    days.tenant.clock.advance(hours=3)
    days.tenant.cloud.analyst.close(incident_name(WHO), classification)
    days.well()
    days.pass_by(hours=21)
    days.mail(WHO, more)
    found = days.sweep()
    assert (found["created"], found["told"], found["event"]) == (1, 1, "sweep_completed")
    assert days.comments(WHO) == []
    assert days.incident(WHO, 1) is not None


@pytest.mark.parametrize(("many", "created"), [(4, None), (15, 1)])
def test_closed_after_the_list_was_read(days: Days, many: int, created: int | None) -> None:
    """Closed between the list and our comment: the incident is read first, and no comment is made on it."""
    days.mail(WHO, 12)
    days.sweep()
    days.pass_by()
    days.mail(WHO, many)
    analyst = days.tenant.cloud.analyst
    days.tenant.cloud.faults.add(
        Fault(
            service="sentinel",
            method="GET",
            match="filter=",
            effect=True,
            then=lambda _: analyst.close(incident_name(WHO)),
        )
    )
    found = days.sweep()
    assert (found.get("created"), found.get("commented"), days.comments(WHO)) == (created, None, [])
    assert found["event"] == "sweep_completed"


@pytest.mark.parametrize("found_later", [False, True])
def test_a_comment_made_on_an_incident_just_closed_deals_with_nothing(days: Days, found_later: bool) -> None:
    """Closed between our look and our comment: nobody may read it, so its messages stay new and make the next episode.

    The same when the answer to the comment is lost, and the next sweep finds it there.
    """
    days.mail(WHO, 12)
    days.sweep()
    days.pass_by()
    days.mail(WHO, 15)

    def close(_: Request) -> None:
        days.tenant.cloud.analyst.close(incident_name(WHO))
        days.tenant.clock.advance(seconds=30)

    faults = days.tenant.cloud.faults
    faults.add(Fault(service="sentinel", method="GET", match="/comments/", effect=True, then=close))
    if found_later:
        faults.add(Fault(service="sentinel", method="PUT", match="/comments/", effect=True, wire=Wire.DROP))
        faults.add(Fault(service="sentinel", match="/comments/", times=None, status=503))
        days.sweep()
        days.well()
        days.pass_by(hours=1)
    found = days.sweep()
    assert (found["created"], found["event"]) == (1, "sweep_completed"), days.causes
    assert len(days.comments(WHO)) == 1
    days.pass_by()
    assert days.sweep().get("created") is None


def test_a_comment_found_on_an_incident_closed_since_counts_as_read(days: Days) -> None:
    """The answer to a comment is lost; the analyst reads it and closes: its messages are dealt with."""
    days.mail(WHO, 12)
    days.sweep()
    days.pass_by()
    days.mail(WHO, 15)
    faults = days.tenant.cloud.faults
    faults.add(Fault(service="sentinel", method="PUT", match="/comments/", effect=True, wire=Wire.DROP))
    faults.add(Fault(service="sentinel", match="/comments/", after=1, times=None, status=503))
    assert days.sweep()["due"] == 1
    days.well()
    days.tenant.clock.advance(hours=2)
    days.tenant.cloud.analyst.close(incident_name(WHO))
    days.pass_by(hours=20)
    found = days.sweep()
    assert (found.get("created"), found["settled"], found["event"]) == (None, 1, "sweep_completed")
    assert (len(days.comments(WHO)), len(days.tenant.cloud.incidents)) == (1, 1)


def _killed_after_the_severity(days: Days, monkeypatch: pytest.MonkeyPatch) -> None:
    """The severity is set, and the process dies before that is written down."""
    real = LedgerCache.save

    def save(self: LedgerCache, records: object = (), cards: object = (), dropped_cards: object = ()) -> None:
        kept = list(records)  # type: ignore[call-overload]
        if any(each.incident and each.incident.severity.value == "High" for each in kept):
            raise _Killed
        real(self, kept, cards, dropped_cards)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(LedgerCache, "save", save)
        with pytest.raises(_Killed):
            days.sweep()
    assert _severity(days) == "High"


@pytest.mark.parametrize("labels_kept", [True, False])
def test_a_severity_that_an_analyst_lowered_stays(
    days: Days, monkeypatch: pytest.MonkeyPatch, labels_kept: bool
) -> None:
    """Raised by us, the process killed, then lowered by an analyst, who may have removed our label as well: it stays.

    The label gone, the workspace still knows that the incident was High after we noted that we would raise it.
    """
    days.mail(WHO, 12)
    days.sweep()
    days.pass_by()
    days.mail(WHO, 45)
    _killed_after_the_severity(days, monkeypatch)
    days.tenant.clock.advance(hours=3)
    labels = days.tenant.cloud.incidents[incident_name(WHO)]["properties"]["labels"]
    assert any(each["labelName"] == "raised-to:High" for each in labels)
    kept = [each for each in labels if labels_kept or not each["labelName"].startswith("raised-to")]
    days.tenant.cloud.analyst.edit(incident_name(WHO), severity="Medium", labels=kept)
    for _ in range(2):
        days.pass_by(hours=20)
        days.mail(WHO, 1)
        assert days.sweep()["event"] == "sweep_completed", days.causes
        assert _severity(days) == "Medium"


def test_a_severity_lowered_after_it_was_recorded_stays(days: Days) -> None:
    """Raised, recorded, lowered, the label removed: it is not raised again, whatever comes."""
    days.mail(WHO, 12)
    days.sweep()
    days.pass_by()
    days.mail(WHO, 45)
    assert days.sweep()["escalated"] == 1
    days.tenant.cloud.analyst.edit(
        incident_name(WHO), severity="Medium", labels=[{"labelName": "email-remediation-sweep"}]
    )
    for _ in range(2):
        days.pass_by()
        days.mail(WHO, 70)
        found = days.sweep()
        assert (found.get("escalated"), found["commented"]) == (None, 1)
    assert _severity(days) == "Medium"


def test_a_severity_set_between_our_look_and_our_write_stays(days: Days) -> None:
    """The analyst sets Informational just before our PUT: the etag no longer fits, and it is read and decided again."""
    days.mail(WHO, 12)
    days.sweep()
    days.pass_by()
    days.mail(WHO, 60)
    analyst = days.tenant.cloud.analyst
    days.tenant.cloud.faults.add(
        Fault(
            service="sentinel",
            method="PUT",
            containing="raised-to:High",
            effect=False,
            status=409,
            then=lambda _: analyst.set_severity(incident_name(WHO), "Informational"),
        )
    )
    found = days.sweep()
    assert (found.get("escalated"), found["commented"], found["event"]) == (None, 1, "sweep_completed")
    assert _severity(days) == "Informational"


def test_a_severity_owed_to_an_incident_that_is_closed_lapses(days: Days) -> None:
    """Sentinel did not take the severity; the incident is closed meanwhile: nothing is written to it or due."""
    days.tenant.settings["HIGH_SEVERITY_THRESHOLD"] = "20"
    days.mail(WHO, 12)
    days.sweep()
    days.pass_by()
    days.mail(WHO, 12)
    days.break_writes(match="/incidents/", status=503)
    assert days.sweep()["due"] == 2
    days.tenant.cloud.analyst.close(incident_name(WHO), "BenignPositive")
    days.well()
    days.pass_by()
    found = days.sweep()
    assert (found["settled"], found["event"]) == (1, "sweep_completed"), "12 new ones are fewer than twice ten"
    assert (_severity(days), days.comments(WHO)) == ("Medium", [])


def test_deleted_just_before_our_comment(days: Days) -> None:
    """Deleted between our look and our comment: it is planned anew at once, and the same sweep makes the next one."""
    days.mail(WHO, 12)
    days.sweep()
    days.pass_by()
    days.mail(WHO, 15)

    def delete(_: Request) -> None:
        days.tenant.cloud.analyst.delete(incident_name(WHO))

    days.tenant.cloud.faults.add(
        Fault(service="sentinel", method="PUT", match="/comments/", effect=False, status=404, then=delete)
    )
    found = days.sweep()
    assert (found.get("created"), found["told"], found["event"]) == (1, 1, "sweep_completed")
    assert days.incident(WHO, 1) is not None
    assert "15 new messages since its incident was deleted" in days.cards[-1]
