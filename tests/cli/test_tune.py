"""`tune`: what it shows and prints against plain counts, the picture, and mistakes in words."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from datetime import timedelta
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner

from shared.cli.commands import app
from shared.cli.tune_json import tune_as_json
from shared.cli.tune_plot import BLACK, BLUE, HEIGHT, INSTALL, RED, WIDTH, draw, nice_step
from shared.cli.tune_table import thresholds_shown, tune_shown
from shared.cli.tune_words import APPROXIMATIONS, cost
from shared.cli.tuning import Tuned, tuned
from shared.settings import from_values
from tests.cloud import Cloud, schemas
from tests.cloud.faults import Fault
from tests.cloud.mail import Mail, sample
from tests.hunt.oracle import hunt as counted_by_hand
from tests.hunt.removals_oracle import removals
from tests.plan.replay_oracle import replay_by_hand
from tests.support.clients import sign_in_to
from tests.support.clock import START, FakeClock
from tests.tryout.town import town

ROOT = Path(__file__).resolve().parents[2]
DAYS = 6


@pytest.fixture(scope="module")
def mail() -> Mail:
    """A tenant with four months of history."""
    return town(START)


@pytest.fixture(scope="module")
def small_azure(mail: Mail) -> Iterator[Cloud]:
    """A small Azure with that tenant, to which this process signs in."""
    with pytest.MonkeyPatch.context() as patch, Cloud(mail.events, clock=FakeClock()) as cloud:
        cloud.load("EmailPostDeliveryEvents", mail.post_delivery)
        sign_in_to(cloud.environment, patch)
        yield cloud


def find_out(cloud: Cloud, days: int = 0, **settings: str) -> Tuned:
    """What `tune` finds out under these settings."""
    return tuned(from_values({**cloud.environment, **settings}), FakeClock(), days)


@pytest.fixture(scope="module")
def found(small_azure: Cloud) -> Tuned:
    """What it finds out as it is, with a replay."""
    return find_out(small_azure, DAYS, MAX_NEW_INCIDENTS="3")


def as_shown(of: Tuned, width: int, *, domains: bool = True, blocks: bool = True) -> str:
    """What a terminal so wide shows."""
    out = StringIO()
    console = Console(file=out, width=width, color_system=None)
    console.print(tune_shown(of, width, domains=domains, blocks=blocks))
    return out.getvalue()


def test_every_threshold_and_domain_is_as_counted_by_hand(mail: Mail, found: Tuned) -> None:
    """In the JSON each threshold's recipients, messages and actors are those of plain Python, of each domain, too."""
    start, end = START - timedelta(days=30), START
    people = removals(mail.events, mail.post_delivery, start, end, deduplicate=True)
    value = json.loads(json.dumps(tune_as_json(found, domains=True)))
    domains = {name.rpartition("@")[2] for name in people}
    assert set(value["domains"]) == domains
    for domain, steps in [("", value["thresholds"]), *value["domains"].items()]:
        ours = [each for name, each in people.items() if not domain or name.rpartition("@")[2] == domain]
        assert [step["threshold"] for step in steps] == list(range(1, max(total for total, _ in ours) + 1))
        for step in steps:
            over = [(total, by) for total, by in ours if total > step["threshold"]]
            known = {
                actor: sum(by.get(actor, 0) for _, by in over) for actor in ("admin", "automation", "zap", "other")
            }
            messages = sum(total for total, _ in over)
            assert step == {
                "threshold": step["threshold"],
                "flagged": len(over),
                "messages": messages,
                **known,
                "unknown": messages - sum(known.values()),
            }


def test_each_replayed_day_is_as_counted_by_hand(mail: Mail, found: Tuned) -> None:
    """What each past day would have raised, held and told is what plain Python makes of the same rows."""
    moments = [START - timedelta(days=back) for back in reversed(range(DAYS))]
    days = [
        {
            one.recipient: [item.message for items in one.lists for item in items]
            for one in counted_by_hand(mail.events, at - timedelta(days=30), at, threshold=10, deduplicate=True)
        }
        for at in moments
    ]
    expected = replay_by_hand(days, threshold=10, high=50, most=3)
    assert found.replayed is not None
    figures = [{name: asdict(day)[name] for name in expected[0]} for day in found.replayed.days]
    assert figures == expected
    assert [day.at for day in found.replayed.days] == moments
    assert sum(day["held"] for day in expected) > 0
    later = expected[1:]
    week = found.replayed.week
    assert week.incidents == pytest.approx(sum(day["created"] for day in later) * 7 / (DAYS - 1))
    assert week.cards == pytest.approx(sum(day["told"] > 0 for day in later) * 7 / (DAYS - 1))
    assert (week.first, week.days) == (expected[0]["created"], DAYS - 1)


