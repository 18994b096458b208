"""A dry run makes no file and writes none, whatever state the ledger was left in; and it reads what is committed."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from shared.ledger import Ledger, LedgerNewer, LedgerUnavailable, SqliteLedger
from shared.ledger.rows import VERSION
from shared.ledger.sqlite_reading import with_log
from tests.cloud.mail import SOFT, Mail
from tests.support.ledger_samples import WORKSPACE, record
from tests.support.ledgers import SqlitePlace
from tests.support.tenant import Tenant, facts, running_tenant

Close = Callable[[Ledger], Ledger]


def files(folder: Path) -> dict[str, tuple[str, int]]:
    """Every file and folder below, with what is in it and when it was last written."""
    return {
        str(path.relative_to(folder)): (
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder",
            path.stat().st_mtime_ns,
        )
        for path in sorted(folder.rglob("*"))
    }


@contextmanager
def another(path: Path, *statements: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that has the file open and has done this; killed at the end of the context."""
    program = (
        "import sqlite3, sys, time\n"
        "connection = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "for statement in sys.argv[2:]: connection.execute(statement).fetchall()\n"
        "print('done', flush=True); time.sleep(600)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(path), *statements], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "done\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def killed(path: Path, people: int = 3) -> None:
    """A ledger whose sweep was killed: what it wrote is in the log only."""
    program = (
        "import os, signal, sys; from shared.ledger import SqliteLedger; from tests.support.ledger_samples import *\n"
        "ledger = SqliteLedger(sys.argv[1], WORKSPACE)\n"
        f"[ledger.save([record(f'{{n}}@contoso.com', 500)]) for n in range({people})]\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    ended = subprocess.run([sys.executable, "-c", program, str(path)], timeout=60)
    assert ended.returncode == -signal.SIGKILL


@pytest.mark.parametrize("missing", [(), ("-shm",), ("-wal", "-shm")], ids=["all there", "no index", "no log"])
def test_what_a_killed_sweep_left_is_read_as_it_is(sqlite_place: SqlitePlace, missing: tuple[str, ...]) -> None:
    """Log and index of a killed sweep stay as they are, or stay missing; what the log holds is read."""
    killed(sqlite_place.path)
    for suffix in missing:
        sqlite_place.path.with_name(sqlite_place.path.name + suffix).unlink()
    before = files(sqlite_place.path.parent)
    found = sqlite_place.open(read_only=True).load().records
    assert files(sqlite_place.path.parent) == before
    expected = 0 if "-wal" in missing else 3
    assert found == {f"{n}@contoso.com": record(f"{n}@contoso.com", 500) for n in range(expected)}
    assert sqlite_place.open().load().records == found  # as a real sweep reads it


def test_a_ledger_in_use_is_read_as_it_is(sqlite_place: SqlitePlace) -> None:
    """Beside a process that is in the middle of writing, what is committed is read, and nothing is touched."""
    ledger = sqlite_place.open()
    ledger.save([record()])
    ledger.close()
    with another(sqlite_place.path, "BEGIN IMMEDIATE", "DELETE FROM rows"):
        before = files(sqlite_place.path.parent)
        assert sqlite_place.open(read_only=True).load().records == {"ann@contoso.com": record()}
        assert files(sqlite_place.path.parent) == before


def test_a_ledger_that_is_locked_is_named(sqlite_place: SqlitePlace, close: Close) -> None:
    """A ledger that another process keeps for itself is unavailable, by name, and untouched."""
    killed(sqlite_place.path)
    with another(sqlite_place.path, "PRAGMA locking_mode = EXCLUSIVE", "DELETE FROM rows"):
        before = files(sqlite_place.path.parent)
        reader = close(SqliteLedger(sqlite_place.path, WORKSPACE, read_only=True, patience=0.1))
        with pytest.raises(LedgerUnavailable, match="locked by another process") as caught:
            reader.load()
        assert str(sqlite_place.path) in str(caught.value)
        assert files(sqlite_place.path.parent) == before


def test_a_file_that_changes_all_the_time_is_named(sqlite_place: SqlitePlace, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that never holds still while it is read is not believed."""
    killed(sqlite_place.path)
    sqlite_place.path.with_name("ledger.db-shm").unlink()
    read = Path.read_bytes

    def read_late(path: Path) -> bytes:
        found = read(path)
        path.touch()
        return found

    monkeypatch.setattr(Path, "read_bytes", read_late)
    with pytest.raises(LedgerUnavailable, match="locked by another process"):
        sqlite_place.open(read_only=True).load()


@pytest.mark.parametrize("log", [False, True], ids=["at rest", "with a log"])
def test_a_later_version_is_named(sqlite_place: SqlitePlace, log: bool) -> None:
    """A file of a later format, and a row of a later version, are named, and untouched."""
    for number, statement in enumerate(
        ("PRAGMA user_version = 2", f"UPDATE rows SET data = '{{\"v\": {VERSION + 1}}}'")
    ):
        path = sqlite_place.path.with_name(f"{number}.db")
        killed(path, people=1)
        with another(path, statement) if log else closing(sqlite3.connect(path)) as other:
            if isinstance(other, sqlite3.Connection):
                other.execute(statement)
                other.commit()
        path.with_name(path.name + "-shm").unlink(missing_ok=True)
        if number:  # the row's data must be bytes
            with closing(sqlite3.connect(path)) as connection:
                connection.execute("UPDATE rows SET data = CAST(data AS BLOB)")
                connection.commit()
        before = files(path.parent)
        with pytest.raises(LedgerNewer, match="deploy the newer version"):
            SqliteLedger(path, WORKSPACE, read_only=True).load()
        assert files(path.parent) == before


def test_a_file_with_a_rollback_journal_is_not_repaired(sqlite_place: SqlitePlace) -> None:
    """A file that another program left in the middle of a write stays so: the message says who repairs it."""
    ledger = sqlite_place.open()
    ledger.save([record(f"{n}@contoso.com", 500) for n in range(50)])
    ledger.close()
    pages = ("PRAGMA journal_mode = DELETE", "PRAGMA cache_size = 1", "BEGIN", "UPDATE rows SET data = zeroblob(5000)")
    with another(sqlite_place.path, *pages):
        pass
    assert sqlite_place.path.with_name("ledger.db-journal").exists()
    before = files(sqlite_place.path.parent)
    with pytest.raises(LedgerUnavailable, match="the next sweep does"):
        sqlite_place.open(read_only=True).load()
    assert files(sqlite_place.path.parent) == before
    assert len(sqlite_place.open().load().records) == 50


def test_a_stray_journal_is_left_alone(sqlite_place: SqlitePlace) -> None:
    """A journal that does not belong to the file, which keeps a log, stays, and no log is made."""
    ledger = sqlite_place.open()
    ledger.save([record()])
    ledger.close()
    sqlite_place.path.with_name("ledger.db-journal").write_bytes(b"stray")
    before = files(sqlite_place.path.parent)
    assert sqlite_place.open(read_only=True).load().records == {"ann@contoso.com": record()}
    assert files(sqlite_place.path.parent) == before


@pytest.mark.parametrize("seed", range(6))
def test_the_log_is_read_as_sqlite_reads_it(tmp_path: Path, seed: int) -> None:
    """However the log is cut or spoiled, the file with it holds what SQLite itself recovers."""
    chance = random.Random(seed)
    path = tmp_path / "x.db"
    writes = ["CREATE TABLE t (a INTEGER PRIMARY KEY, b BLOB)"]
    for _ in range(40):
        writes.append(f"INSERT INTO t (b) VALUES (randomblob({chance.randrange(1, 9_000)}))")
        if chance.random() < 0.2:
            writes += [f"DELETE FROM t WHERE a % {chance.randrange(2, 5)} = 0", "PRAGMA incremental_vacuum"]
        if chance.random() < 0.1:
            writes.append(f"PRAGMA wal_checkpoint({chance.choice(['PASSIVE', 'RESTART', 'FULL'])})")
    size = chance.choice([512, 4096])
    first = (f"PRAGMA page_size = {size}", "PRAGMA auto_vacuum = 2", "PRAGMA journal_mode = WAL")
    with another(path, *first, "PRAGMA wal_autocheckpoint = 0", *writes, "BEGIN", "DELETE FROM t"):
        pass
    file, log = path.read_bytes(), (tmp_path / "x.db-wal").read_bytes()
    assert log
    for number in range(12):
        spoilt = bytearray(log[: chance.randrange(len(log))] if number % 2 else log)
        if number % 3 == 1 and spoilt:
            head = 32 + (24 + size) * chance.randrange(len(spoilt) // (24 + size) + 1)
            spoilt[min(chance.choice([head + 4, head + 8, head + 12, 40, 900]), len(spoilt) - 1)] ^= 1
        copy = tmp_path / str(number) / "x.db"
        copy.parent.mkdir()
        copy.write_bytes(file)
        copy.with_name("x.db-wal").write_bytes(spoilt)
        expected = _contents(copy)
        image = bytearray(with_log(file, bytes(spoilt)))
        if expected != "no such table: t":
            with closing(sqlite3.connect(copy)) as connection:
                assert len(image) == connection.execute("PRAGMA page_count").fetchone()[0] * size
        image[18:20] = b"\1\1"
        assert _contents(image) == expected


def _contents(what: Path | bytearray) -> object:
    with closing(sqlite3.connect(what if isinstance(what, Path) else ":memory:")) as connection:
        if isinstance(what, bytearray):
            connection.deserialize(bytes(what))
        try:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            return connection.execute("SELECT a, b FROM t ORDER BY a").fetchall()
        except sqlite3.OperationalError as error:
            return str(error)  # the table is not there yet


@pytest.fixture
def tenant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Tenant]:
    """A tenant with one finding, and no ledger yet."""
    (tmp_path / "home").mkdir()
    with running_tenant(tmp_path / "home" / "not there", monkeypatch) as made:
        mail = Mail(made.clock.now(), seed=1)
        for _ in range(12):
            mail.add("ann@contoso.com", SOFT, mail.ago(0.1))
        made.cloud.append("EmailEvents", mail.events)
        yield made


def test_a_dry_run_beside_a_killed_sweep(tenant: Tenant, tmp_path: Path) -> None:
    """A whole dry run over what a killed sweep left touches no file and sends no effect, and knows what was done."""
    assert facts(tenant.sweep())["created"] == 1
    with another(tenant.ledger, "BEGIN IMMEDIATE", "UPDATE rows SET version = version", "COMMIT"):
        pass
    tenant.ledger.with_name("ledger.db-shm").unlink()  # as after a restored backup
    before, asked = files(tmp_path), len(tenant.cloud.log)
    assert facts(tenant.sweep(DRY_RUN="true")) == {
        "event": "sweep_planned", "verdict": "flagged", "flagged": 1, "standing": 1,
    }  # fmt: skip
    assert files(tmp_path) == before
    assert not [
        each for each in tenant.cloud.log[asked:] if each.method in ("PUT", "DELETE") or each.service == "teams"
    ]


def test_a_dry_run_without_a_ledger_makes_none(tenant: Tenant, tmp_path: Path) -> None:
    """Without a ledger a dry run plans as on the first day, and makes neither the file nor its folder."""
    before = files(tmp_path)
    assert facts(tenant.sweep(DRY_RUN="true"))["event"] == "sweep_planned"
    assert files(tmp_path) == before


def test_a_dry_run_says_that_the_ledger_is_locked(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    """A dry run that cannot read the ledger plans nothing as if it were empty: it fails, and names it."""
    tenant.sweep()
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda *given, **more: connect(*given, **{**more, "timeout": 0.1}))
    with another(tenant.ledger, "PRAGMA locking_mode = EXCLUSIVE", "UPDATE rows SET version = version"):
        report = tenant.sweep(DRY_RUN="true")
    assert facts(report) == {"event": "sweep_failed", "verdict": "failed"}
    assert "locked" in report.receipt.reasons[0]


def test_the_shell_makes_no_file(tenant: Tenant, tmp_path: Path) -> None:
    """`sweep --dry-run` in a folder of its own, with homes of its own, leaves them as they were, and no log."""
    root = Path(__file__).parents[2]
    app = tmp_path / "app"
    app.mkdir()
    for name in ("shared", "host.json", "workspaces.json"):
        source = root / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, app / name)
    homes = {name: str(tmp_path / "home") for name in ("HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME")}
    environment = {**os.environ, **tenant.cloud.environment, **homes, "PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop("LEDGER_URL", None)
    before = files(tmp_path)
    ended = subprocess.run(
        [sys.executable, "-m", "shared", "sweep", "--dry-run", "--json"],
        cwd=app, env=environment, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert '"event": "sweep_planned"' in ended.stdout, ended.stderr
    assert files(tmp_path) == before
