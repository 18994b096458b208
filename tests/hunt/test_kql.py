"""The shipped KQL under Microsoft's own parser and binder, with the real tables' schemas."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import pytest

from shared.app import hunt_options
from shared.errors import Service
from shared.hunt.columns import ALERT_TABLE, FINDINGS_TABLE, needed_columns
from shared.hunt.context import COLUMNS as CONTEXT_COLUMNS
from shared.hunt.followed import FOLLOWED_COLUMNS, FOLLOWED_TABLES
from shared.hunt.hunt import Hunt
from shared.hunt.removals import REMOVAL_COLUMNS
from shared.incidents import guidance
from shared.incidents.terms import Terms
from shared.model import Remedy, Window
from shared.query.answer import COLUMNS, LIST_LIMIT, SUBJECT_LIMIT, Answer
from shared.query.literals import literal, query_text
from shared.query.refusal import TableMissing
from tests.cloud import schemas
from tests.cloud.alerts import SECURITY_ALERT
from tests.cloud.mirror import SECURITY_INCIDENT
from tests.query.test_literals import HOSTILE
from tests.support.coverage import ordinary
from tests.support.kusto import Tables, parse
from tests.support.settings import settings_for

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
DOCS = Path(__file__).parents[2] / "docs"
WINDOW = Window(NOW - timedelta(days=30), NOW)
SENTINEL = {
    "EmailEvents": schemas.EMAIL_EVENTS,
    "EmailPostDeliveryEvents": schemas.EMAIL_POST_DELIVERY_EVENTS,
    "SecurityIncident": SECURITY_INCIDENT,
    "SecurityAlert": SECURITY_ALERT,
    FINDINGS_TABLE: schemas.EMAIL_REMEDIATION_FINDINGS,
}
FEW_OF_THE_RULE = {
    "SecurityAlert": {"TimeGenerated": "datetime", "SystemAlertId": "string", "ExtendedProperties": "string"},
    FINDINGS_TABLE: {
        name: schemas.EMAIL_REMEDIATION_FINDINGS[name]
        for name in ("TimeGenerated", "Kind", "FindingId", "Attempt", "Recipient", "Episode")
    },
}
SENDERS = ("SenderFromAddress", "SenderFromDomain", "ThreatTypes", "DetectionMethods")
NO_SENDERS = {name: kind for name, kind in schemas.EMAIL_EVENTS_DOCS.items() if name not in SENDERS}
GROUNDS: dict[str, tuple[str, Tables]] = {
    "workspace": ("sentinel", SENTINEL),
    "reference": ("sentinel", {**SENTINEL, "EmailEvents": schemas.EMAIL_EVENTS_DOCS}),
    "few columns": (
        "sentinel",
        {**needed_columns("sentinel"), **FEW_OF_THE_RULE},
    ),
    "advanced hunting": (
        "defender",
        {
            "EmailEvents": schemas.EMAIL_EVENTS_DEFENDER,
            "EmailPostDeliveryEvents": schemas.EMAIL_POST_DELIVERY_EVENTS_DEFENDER,
        },
    ),
    "advanced hunting, few columns": ("defender", needed_columns("defender")),
}
WHOLE = [name for name in GROUNDS if "few columns" not in name]
"""Where people are shown queries: those may read more columns than the sweep does."""


class Recorder:
    """A place that only listens."""

    service = Service.LOG_ANALYTICS

    def __init__(self, tables: str) -> None:
        self.tables = tables
        self.asked: list[str] = []
        self.missing = ""
        self.lacks = ""

    def ask(self, kql: str) -> Answer | None:
        """Nothing is known here, and one table is not there."""
        for table, sign in ((self.missing, f"= {self.missing}"), (self.lacks, f"= {self.lacks}\n")):
            if table and sign in kql and f"let {table} =" not in kql:
                error = TableMissing(f"no table {table}", service=self.service)
                error.table = table
                raise error
        self.asked.append(kql)
        return None


def shipped(ground: str) -> list[str]:
    """Every query that a hunt ever asks of a place."""
    place, workspace = Recorder(ground), Recorder("sentinel")
    for deduplicate in ("true", "false"):
        hunt = Hunt(hunt_options(settings_for(hunt_source=ground, deduplicate=deduplicate)), place, workspace)
        hunt.coverage(WINDOW)
        hunt.with_witness(WINDOW, ordinary(NOW))
        hunt.findings(WINDOW)
        hunt.remediators(WINDOW, {recipient: ["m"] for recipient in HOSTILE})
        hunt.context(WINDOW, HOSTILE)
        hunt.reach(WINDOW, ["1", "2"])
        hunt.known_incidents()
        hunt.coverage(WINDOW)  # without a row an empty response is believed
        hunt.removals(WINDOW)
        place.missing = "EmailPostDeliveryEvents"
        hunt.removals(WINDOW)
        place.missing = ""
        hunt.first_row(WINDOW)
        for table in (*needed_columns("sentinel"), ALERT_TABLE):
            hunt.columns(table)
        hunt.incident_providers(WINDOW)
        hunt.followed("workspace")
        for missing in FOLLOWED_TABLES:
            workspace.lacks = missing
            hunt.followed("workspace")
        workspace.lacks = ""
    assert sum("SeenInWeek" in kql for kql in place.asked) == 2
    return place.asked + (workspace.asked if ground == "sentinel" else [])


def faulty() -> list[str]:
    """The hunt with a wrong column, two wrong types, a wrong function and a missing end."""
    hunt = next(kql for kql in shipped("sentinel") if "HardDelete_case" in kql)
    return [
        hunt.replace("NetworkMessageId", "NetworkMessageID"),
        hunt.replace("Sum_case > Threshold", "Sum_case > RecipientEmailAddress"),
        hunt.replace("let Threshold = long(10)", 'let Threshold = "ten"'),
        hunt.replace("make_list_if(Item, Rank == 4, Limit)", "make_list_when(Item, Rank == 4, Limit)"),
        hunt + "| where",
    ]


def with_recipients() -> list[str]:
    """The query that takes addresses, with hostile ones and with none."""
    asked = next(kql for kql in shipped("sentinel") if "let Recipients" in kql)
    return [asked, query_text("remediations_sentinel", "actors", "remediators", Start=NOW, End=NOW, Recipients=[])]


def fenced(text: str) -> list[str]:
    """The KQL that a text shows in fences."""
    return re.findall(r"```(?:kql|kusto)\n(.+?)\n```", text, re.DOTALL)


def _shown(ground: str) -> list[str]:
    """The KQL that incidents show, for everyday and for hostile recipients, and what docs/hunt.md shows."""
    asked = []
    for deduplicate in (True, False):
        source: Literal["sentinel", "defender"] = "sentinel" if ground == "sentinel" else "defender"
        terms = Terms(10, 50, 2, deduplicate, source, WINDOW)
        for recipient in ("a@contoso.com", "o'brien@contoso.com", *HOSTILE):
            asked += fenced("\n".join(guidance.query(recipient, terms)))
    return asked + (fenced((DOCS / "hunt.md").read_text("utf-8")) if ground == "sentinel" else [])


@pytest.fixture(scope="module")
def answered() -> dict[str, list[dict[str, Any]]]:
    """Everything that this module has parsed, by what it is about."""
    batches = [(tables, shipped(ground)) for ground, tables in GROUNDS.values()]
    literals = [f"let V = {literal(text)};\nprint V" for text in HOSTILE]
    literals.append(f"let V = {literal(HOSTILE)};\nV")
    batches += [(GROUNDS[name][1], _shown(GROUNDS[name][0])) for name in WHOLE]
    batches += [(SENTINEL, faulty()), (SENTINEL, literals), (SENTINEL, with_recipients())]
    batches.append(({**SENTINEL, "EmailEvents": NO_SENDERS}, shipped("sentinel")))
    return dict(
        zip(
            [*GROUNDS, *(f"shown, {name}" for name in WHOLE), "faulty", "literals", "recipients", "no senders"],
            parse(batches),
            strict=True,
        )
    )


@pytest.mark.parametrize("name", [*GROUNDS, "no senders"])
def test_shipped_kql_has_no_diagnostic(name: str, answered: dict[str, list[dict[str, Any]]]) -> None:
    """Microsoft's parser and binder find nothing to say about any query, and see the columns that are read."""
    answers = answered[name]
    assert [answer["diagnostics"] for answer in answers] == [[]] * len(answers)
    assert len(answers) >= 10
    hunts = [answer["columns"] for answer in answers if "HardDelete_case" in answer["columns"]]
    assert len(hunts) == 2
    removals = [answer["columns"] for answer in answers if "Zap" in answer["columns"]]
    assert [tuple(columns) for columns in removals] == [REMOVAL_COLUMNS] * 4
    assert {kind for columns in removals for kind in list(columns.values())[1:]} == {"long"}
    for columns in hunts:
        assert tuple(columns) == COLUMNS
        assert list(columns.values()) == ["string", *["long"] * 5, *["dynamic"] * 8]
    followed = [tuple(answer["columns"]) for answer in answers if "Finding" in answer["columns"]]
    assert followed == [FOLLOWED_COLUMNS] * (0 if "hunting" in name else 8)
    contexts = [answer["columns"] for answer in answers if "Ids" in answer["columns"]]
    assert [tuple(columns) for columns in contexts] == [CONTEXT_COLUMNS] * 2
    assert list(contexts[0].values()) == [*["string"] * 7, "long", "dynamic"]


