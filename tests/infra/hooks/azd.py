"""azd's way to run a hook: azure.yaml's own line, azd's variables, and stand-ins for the programs that it starts."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.infra.bicep import INFRA

ROOT = INFRA.parent
AZURE_YAML = (ROOT / "azure.yaml").read_text(encoding="utf-8")
SUBSCRIPTION = "0b6d4f0c-7f5e-4c43-9d44-6c1b4e1f2a3d"
WORKSPACE = (
    f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-soc/providers/Microsoft.OperationalInsights/workspaces/law-soc"
)
WEBHOOK = {"TEAMS_WEBHOOK_URL": "https://prod-1.westeurope.logic.azure.com/workflows/w?sig=Made-Up"}
STAND_IN = """import json, pathlib, sys
home = pathlib.Path({home!r})
asked = sys.argv[1:]
log = home / "asked.ndjson"
turn = log.read_text(encoding="utf-8").count(json.dumps(asked) + chr(10)) if log.exists() else 0
with log.open("a", encoding="utf-8") as file:
    file.write(json.dumps(asked) + chr(10))
for words, turns in json.loads((home / "answers.json").read_text(encoding="utf-8")):
    if all(word in asked for word in words):
        code, printed, complaint = turns[min(turn, len(turns) - 1)]
        print(printed)
        print(complaint, file=sys.stderr)
        sys.exit(code)
sys.exit("not expected: " + " ".join(asked))
"""
Turn = tuple[int, str, str]


@dataclass(frozen=True)
class Ran:
    """How a hook ended: its exit code, all that it printed, and the calls of `az` and `azd` that it made."""

    code: int
    output: str
    error: str
    asked: list[list[str]]

    def set(self) -> dict[str, str]:
        """What it wrote into azd's environment."""
        return {call[3]: call[4] for call in self.asked if call[:3] == ["azd", "env", "set"]}


class Azd:
    """A checkout, a PATH with stand-ins of `az` and `azd` that answer as told, and azd's way to run a hook."""

    def __init__(self, checkout: Path, folder: Path) -> None:
        self.checkout = checkout
        self.home = folder / "stand ins"
        self.home.mkdir()
        self.answers: list[tuple[list[str], list[Turn]]] = []
        script = self.home / "stand_in.py"
        script.write_text(STAND_IN.format(home=str(self.home)), encoding="utf-8")
        for program in ("az", "azd"):
            self.install(program, f'#!/bin/sh\nexec "{sys.executable}" -I "{script}" {program} "$@"\n')
        self.answer(["account", "show"], (0, "{}", ""))
        self.answer(["azd", "env", "set"], (0, "", ""))
        self.answer(["group", "show"], (3, "", "ERROR: (ResourceGroupNotFound) Resource group 'rg-prod' not found."))

    def install(self, program: str, text: str) -> None:
        """Put an executable on the PATH."""
        (self.home / program).write_text(text, encoding="utf-8")
        (self.home / program).chmod(0o755)

    def answer(self, words: list[str], *turns: Turn) -> None:
        """Answer calls that have these words, each turn its own and the last one for ever; the newest answer counts."""
        self.answers.insert(0, (words, list(turns)))

    def hook(
        self,
        name: str,
        environment: Mapping[str, str] = {},
        path: str | None = None,
        own: Mapping[str, str] = {},
    ) -> Ran:
        """Run azure.yaml's line for the hook in the checkout, with azd's variables and these; `own` are in its file."""
        kept = self.checkout / ".azure/prod/.env"
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text("".join(f'{key}="{text}"\n' for key, text in own.items()), encoding="utf-8")
        (self.home / "answers.json").write_text(json.dumps(self.answers), encoding="utf-8")
        (line,) = re.findall(rf"^  {name}:\n    posix:\n      shell: sh\n      run: (.+)$", AZURE_YAML, re.MULTILINE)
        given = {
            "PATH": path or f"{self.home}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "AZURE_ENV_NAME": "prod",
            "AZURE_SUBSCRIPTION_ID": SUBSCRIPTION,
            "SENTINEL_WORKSPACE_RESOURCE_ID": WORKSPACE,
            **own,
            **environment,
        }
        ran = subprocess.run(["sh", "-c", line], cwd=self.checkout, env=given, capture_output=True, text=True)
        log = self.home / "asked.ndjson"
        asked = [json.loads(call) for call in log.read_text(encoding="utf-8").splitlines()] if log.exists() else []
        assert "Traceback" not in ran.stderr, ran.stderr
        return Ran(ran.returncode, ran.stdout, ran.stderr, asked)
