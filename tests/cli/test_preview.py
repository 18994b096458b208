"""The preview of a sweep: the same words as the sweep would send, and nothing written anywhere."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from shared.app import run_sweep
from shared.cli.chosen import Chosen
from shared.cli.preview.current import current
from shared.cli.preview.reading import card_text
from shared.cli.preview.samples import NAMES, sample_named
from shared.cli.preview.show import as_json_value
from shared.settings import from_values
from shared.teams.card import CARD_LIMIT
from tests.cloud import Cloud, Fault
from tests.cloud.mail import SOFT, Mail
from tests.support.tenant import Tenant
from tests.support.terminal import ROOT, on_a_terminal

RUN_ID = "0f0f0f0f-0000-4000-8000-000000000000"


def run_preview(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`python -m shared preview` with these arguments, and no environment but this."""
    command = [sys.executable, "-m", "shared", "preview", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)


def seen_in(name: str) -> tuple[int, int, int, set[str]]:
    """Of a sample: how many cards, new incidents and comments, and the incidents' severities."""
    (shown,) = as_json_value([sample_named(name)])["previews"]
    incidents = shown["incidents"]
    made = [each for each in incidents if each["description"]]
    comments = sum(len(each["comments"]) for each in incidents)
    return len(shown["cards"]), len(made), comments, {each["severity"] for each in incidents}


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("first-finding", (1, 1, 0, {"Medium"})),
        ("findings", (1, 3, 0, {"High", "Medium"})),
        ("many", (1, 90, 0, {"High", "Medium"})),
        ("campaign", (1, 9, 0, {"Medium"})),
        ("escalation", (1, 0, 1, {"High"})),
        ("grew", (1, 0, 1, {"Medium"})),
        ("reminder", (1, 0, 0, set())),
        ("held", (1, 4, 0, {"Medium"})),
        ("untrusted", (1, 0, 0, set())),
        ("untrusted-finding", (1, 1, 0, {"Medium"})),
        ("failed", (1, 0, 0, set())),
        ("due", (1, 0, 0, set())),
        ("refused", (1, 0, 0, set())),
        ("heartbeat", (1, 0, 0, set())),
        ("first-card", (1, 0, 0, set())),
        ("hostile", (1, 2, 0, {"High", "Medium"})),
        ("round", (1, 0, 0, set())),
    ],
)
def test_a_sample_shows_what_it_is_named_for(name: str, seen: tuple[int, int, int, set[str]]) -> None:
    """Each sample makes one card, and just the incidents and comments of the sweep that it is."""
    assert seen_in(name) == seen


def test_every_sample_is_looked_at() -> None:
    """No sample is without its row above, and no two have the same card."""
    rows = test_a_sample_shows_what_it_is_named_for.pytestmark[0].args[1]  # type: ignore[attr-defined]
    assert [name for name, _ in rows] == list(NAMES)
    cards = [sample_named(name).cards for name in NAMES]
    assert len(set(cards)) == len(cards)


def test_samples_are_the_same_every_time() -> None:
    """A sample has the same bytes on every run, in any process."""
    made = [run_preview("--sample", "hostile", "--json", PYTHONHASHSEED=seed).stdout for seed in ("1", "2")]
    assert made[0] == made[1] == json.dumps(as_json_value([sample_named("hostile")]), indent=2) + "\n"


def test_json_is_one_value() -> None:
    """All samples as JSON: one value, each card with its size, the budget, the fallback text and the whole message."""
    ran = run_preview("--sample", "all", "--json")
    assert (ran.returncode, ran.stderr) == (0, "")
    previews = json.loads(ran.stdout)["previews"]
    assert [each["name"] for each in previews] == list(NAMES)
    for card in (card for each in previews for card in each["cards"]):
        assert 0 < card["bytes"] <= card["limit"] == CARD_LIMIT
        assert card["fallback_text"] == card["message"]["summary"] != ""
        sent = json.dumps(card["message"], ensure_ascii=False, separators=(",", ":"))
        assert len(sent.encode()) == card["bytes"]