@pytest.mark.parametrize("name", WHOLE)
def test_kql_that_people_are_shown_has_no_diagnostic(name: str, answered: dict[str, list[dict[str, Any]]]) -> None:
    """What an incident or the docs give an analyst to run is KQL that runs."""
    answers = answered[f"shown, {name}"]
    assert [answer["diagnostics"] for answer in answers] == [[]] * len(answers)
    assert len(answers) >= 2 * (2 + len(HOSTILE))


def test_no_column_is_asked_for_in_vain() -> None:
    """Each column that the doctor wants is read by a query; that no other is needed, the few columns above show."""
    for source in ("sentinel", "defender"):
        kql = "\n".join(shipped(source))
        for table, columns in needed_columns(source).items():
            for column in columns if source == "sentinel" or table != "SecurityIncident" else ():
                assert re.search(rf"\b{column}\b", kql), f"{table}.{column}"


def test_planted_faults_are_seen(answered: dict[str, list[dict[str, Any]]]) -> None:
    """The parser would see a fault in the shipped KQL."""
    assert [bool(answer["diagnostics"]) for answer in answered["faulty"]] == [True] * 5


def test_hostile_values_come_back_as_data(answered: dict[str, list[dict[str, Any]]]) -> None:
    """Microsoft's parser reads every hostile value back as the one string that it is."""
    *single, many = answered["literals"]
    for text, answer in zip(HOSTILE, single, strict=True):
        assert (answer["diagnostics"], answer["strings"]) == ([], [text])
    assert (many["diagnostics"], tuple(many["strings"]), many["columns"]) == ([], HOSTILE, {"Value": "string"})


