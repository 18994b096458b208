"""The shell removes the rows of a workspace that has left."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import pytest

from shared.cli.under_lease import AnotherAtWork
from shared.cli.workspaces_forget import remove_all
from shared.ledger import SqliteLedger
from shared.model import Record
from tests.support.clock import FakeClock
from tests.support.ledger_samples import card, record
from tests.support.shell_of_many import Shell
from tests.support.workspaces import resource


def _ledger_of(folder: Path, workspace: str) -> SqliteLedger:
    ledger = SqliteLedger(folder / "ledger.db", workspace)
    ledger.save([record(), Record("bob@contoso.com")], [card("one")])
    ledger.keep_receipt(date(2026, 11, 20), "run", {"started": "2026-11-20T06:00:00Z", "verdict": "clean"})
    return ledger


def test_the_rows_of_one_that_left_are_removed(shell: Shell, tmp_path: Path) -> None:
    """By the workspace's id, however it is written; of no other workspace; a second time there is nothing."""
    gone, kept = _ledger_of(tmp_path, resource(77)), _ledger_of(tmp_path, resource(2))
    ran = shell("workspaces", "--forget", resource(77).upper().replace("/SUB", "/sub") + "/", "--yes")
    assert ran.exit_code == 0, ran.output
    assert "2 recipients with what was reported of them" in ran.stdout
    assert "1 receipts, the last of 2026-11-20" in ran.stdout
    assert "still swept" not in ran.stdout
    assert ran.stdout.splitlines()[-1] == "Removed from the ledger."
    assert (gone.load().records, gone.receipts(date.min), gone.lease()) == ({}, [], None)
    assert (len(kept.load().records), len(kept.receipts(date.min))) == (2, 1)
    ran = shell("workspaces", "--forget", resource(77), "--yes")
    assert (ran.exit_code, "holds nothing of" in ran.stdout) == (1, True)
    for ledger in (gone, kept):
        ledger.close()


def test_by_name_while_the_entry_is_there(shell: Shell, tmp_path: Path) -> None:
    """The name does while the entry is there, and the command says that it is still swept."""
    ledger = _ledger_of(tmp_path, resource(2))
    found = json.loads(shell("workspaces", "--forget", "northwind", "--yes", "--json", only={"DRY_RUN": "true"}).stdout)
    assert found == {
        "written": False,
        "workspace": resource(2).lower(),
        "swept_as": "northwind",
        "recipients": 2,
        "owed": 1,
        "cards": 1,
        "receipts": 1,
    }
    assert ledger.load().records
    ran = shell("workspaces", "--forget", "northwind", "--yes", only={"DRY_RUN": ""})
    assert "It is still swept, as northwind." in ran.stdout
    assert not ledger.load().records
    ledger.close()


@pytest.mark.parametrize("named", ["northwnd", "own", "/subscriptions/x", "fabrikam corp", ""])
def test_what_cannot_be_found(shell: Shell, named: str) -> None:
    """A name without an entry, or what is no workspace's id, is said to be so, with how to find the id."""
    ran = shell("workspaces", "--forget", named, "--yes")
    assert ran.exit_code == 1
    expected = "expected the workspace's ARM id" if named.startswith("/") else "`git log -p workspaces.json` shows it"
    assert expected in ran.stderr
    assert ("Did you mean northwind?" in ran.stderr) == (named == "northwnd")


def test_nothing_is_removed_without_an_answer(shell: Shell, tmp_path: Path) -> None:
    """Without a terminal it needs --yes."""
    ledger = _ledger_of(tmp_path, resource(2))
    ran = shell("workspaces", "--forget", "northwind")
    assert (ran.exit_code, "add --yes" in ran.stderr) == (2, True)
    assert ledger.load().records
    ledger.close()


def test_nothing_is_removed_during_a_sweep(tmp_path: Path) -> None:
    """While a sweep renews its lease, nothing is removed; when it has died, its lease is taken over."""
    sweep, ledger = _ledger_of(tmp_path, resource(2)), SqliteLedger(tmp_path / "ledger.db", resource(2))
    held = [sweep.take(None, "a sweep", 60)]

    class Renewing(FakeClock):
        def sleep(self, seconds: float) -> None:
            held.append(sweep.take(held[-1], "a sweep", 60))
            super().sleep(seconds)

    with pytest.raises(AnotherAtWork):
        remove_all(ledger, Renewing())
    assert sweep.load().records
    remove_all(ledger, FakeClock())
    assert (sweep.load().records, sweep.lease()) == ({}, None)
    for each in (sweep, ledger):
        each.close()
