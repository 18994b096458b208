"""What holds of the ledger in a file only."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from shared.ledger import Ledger, LedgerNewer, LedgerUnavailable, SqliteLedger, open_ledger
from tests.support.ledger_samples import NOW, WORKSPACE, card, record
from tests.support.ledgers import SqlitePlace


def test_the_file_is_private(sqlite_place: SqlitePlace) -> None:
    """The folder is made when it is missing; the file, which holds addresses, is its user's alone."""
    sqlite_place.open().save([record()])
    for path in sqlite_place.path.parent.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_reading_leaves_no_file_behind(sqlite_place: SqlitePlace) -> None:
    """Reading makes no file beside the ledger's, neither while a writer is at work nor when it is at rest."""
    writer = sqlite_place.open()
    writer.save([record()])
    reader = sqlite_place.open(read_only=True)
    for _ in range(2):
        before = sorted(sqlite_place.path.parent.iterdir())
        assert reader.load().records == {"ann@contoso.com": record()}
        assert sorted(sqlite_place.path.parent.iterdir()) == before
        writer.close()
    assert sorted(sqlite_place.path.parent.iterdir()) == [sqlite_place.path]


def test_a_folder_that_cannot_be_written_can_be_read(sqlite_place: SqlitePlace) -> None:
    """A ledger at rest in a read-only folder can be read, and says what to do when it is to be written."""
    ledger = sqlite_place.open()
    ledger.save([record()])
    ledger.close()
    folder = sqlite_place.path.parent
    sqlite_place.path.chmod(0o400)
    folder.chmod(0o500)
    try:
        assert sqlite_place.open(read_only=True).load().records == {"ann@contoso.com": record()}
        if os.geteuid() != 0:  # root may write anywhere
            with pytest.raises(LedgerUnavailable, match="this user may write"):
                sqlite_place.open().save([record(remediators="eve")])
    finally:
        folder.chmod(0o700)
        sqlite_place.path.chmod(0o600)


def test_an_empty_file_is_an_empty_ledger(sqlite_place: SqlitePlace) -> None:
    """A file that was made and not yet written reads as empty, and is filled by the first write."""
    sqlite_place.path.parent.mkdir()
    sqlite_place.path.touch()
    assert sqlite_place.open(read_only=True).load().records == {}
    sqlite_place.open().save([record()])
    assert sqlite_place.open(read_only=True).load().records == {"ann@contoso.com": record()}


def test_what_is_saved_survives_a_kill(sqlite_place: SqlitePlace) -> None:
    """What was written before the process was killed is there, for a reader and for the next sweep."""
    program = (
        "import os, signal, sys; from shared.ledger import SqliteLedger; from tests.support.ledger_samples import *\n"
        "ledger = SqliteLedger(sys.argv[1], WORKSPACE)\n"
        "ledger.save(cards=[card('one'), card('two')]); ledger.save([record()], dropped_cards=['one'])\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    ended = subprocess.run([sys.executable, "-c", program, str(sqlite_place.path)], timeout=60)
    assert ended.returncode == -signal.SIGKILL
    for read_only in (True, False):
        loaded = sqlite_place.open(read_only=read_only).load()
        assert loaded.records == {"ann@contoso.com": record()}
        assert loaded.cards == {"two": card("two")}


def test_a_locked_file_is_named(sqlite_place: SqlitePlace, close: Callable[[Ledger], Ledger]) -> None:
    """A file that another process keeps locked is unavailable: the message names it and says what to look for."""
    ledger = close(SqliteLedger(sqlite_place.path, WORKSPACE, patience=0.1))
    ledger.save([record()])
    with closing(sqlite3.connect(sqlite_place.path)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerUnavailable, match="locked by another process") as caught:
            ledger.save([record(remediators="eve")])
    assert str(sqlite_place.path) in str(caught.value)
    ledger.save([record(remediators="eve")])
    assert ledger.load().records["ann@contoso.com"].remediators == "eve"


def test_a_file_that_is_no_ledger_is_named(sqlite_place: SqlitePlace) -> None:
    """A file that is not SQLite's is left alone, and the message says what to do with it."""
    sqlite_place.path.parent.mkdir()
    sqlite_place.path.write_bytes(b"not a database, but long enough to be mistaken for one" * 40)
    for read_only in (True, False):
        with pytest.raises(LedgerUnavailable, match="move it away"):
            sqlite_place.open(read_only=read_only).load()
    assert sqlite_place.path.read_bytes().startswith(b"not a database")


def test_a_path_that_cannot_be_is_named(tmp_path: Path) -> None:
    """A path under a file, or that is a folder, is unavailable, with the setting to check."""
    (tmp_path / "file").touch()
    for path in (tmp_path / "file" / "ledger.db", tmp_path):
        with pytest.raises(LedgerUnavailable, match="LEDGER_URL"):
            SqliteLedger(path, WORKSPACE).save([record()])


def test_a_newer_file_stops_the_sweep(sqlite_place: SqlitePlace) -> None:
    """A file of a newer format is not touched: the message says to deploy the newer version."""
    sqlite_place.open().save([record()])
    with closing(sqlite3.connect(sqlite_place.path)) as connection:
        connection.execute("PRAGMA user_version = 2")
    for read_only in (True, False):
        with pytest.raises(LedgerNewer, match="deploy the newer version"):
            sqlite_place.open(read_only=read_only).load()


def test_writes_are_durable(sqlite_place: SqlitePlace) -> None:
    """The write-ahead log is on, so that a reader never waits, and the file asks nothing of a network."""
    ledger = sqlite_place.open()
    ledger.keep_receipt(NOW.date(), "r", {})
    with closing(sqlite3.connect(sqlite_place.path)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert (ledger.requests, ledger.retries) == (0, 0)
    assert ledger.receipts(date.min) == [{}]


def test_the_setting_names_the_file(tmp_path: Path, close: Callable[[Ledger], Ledger]) -> None:
    """`sqlite:///path` opens that file, relative or absolute; nothing is made before the first use."""
    url = f"sqlite:///{tmp_path}/a/ledger.db"
    ledger = close(open_ledger(url, WORKSPACE, None))
    assert list(tmp_path.iterdir()) == []
    ledger.save([record()])
    assert (tmp_path / "a" / "ledger.db").exists()
    assert close(open_ledger(url, WORKSPACE, None, read_only=True)).load().records == {"ann@contoso.com": record()}


def test_a_file_needs_no_azure() -> None:
    """Opening a ledger in a file imports nothing of Azure's client for tables."""
    program = (
        "import sys; from shared.ledger import open_ledger\n"
        "open_ledger('sqlite:///never-made.db', 'w', None)\n"
        "assert not [name for name in sys.modules if name.startswith('azure')], 'azure is imported'"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
