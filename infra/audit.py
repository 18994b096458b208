# ruff: noqa: T201 - it prints: it is a command
"""`make audit`: are the deployed packages all pinned, all hashed, and without known vulnerabilities?

    python infra/audit.py PIP_AUDIT REQUIREMENTS

The first two need no network. When the advisory database cannot be reached, a loud message says so; under CI it fails.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

PINNED = re.compile(r"[A-Za-z0-9._-]+(\[[^\]]*\])?==[^\s;]+(\s*;.*)?")
HASH = re.compile(r"sha256:[0-9a-f]{64}")


def loose(requirements: str) -> Iterator[str]:
    """Each requirement that is not one version with its SHA-256 hashes, as one line."""
    for line in re.sub(r"\\\n\s*", " ", requirements).splitlines():
        stated = line.split(" #")[0].strip()
        if not stated or stated.startswith("#"):
            continue
        package, *hashes = (part.strip() for part in stated.split(" --hash="))
        if not PINNED.fullmatch(package) or not hashes or not all(map(HASH.fullmatch, hashes)):
            yield stated


def advisories(report: str) -> tuple[list[str], list[str]]:
    """What pip-audit's JSON report says: what is vulnerable, and the packages it could not look up."""
    found = json.loads(report)["dependencies"]
    vulnerable = [
        f"{package['name']} {package['version']}: {flaw['id']}, fixed in {flaw['fix_versions'] or 'no version yet'}"
        for package in found
        for flaw in package.get("vulns", ())
    ]
    return vulnerable, [package["name"] for package in found if "skip_reason" in package]


def main(pip_audit: str, requirements: str) -> int:
    """0: nothing is wrong; 1: something is, or (under CI) could not be looked up."""
    unpinned = list(loose(Path(requirements).read_text(encoding="utf-8")))
    for line in unpinned:
        print(f"NOT PINNED AND HASHED: {line}")
    command = [pip_audit, "--requirement", requirements, "--disable-pip", "--require-hashes", "--format", "json"]
    asked = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - the project's own tool
    # Without a connection it prints no report, or one in which every package is skipped.
    vulnerable, unknown = advisories(asked.stdout) if asked.stdout.startswith("{") else ([], ["every package"])
    for line in vulnerable:
        print(f"VULNERABLE: {line}")
    if unknown:
        print(
            f"*** NOT AUDITED: the advisory database did not answer for {len(unknown)} packages"
            f" ({', '.join(unknown[:3])}…). Run `make audit` where it can be reached. ***",
            file=sys.stderr,
        )
    if not unpinned:
        print(f"{requirements}: every package is pinned and hashed" + ("" if unknown else ", none is known vulnerable"))
    return 1 if unpinned or vulnerable or (unknown and os.environ.get("CI")) else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