def test_every_row_counts_without_deduplication(mail: Mail, small_azure: Cloud) -> None:
    """With DEDUPLICATE=false the curve is that of every row."""
    people = removals(mail.events, [], START - timedelta(days=30), START, deduplicate=False)
    steps = find_out(small_azure, DEDUPLICATE="false").steps
    assert [step.flagged for step in steps] == [
        sum(total > step.threshold for total, _ in people.values()) for step in steps
    ]


def test_a_threshold_of_0_is_on_the_curve(mail: Mail, small_azure: Cloud) -> None:
    """Where 0 is set, the curve begins there, with those of whom one message was remediated."""
    found = find_out(small_azure, SUM_CASE_THRESHOLD="0", HIGH_SEVERITY_THRESHOLD="50")
    by_hand = counted_by_hand(mail.events, START - timedelta(days=30), START, threshold=0, deduplicate=True)
    assert (found.steps[0].threshold, found.steps[0].flagged) == (0, len(by_hand))
    assert found.steps[0].flagged > found.steps[1].flagged
    assert f"A threshold of 0 flags {len(by_hand)} recipients" in cost(found)
    assert "today" in as_shown(found, 120)


def test_the_excluded_are_left_out(small_azure: Cloud, found: Tuned) -> None:
    """EXCLUDED_RECIPIENTS are counted apart, and in no threshold."""
    rule = json.dumps([{"pattern": "*@contoso.com", "until": "2099-01-01", "reason": "test"}])
    without = find_out(small_azure, EXCLUDED_RECIPIENTS=rule)
    left = [each for each in found.removals if each.domain != "contoso.com"]
    assert list(without.removals) == left
    assert without.excluded == len(found.removals) - len(left) > 0
    assert f"{without.excluded} recipients are left out by EXCLUDED_RECIPIENTS." in as_shown(without, 120)


@pytest.mark.parametrize("width", [50, 80, 130, 180])
def test_it_is_readable_at_any_width(found: Tuned, width: int) -> None:
    """Every threshold that is shown has a line with its count, the marks are named, nothing is wider than the screen;
    where no blocks can be shown there are none."""
    text = as_shown(found, width)
    assert max(len(line.rstrip()) for line in text.splitlines()) <= width
    rows = {line.split()[0]: line.split()[1] for line in text.splitlines() if line[:9].strip().isdigit()}
    by_threshold = {step.threshold: step.flagged for step in found.steps}
    assert rows == {str(each): str(by_threshold[each]) for each in thresholds_shown(found)}
    words = " ".join(text.split())
    for part in (
        "today",
        "bend",
        "suggested",
        "sales.contoso.com",
        found.suggestion.reason,
        cost(found),
        *APPROXIMATIONS,
    ):
        assert part in words
    assert "█" not in as_shown(found, width, blocks=False)
    assert "##" in as_shown(found, width, blocks=False)


def test_what_it_costs_a_week_is_one_sentence(found: Tuned) -> None:
    """The answer is one sentence, with the replay and as an estimate without."""
    for of in (found, replace(found, replayed=None)):
        assert cost(of).count(". ") == 0
        assert cost(of).startswith("A threshold of 10 ")
        assert "a week" in cost(of)
    assert "as an estimate" in cost(replace(found, replayed=None))


