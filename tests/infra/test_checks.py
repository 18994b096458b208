"""The checks around the deployment: the linter and its skips, the audit of packages, the pipeline."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import subprocess
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.infra.bicep import INFRA, MAIN, declarations, every_file, module_file, parameters

ROOT = INFRA.parent
CHECKOV = ROOT / ".venv-checks/bin/checkov"
CONFIG = (INFRA / "checkov.yaml").read_text(encoding="utf-8")
WORKFLOW = (ROOT / ".github/workflows/ci.yml").read_text(encoding="utf-8")


def skips() -> dict[str, str]:
    """Each skipped check and the reason beside it."""
    return dict(re.findall(r"^  - (CKV\w+) # (.+)$", CONFIG, re.MULTILINE))


@pytest.fixture(scope="module")
def linted() -> dict[str, Any]:
    """checkov's report, with nothing skipped."""
    if not CHECKOV.exists():
        assert not os.environ.get("CI"), "checkov is not installed, and this is where it must be"
        pytest.skip("*** NOT LINTED: checkov is not installed; run `make checkov` ***")
    command = [str(CHECKOV), "--directory", str(INFRA), "--framework", "bicep", "--skip-download", "--output", "json"]
    ran = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "BC_SKIP_MAPPING": "TRUE"})
    report: dict[str, Any] = json.loads(ran.stdout)
    return report


def test_the_linter_finds_nothing_else(linted: dict[str, Any]) -> None:
    """checkov reports just the checks that infra/checkov.yaml skips: nothing else, and no skip is out of date."""
    failed = {check["check_id"] for check in linted["results"]["failed_checks"]}
    assert failed == skips().keys()


def test_the_linter_reads_everything(linted: dict[str, Any]) -> None:
    """checkov could parse every file, and looked at the resources that matter."""
    # Its parser does not know fail(). main.bicep makes a resource group, of which it knows no check, and modules.
    assert linted["results"]["parsing_errors"] == [str(MAIN)]
    assert [item.detail for item in declarations(MAIN, "resource").values()] == [
        "Microsoft.Resources/resourceGroups@2024-03-01"
    ]
    seen = {check["resource"] for check in linted["results"]["passed_checks"]}
    for kind in ("storageAccounts.account", "vaults.vault", "sites.app"):
        assert any(resource.endswith(kind) for resource in seen), kind


def test_every_skip_is_explained() -> None:
    """Each skipped check has its reason on its own line."""
    assert len(skips()) == len(re.findall(r"CKV_AZURE_\d+ #|CKV2_\w+ #", CONFIG)) > 0
    assert CONFIG.count("\n  - ") == len(skips())
    assert all(len(reason) > 30 for reason in skips().values())


# ---- packages