def test_the_terminal_shows_cards_and_an_incident() -> None:
    """In the terminal stand the card's lines, its size and the incident's title; hostile text moves no cursor."""
    ran = run_preview("--sample", "hostile", PYTHONIOENCODING="utf-8")
    assert ran.returncode == 0
    preview = sample_named("hostile")
    for line in card_text(json.loads(preview.cards[0])).splitlines():
        assert line.strip()[:60] in ran.stdout
    assert f"{len(preview.cards[0].encode()):,} of {CARD_LIMIT:,} bytes" in ran.stdout
    assert "and 1 more incident" in ran.stdout
    assert not {char for char in ran.stdout if ord(char) < 32} - {"\n"}
    assert "\u202e" not in ran.stdout


@pytest.mark.parametrize("columns", [40, 100])
def test_it_fits_the_terminal(columns: int) -> None:
    """On a narrow terminal, too, no line is wider than it."""
    seen = on_a_terminal({"NO_COLOR": "1"}, "preview", "--sample", "grew", columns=columns)
    assert seen.code == 0, seen.text
    assert 30 < max(map(len, seen.lines)) <= columns
    assert "New comment on an incident" in seen.text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--sample", "campain"), "did you mean campaign?"),
        (("--sample", "findings", "--sample", "nothing"), "Samples: first-finding, findings, many"),
        (("--web", "--json", "--sample", "due"), "name one of them"),
        ((), "Samples need no settings: --sample all."),
    ],
)
def test_mistakes_are_named(arguments: tuple[str, ...], said: str) -> None:
    """What cannot be shown is a sentence on standard error and exit code 2; standard output stays empty."""
    ran = run_preview(*arguments)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert said in ran.stderr
    assert "Traceback" not in ran.stderr


def lying_in(folder: Path) -> Mapping[str, bytes]:
    """What lies in a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def said_on(cards: list[str]) -> list[list[str]]:
    """What the cards say, without their buttons: these have the number that Sentinel gives an incident."""
    texts = [card_text(json.loads(card)) for card in cards]
    return [[line for line in text.splitlines() if not line.strip().startswith("[")] for text in texts]


def really_swept(tenant: Tenant) -> None:
    """One real sweep, under the preview's run id."""
    values = {**tenant.cloud.environment, "LEDGER_URL": f"sqlite:///{tenant.ledger}"}
    run_sweep(from_values(values), clock=tenant.clock, run_id=RUN_ID)


def previewed(tenant: Tenant, **more: str) -> tuple[list[str], dict[str, Any]]:
    """The cards' bodies of a sweep now, and its incidents by title; nothing was written or posted."""
    cloud, before = tenant.cloud, lying_in(tenant.ledger.parent)
    values = {**cloud.environment, "LEDGER_URL": f"sqlite:///{tenant.ledger}", **more}
    asked = len(cloud.log)
    shown, receipt = current(Chosen(from_values(values)), tenant.clock, lambda _: None, RUN_ID)
    sent = [each for each in cloud.log[asked:] if each.service != "logs"]
    assert {each.method for each in sent} <= {"GET", "POST"}
    assert not [each for each in sent if each.service in ("teams", "webhook") or each.method == "PUT"]
    assert lying_in(tenant.ledger.parent) == before
    assert not receipt.dry_run
    return list(shown.cards), {each.title: each for each in shown.incidents}


def mailed(tenant: Tenant, recipient: str, messages: int, seed: int = 1) -> None:
    """So many messages were soft-deleted for them since yesterday."""
    mail = Mail(tenant.clock.now(), seed)
    mail.remediated(recipient, messages, 0.2, (SOFT,))
    tenant.cloud.append("EmailEvents", mail.events)