def test_a_short_history_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the rows begin within the windows, it is said which days see too little, and the week is of the others."""
    mail = Mail(START)
    mail.remediated("dana@contoso.com", 12, days=20)
    mail.add("dana@contoso.com", "Delivered", START - timedelta(days=31, hours=12))
    with Cloud(mail.events, clock=FakeClock()) as cloud:
        sign_in_to(cloud.environment, monkeypatch)
        short, none_whole = find_out(cloud, 4), find_out(cloud, 1, LOOKBACK_DAYS="60")
    assert short.replayed is not None
    assert [day.shortened for day in short.replayed.days] == [True, False, False, False]
    assert short.replayed.week.days == 3
    words = " ".join(as_shown(short, 180).split())
    assert "The history is too short for 1 day, to 2026-11-21" in words
    assert "they are left out of the week" in words
    assert "from 3 days only" in words
    assert "there are no others" in as_shown(none_whole, 180)


def test_who_remediated_is_not_known_everywhere(small_azure: Cloud, mail: Mail) -> None:
    """Without the second table the actors have no columns, and one line says why."""
    small_azure.remove("EmailPostDeliveryEvents")
    try:
        text = as_shown(find_out(small_azure), 160)
    finally:
        small_azure.define("EmailPostDeliveryEvents", schemas.EMAIL_POST_DELIVERY_EVENTS)
        small_azure.load("EmailPostDeliveryEvents", mail.post_delivery)
    assert "Automation" not in text
    assert "Who remediated is not known: there is no table EmailPostDeliveryEvents." in text


# -- the picture -------------------------------------------------------------------------------------------------------


def colour_spans(path: Path) -> dict[str, tuple[int, int] | None]:
    """From which column of the picture to which each of its colours is; None for one that is not there."""
    from PIL import Image, ImageChops

    found: dict[str, tuple[int, int] | None] = {}
    with Image.open(path) as image:
        assert (image.format, image.size) == ("PNG", (WIDTH, HEIGHT))
        # Where the curve is: the title and the axis have letters of the same colours.
        pixels = image.convert("RGB").crop((0, 100, WIDTH, HEIGHT - 115))
        for name in (BLUE, RED, BLACK):
            red, green, blue = ImageChops.difference(pixels, Image.new("RGB", pixels.size, name)).split()
            apart = ImageChops.lighter(ImageChops.lighter(red, green), blue)
            box = apart.point([255] * 25 + [0] * 231).getbbox()
            found[name] = (box[0], box[2]) if box else None
    return found


def test_the_picture_marks_the_bend_and_today(found: Tuned, tmp_path: Path) -> None:
    """The curve goes from edge to edge; the bend's line and today's are where their thresholds are, and moving them
    moves the lines."""
    path = tmp_path / "curve.png"
    draw(found, path)
    blue, red, black = colour_spans(path).values()
    assert blue
    assert red
    assert black
    assert abs(blue[0] - 110) <= 9
    assert abs(blue[1] - 1150) <= 9
    assert red[0] < black[0]  # the bend is below today's threshold
    other = replace(found, suggestion=replace(found.suggestion, knee=40))
    draw(other, path)
    moved = colour_spans(path)[RED]
    assert moved
    assert moved[0] > red[0] + 100
    draw(replace(found, suggestion=replace(found.suggestion, knee=10)), path)
    assert colour_spans(path)[RED]


def test_a_picture_of_nothing_is_drawn(found: Tuned, tmp_path: Path) -> None:
    """With nobody to show, and without a bend, there is a picture all the same."""
    from shared.plan.threshold import curve, suggested

    steps = curve([])
    draw(replace(found, steps=steps, suggestion=suggested(steps, 10)), tmp_path / "none.png")
    assert colour_spans(tmp_path / "none.png")[RED] is None


def test_the_grid_is_of_round_numbers() -> None:
    """Ten lines at most, at steps of 1, 2 or 5 and zeros."""
    for most in (*range(1, 400), 999, 12_345, 100_000):
        step = nice_step(most)
        assert 1 <= -(-most // step) <= 10
        assert str(step).rstrip("0") in ("1", "2", "5")


# -- the command -------------------------------------------------------------------------------------------------------


def tune_program(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """`python -m shared tune` in this environment alone."""
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    command = [sys.executable, "-m", "shared", "tune", *arguments]
    return subprocess.run(command, cwd=ROOT, env={**kept, **environment}, capture_output=True, text=True)


@pytest.fixture(scope="module")
def fresh() -> Iterator[Cloud]:
    """A small Azure whose rows are of today, by the machine's own clock."""
    with Cloud() as cloud:
        mail = sample(cloud.clock())
        cloud.load("EmailEvents", mail.events)
        cloud.load("EmailPostDeliveryEvents", mail.post_delivery)
        yield cloud