def _audit() -> ModuleType:
    spec = importlib.util.spec_from_file_location("audit", INFRA / "audit.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


AUDIT = _audit()
HASH = "--hash=sha256:" + "0" * 64


@pytest.mark.parametrize("file", ["requirements.txt", "infra/requirements.txt"])
def test_what_is_installed_is_pinned(file: str) -> None:
    """Every package of a compiled file is one version with its hashes, and no address or path of a machine is left."""
    text = (ROOT / file).read_text(encoding="utf-8")
    assert list(AUDIT.loose(text)) == []
    assert not re.search(r"https?:|file:|--index|--find-links|--trusted", text)


@pytest.mark.parametrize(
    "line",
    [
        "requests",
        "requests>=2",
        "requests==2.32.0",
        f"requests>=2.32.0 {HASH}",
        "requests==2.32.0 --hash=md5:00",
        f"requests==2.32.0 {HASH} --hash=sha1:00",
        f"./local {HASH}",
        f"-e . {HASH}",
    ],
)
def test_what_is_not_pinned_is_seen(line: str) -> None:
    """A range, a missing or weak hash, a path: each is reported."""
    assert list(AUDIT.loose(f"# comment\nfine==1.0 \\\n    {HASH}\n    # via x\n{line}\n")) == [line]


@pytest.mark.parametrize(
    ("report", "ci", "code", "said"),
    [
        ('{"dependencies": [{"name": "a", "version": "1", "vulns": []}]}', "", 0, "none is known vulnerable"),
        ('{"dependencies": [{"name": "a", "skip_reason": "no"}]}', "", 0, "NOT AUDITED"),
        ('{"dependencies": [{"name": "a", "skip_reason": "no"}]}', "true", 1, "NOT AUDITED"),
        ("", "", 0, "NOT AUDITED"),
        (
            '{"dependencies": [{"name": "a", "version": "1", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2"]}]}]}',
            "",
            1,
            "VULNERABLE: a 1: PYSEC-1",
        ),
    ],
)
def test_the_audits_verdict(
    report: str,
    ci: str,
    code: int,
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A known vulnerability fails; an unreachable database is said loudly, and fails where it must be reachable."""
    tool = tmp_path / "pip-audit"
    tool.write_text(f"#!/bin/sh\ncat <<'END'\n{report}\nEND\n", encoding="utf-8")
    tool.chmod(0o755)
    lock = tmp_path / "requirements.txt"
    lock.write_text(f"a==1 {HASH}\n", encoding="utf-8")
    monkeypatch.setenv("CI", ci)
    assert AUDIT.main(str(tool), str(lock)) == code
    shown = capsys.readouterr()
    assert said in shown.out + shown.err


# ---- the pipeline


def test_actions_are_pinned() -> None:
    """Each action is pinned to a major version or a commit, and each is one of a publisher we know."""
    used = re.findall(r"uses: (\S+)", WORKFLOW)
    assert used
    for action in used:
        assert re.fullmatch(r"(actions|Azure|azure)/[\w-]+@(v\d+|[0-9a-f]{40})", action), action


def test_the_pipeline_may_do_little_and_holds_no_secret() -> None:
    """It reads the repository only; the deploying job alone may ask for an identity token; no secret is stored."""
    assert re.search(r"^permissions:\n  contents: read$", WORKFLOW, re.MULTILINE)
    assert WORKFLOW.count("id-token: write") == 1
    assert WORKFLOW.index("  deploy:") < WORKFLOW.index("id-token: write")
    assert "secrets." not in WORKFLOW
    assert "--federated-credential-provider github" in WORKFLOW
    assert WORKFLOW.count("actions/checkout") == WORKFLOW.count("persist-credentials: false")
    assert WORKFLOW.count("write") == 1


def test_the_pipeline_tests_compiles_and_deploys() -> None:
    """Tests, the audit and the real Bicep compiler come before the deployment, which only main reaches."""
    for command in ("make test", "make test-slow", "make audit", "make bicep"):
        assert f"run: {command}\n" in WORKFLOW
    assert 'BICEP_REQUIRED: "1"' in WORKFLOW.split("  bicep:")[1].split("  deploy:")[0]
    deploy = WORKFLOW.split("  deploy:")[1]
    assert "needs: [test, bicep]" in deploy
    assert "github.ref == 'refs/heads/main'" in deploy
    assert "environment: production" in deploy
    # azd runs the hooks, and they ask az, which needs a sign-in of its own.
    assert deploy.index("azure/login@") < deploy.index("azd provision --no-prompt")
    assert deploy.index("azd provision --no-prompt") < deploy.index("azd deploy --no-prompt")
    assert "--no-hooks" not in deploy
    assert "pull_request_target" not in WORKFLOW


def test_no_expression_is_pasted_into_a_script() -> None:
    """What GitHub fills in never becomes part of a shell command: it goes through the environment."""
    for step in re.findall(r"run: (?:>-|\|)?\s*\n?(.*(?:\n {10,}.*)*)", WORKFLOW):
        assert "${{" not in step


def test_dependabot_sees_every_lock() -> None:
    """Each folder with a compiled requirements file, the npm lock and the actions are watched."""
    text = (ROOT / ".github/dependabot.yml").read_text(encoding="utf-8")
    folders = {"/" + ("" if file.parent == ROOT else str(file.parent.relative_to(ROOT))) for file in _locks()}
    listed = re.search(r"package-ecosystem: pip\n\s+directories: \[([^\]]+)\]", text)
    assert listed
    assert set(re.findall(r'"([^"]+)"', listed[1])) == folders
    assert re.search(r"package-ecosystem: npm\n\s+directory: /tests/npm\n", text)
    assert "package-ecosystem: github-actions" in text


def _locks() -> list[Path]:
    tracked = subprocess.run(["git", "ls-files", "*requirements*.txt"], cwd=ROOT, capture_output=True, text=True)
    if tracked.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in tracked.stdout.split()]


def test_the_parser_reads_what_the_linter_reads() -> None:
    """Every Bicep file has something in it: resources or modules, and every module that is named exists."""
    for file in every_file():
        assert declarations(file, "resource", "module"), file.name
        assert parameters(file)
        for module in declarations(file, "module").values():
            assert module_file(file, module).exists()