def test_it_is_what_a_sweep_then_sends(tenant: Tenant) -> None:
    """New incidents, then comments and an escalation: word for word what the next sweep sends; the preview itself
    writes no incident, no card and no ledger, also when DRY_RUN is set."""
    mailed(tenant, "dana@contoso.com", 11)
    mailed(tenant, "eli@contoso.com", 60)
    for seed in (2, 3):
        bodies, incidents = previewed(tenant, DRY_RUN="true")
        assert previewed(tenant) == (bodies, incidents)
        posted = len(tenant.cloud.cards)
        said = {each: len(comments) for each, comments in tenant.cloud.comments.items()}
        really_swept(tenant)
        sent = [body if isinstance(body, str) else json.dumps(body) for body in tenant.cloud.cards[posted:]]
        assert said_on(bodies) == said_on(sent)
        assert said_on(bodies) != [[]]
        for title, shown in incidents.items():
            ((name, real),) = [
                (name, each["properties"])
                for name, each in tenant.cloud.incidents.items()
                if each["properties"]["title"] == title
            ]
            assert shown.severity == real["severity"]
            assert shown.description in ("", real["description"])
            comments = [each["properties"]["message"] for each in tenant.cloud.comments.get(name, ())]
            assert list(shown.comments) == comments[said.get(name, 0) :]
        assert len(incidents) == 2
        tenant.clock.advance(days=1)
        mailed(tenant, "dana@contoso.com", 45, seed)
        mailed(tenant, "eli@contoso.com", 12, seed)


def test_with_the_rule_it_shows_what_the_rule_makes(tenant: Tenant) -> None:
    """Nothing is uploaded; the incident reads as the rule makes it of the upload: the same text, and no label."""
    mailed(tenant, "dana@contoso.com", 11)
    tenant.cloud.deploy_findings()
    _, by_api = previewed(tenant)
    _, by_rule = previewed(tenant, **tenant.cloud.rule_road)
    assert tenant.cloud.ingestion.rows == []
    [(title, made)], [(same, other)] = by_api.items(), by_rule.items()
    assert (title, made.description, made.severity) == (same, other.description, other.severity)
    assert (bool(made.labels), other.labels) == (True, ())


@pytest.mark.parametrize(
    ("messages", "fault", "code", "says"),
    [
        (11, None, 0, ""),
        (11, Fault(service="identity", status=400, times=None), 1, "identity_sign_in"),
        (0, None, 3, "coverage_empty"),
    ],
)
def test_it_ends_as_the_sweep_would(
    cloud: Cloud, tmp_path: Path, messages: int, fault: Fault | None, code: int, says: str
) -> None:
    """The shell's preview is one JSON value with the exit code of the sweep that it shows; the reason is said."""
    mail = Mail(cloud.clock())
    mail.remediated("dana@contoso.com", messages, 0.2, (SOFT,))
    cloud.append("EmailEvents", mail.events)
    if fault:
        cloud.faults.add(fault)
    ledger = tmp_path / "own" / "ledger.db"
    ran = run_preview("--json", **{**cloud.environment, "LEDGER_URL": f"sqlite:///{ledger}"})
    (shown,) = json.loads(ran.stdout)["previews"]
    assert len(shown["cards"]) == 1
    assert ran.stderr.partition(":")[0].strip() == says
    assert not ledger.parent.exists()
    assert ran.returncode == code


def test_a_page_is_served_until_ctrl_c() -> None:
    """`--web` says where the page is, and Ctrl-C ends it with 0; without the renderer one sentence says what to run."""
    seen = on_a_terminal({"NO_COLOR": "1"}, "preview", "--web", "--sample", "due", ctrl_c=lambda text: b"http:" in text)
    if not (ROOT / "tests/npm/node_modules/adaptivecards").is_dir():
        assert (seen.code, "`make preview`" in seen.text) == (2, True)
        return
    assert seen.code == 0, seen.text
    assert "http://127.0.0.1:" in seen.text
    assert "stopped" in seen.text