def test_json_is_one_value_and_nothing_else(fresh: Cloud, tmp_path: Path) -> None:
    """With a picture and a replay, standard output is one JSON value; nothing is written but the picture."""
    before = len([request for request in fresh.log if request.service in ("sentinel", "teams")])
    picture = tmp_path / "a picture.png"
    ran = tune_program(fresh.environment, "--json", "--replay", "2", "--plot", str(picture))
    assert ran.returncode == 0, ran.stderr
    value: dict[str, Any] = json.loads(ran.stdout)
    assert value["replay"]["days"][-1]["flagged"] == value["thresholds"][9]["flagged"] == 11
    assert value["replay"]["approximations"] == list(APPROXIMATIONS)
    assert ran.stderr == f"The picture is {picture}.\n"
    assert list(tmp_path.iterdir()) == [picture]
    assert len([request for request in fresh.log if request.service in ("sentinel", "teams")]) == before


def test_mistakes_are_said_in_words(fresh: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A name or folder that cannot be, and a wrong option, are named before anything is asked."""
    for name, value in fresh.environment.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "dir.png").mkdir()
    asked = len(fresh.log)
    for arguments, words in (
        (
            ["--plot", f"{tmp_path}/x.jpg"],
            f"--plot {tmp_path}/x.jpg: the picture is a PNG file, so its name ends in .png",
        ),
        (["--plot", f"{tmp_path}/no/x.png"], f"there is no folder {tmp_path}/no: make it first, or name another"),
        (["--plot", f"{tmp_path}/dir.png"], "is a folder: name a file in it"),
        (["--replay", "-1"], "--replay"),
        (["--replay", "x"], "--replay"),
        (["--by", "person"], "--by"),
    ):
        ran = CliRunner().invoke(app, ["tune", *arguments])
        assert (ran.exit_code, ran.stdout) == (2, "")
        assert words in ran.stderr
        assert arguments[0] != "--plot" or len(ran.stderr.splitlines()) == 1
    assert len(fresh.log) == asked


def invoked(cloud: Cloud, patch: pytest.MonkeyPatch, *arguments: str, **settings: str) -> Any:
    """The command in this process, with the settings of that small Azure and these."""
    for name, value in {**cloud.environment, **settings}.items():
        patch.setenv(name, value)
    patch.setattr(logging.getLogger(), "handlers", [])
    return CliRunner().invoke(app, ["tune", *arguments])


def test_without_the_library_one_sentence_says_what_installs_it(
    fresh: Cloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No picture without Pillow: one sentence with the command. All else runs without it."""
    monkeypatch.setitem(sys.modules, "PIL", None)
    ran = invoked(fresh, monkeypatch, "--plot", str(tmp_path / "x.png"))
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert ran.stderr == f"--plot needs the package Pillow, which is not installed: {INSTALL}\n"
    assert (ROOT / INSTALL.split()[-1]).is_file()
    assert invoked(fresh, monkeypatch).exit_code == 0


def test_it_ends_as_the_other_commands_do(fresh: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """1 when a service fails, with what to do; 2 for settings; 3 for data that cannot be trusted, which is said."""
    fresh.faults.add(Fault(service="log_analytics", status=403, times=None))
    ran = invoked(fresh, monkeypatch)
    fresh.faults.clear()
    assert (ran.exit_code, ran.stdout) == (1, "")
    assert "the next sweep" not in ran.stderr
    assert len(ran.stderr.splitlines()) == 1
    with monkeypatch.context() as patch:
        ran = invoked(fresh, patch, SUM_CASE_THRESHOLD="many")
        assert (ran.exit_code, ran.stdout) == (2, "")
        assert "SUM_CASE_THRESHOLD" in ran.stderr
    monkeypatch.delenv("SUM_CASE_THRESHOLD", raising=False)
    with Cloud(sample(fresh.clock() - timedelta(days=12)).events) as old:
        ran = invoked(old, monkeypatch)
        assert ran.exit_code == 3
        assert "The data cannot be trusted: " in ran.stdout
        as_json = invoked(old, monkeypatch, "--json")
        assert as_json.exit_code == 3
        assert json.loads(as_json.stdout)["doubts"]
