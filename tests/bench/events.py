"""An operator's export at scale: `make sweep EVENTS=…` without the sweep.

`python -m tests.bench.events [ROWS]`: an export of so many rows (1,100,000: about 300 MB) in each way that a portal
writes its times. Loading it, beside the engine reading the same file alone into a table of texts, by turns and each in
a process of its own: seconds, the most memory the process held, and how these compare.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from tests.cloud.bulk import made
from tests.cloud.engine import engine, literal
from tests.cloud.events import load_events

RUNS = 3
ROWS = 1_100_000
TIMES = {
    "ISO 8601": "concat(formatDateTime({t}, '%FT%T', 'UTC'), '.', substring(toString({t}), 21, 6), '0Z')",
    "en-GB": "concat(formatDateTime({t}, '%d/%m/%Y, %T', 'UTC'), '.', substring(toString({t}), 21, 3))",
    "en-US": "concat(toString(toMonth({t})), '/', toString(toDayOfMonth({t})), '/', toString(toYear({t})), ', ',"
    " toString(if(toHour({t}) % 12 = 0, 12, toHour({t}) % 12)), formatDateTime({t}, ':%i:%S', 'UTC'), '.',"
    " substring(toString({t}), 21, 3), if(toHour({t}) < 12, ' AM', ' PM'))",
}
"""How a portal writes times."""
_ZONED = ("TimeGenerated", "Timestamp", "LastEventExecutionTime")


def write_export(path: Path, form: str, rows: int) -> None:
    """The export of the Log Analytics portal, with some columns beside those that the hunt reads."""
    query = made(datetime.now(UTC), rows=rows, recipients=max(rows // 50, 1))
    times = ", ".join(f"{TIMES[form].format(t=name)} AS `{name} [UTC]`" for name in _ZONED)
    engine().sql(
        f"INSERT INTO FUNCTION file({literal(str(path))}, CSVWithNames) SELECT {times}, NetworkMessageId,"
        " RecipientEmailAddress, concat('sender', toString(sipHash64(NetworkMessageId) % 40), '@example.com')"
        " AS SenderFromAddress, Subject, LatestDeliveryAction, 'Inbox/folder' AS LatestDeliveryLocation,"
        ' \'{"Phish":["URL detonation"]}\' AS DetectionMethods, length(Subject) % 7 AS UrlCount'
        f" FROM ({query})"
    )


def _peak() -> float:
    """The most memory this process ever held, in MB (Linux; 0 elsewhere)."""
    status = Path("/proc/self/status")
    return int(re.findall(r"VmHWM:\s+(\d+)", status.read_text())[0]) * 1024 / 1e6 if status.exists() else 0.0


def _alone(path: str) -> int:
    """The engine reads the file into a table of texts, as it does by itself."""
    with Path(path).open(encoding="utf-8") as file:
        titles = file.readline().strip().replace('"', "").split(",")
    texts = ", ".join(f"`{title}` String" for title in titles)
    engine().sql(f"CREATE TABLE alone ({texts}) ENGINE = MergeTree ORDER BY ()")
    engine().sql(f"INSERT INTO alone SELECT * FROM file({literal(path)}, CSVWithNames, {literal(texts)})")
    return engine().count("alone")


def _child(what: str, path: str) -> None:
    """In a process of its own: what was read, in how long, with how much memory, as JSON."""
    engine().sql("SELECT 1")
    begun = time.monotonic()
    now = datetime.now(UTC)
    rows = _alone(path) if what == "alone" else load_events([path], now if what == "shifted" else None).rows
    print(json.dumps({"rows": rows, "seconds": time.monotonic() - begun, "mb": _peak()}))


def _measured(path: Path, rows: int) -> dict[str, tuple[float, float]]:
    """Median seconds and the highest peak of each way to read the file."""
    found: dict[str, list[tuple[float, float]]] = {"alone": [], "loaded": [], "shifted": []}
    for _ in range(RUNS):
        for what, taken in found.items():
            command = [sys.executable, "-m", "tests.bench.events", "--child", what, str(path)]
            ran = subprocess.run(command, capture_output=True, text=True, check=True)
            said = json.loads(ran.stdout)
            if said["rows"] != rows:
                raise RuntimeError(f"{what}: {said['rows']:,} rows of {rows:,}")
            taken.append((said["seconds"], said["mb"]))
    return {what: (median(s for s, _ in taken), max(mb for _, mb in taken)) for what, taken in found.items()}


def main(rows: int) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        for form in TIMES:
            path = Path(folder) / "export.csv"
            write_export(path, form, rows)
            size = os.path.getsize(path) / 1e6  # noqa: PTH202 (in MB)
            print(
                f"{rows:,} rows, {size:.0f} MB of CSV, times as {form}; memory is the whole process's peak", flush=True
            )
            found = _measured(path, rows)
            for what, name in (
                ("alone", "the engine alone"),
                ("loaded", "load_events"),
                ("shifted", "  with SHIFT=now"),
            ):
                seconds, mb = found[what]
                ratio = f"{seconds / found['alone'][0]:5.2f} × the engine's" if what != "alone" else " " * 20
                print(f"  {name:<18}{seconds:6.2f} s {ratio}  {mb:6.0f} MB: {mb / size:.2f} × the file", flush=True)
            path.unlink()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        _child(*sys.argv[2:4])
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else ROWS)