def test_hostile_recipients_are_data_in_the_whole_query(answered: dict[str, list[dict[str, Any]]]) -> None:
    """In the query that takes addresses, what Microsoft's parser takes for strings are just those addresses."""
    hostile, without = answered["recipients"]
    assert hostile["strings"] == sorted(HOSTILE) + without["strings"]


def test_hostile_recipients_are_data_when_senders_are_asked_for(answered: dict[str, list[dict[str, Any]]]) -> None:
    """The query about senders holds the addresses as strings, and nothing else of the mail is ever in a query."""
    *_, one = [answer for answer in answered["workspace"] if "Ids" in answer["columns"]]
    assert tuple(one["strings"])[: len(HOSTILE)] == HOSTILE


@pytest.mark.parametrize("source", ["sentinel", "defender"])
def test_senders_are_looked_up_on_the_rows_of_the_hunt(source: str) -> None:
    """The rows with senders are those of the hunt, column for column, with further ones after them."""
    rows, with_senders = (query_text(f"{name}_{source}").partition("let Raw")[2] for name in ("events", "mail"))
    assert with_senders.startswith(rows.removesuffix(";\n") + ",\n          Sender = ")


def test_the_kql_and_the_code_agree() -> None:
    """The limits and the four actions that the KQL writes out are those that the code checks by."""
    hunt = next(kql for kql in shipped("sentinel") if "HardDelete_case" in kql)
    assert f"substring(Subject, 0, {SUBJECT_LIMIT})" in hunt
    assert f"let Limit = long({LIST_LIMIT});" in hunt
    assert all(f'Action =~ "{remedy.value}"' in hunt for remedy in Remedy)
