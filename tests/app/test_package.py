"""The deployment package: what is in it, and that the app runs from it alone, as the platform runs it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tests.cloud import Cloud
from tests.cloud.mail import sample
from tests.test_requirements import interpreter

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The files that .funcignore lets into the package. git reads its patterns: they are those of a .gitignore."""
    empty = tmp_path_factory.mktemp("git")
    subprocess.run(["git", "init", "--quiet", str(empty)], check=True)
    git = ["git", f"--git-dir={empty}/.git", f"--work-tree={ROOT}"]
    command = [*git, "ls-files", "-z", "--others", f"--exclude-from={ROOT}/.funcignore"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return sorted(name for name in listed.split("\0") if name)


def test_the_package_holds_the_app_and_nothing_else(package: list[str]) -> None:
    """Only the function, the host's settings, the pinned requirements and the rooms of `shared` are deployed."""
    outside = [
        name for name in package if not re.fullmatch(r"shared/[\w/]+\.(py|kql|html|css|js)|shared/py\.typed", name)
    ]
    assert outside == [".funcignore", "function_app.py", "host.json", "requirements.txt", "workspaces.json"]


def test_the_package_holds_all_of_the_app(package: list[str]) -> None:
    """Whatever the repository keeps under `shared` is deployed, the queries too."""
    kept = subprocess.run(["git", "ls-files", "shared"], cwd=ROOT, capture_output=True, text=True)
    if kept.returncode:
        pytest.skip("not a git checkout")
    there = {name for name in kept.stdout.split() if (ROOT / name).exists()}
    assert there <= set(package)
    assert {"shared/app.py", "shared/hunt/hunt.kql"} <= there


def test_nothing_of_this_machine_is_packaged(package: list[str]) -> None:
    """No local settings, ledger, environment, cache or hidden file travels, whatever lies in the folder."""
    assert not [
        name for name in package if re.search(r"local\.settings|\.venv|\.sweep|__pycache__|\.db$|(^|/)\.(?!func)", name)
    ]


@pytest.fixture(scope="module")
def unpacked(package: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package, zipped and unpacked alone in an empty folder."""
    folder = tmp_path_factory.mktemp("app")
    archive = tmp_path_factory.mktemp("zip") / "app.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        for name in package:
            file.write(ROOT / name, name)
    with zipfile.ZipFile(archive) as file:
        file.extractall(folder)
    return folder


@pytest.fixture(scope="module")
def python(unpacked: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Python 3.13 with the package's own requirements and, as the platform adds it, the worker library alone."""
    found = interpreter("3.13")
    if found is None:
        pytest.skip("*** NO PYTHON 3.13 HERE: the package was not tried as the platform runs it ***")
    home = tmp_path_factory.mktemp("python")
    subprocess.run([found, "-m", "venv", str(home)], check=True)
    own = home / "bin/python"
    pip = [str(own), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    dev = _blocks((ROOT / "requirements-dev.txt").read_text(encoding="utf-8"))
    extra = [dev["azure-functions-runtime"], dev["azurefunctions-extensions-base"]]
    lock = home / "worker.txt"
    lock.write_text("\n".join(extra), encoding="utf-8")
    subprocess.run([*pip, "-r", str(unpacked / "requirements.txt")], check=True, capture_output=True)
    subprocess.run([*pip, "--no-deps", "-r", str(lock)], check=True, capture_output=True)
    return own


def _blocks(lock: str) -> dict[str, str]:
    """The requirements of a compiled file, by package."""
    blocks = re.split(r"^(?=[a-z0-9])", lock, flags=re.MULTILINE)[1:]
    return {re.split(r"==|\[", block)[0]: block for block in blocks}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_package_alone_sweeps(unpacked: Path, python: Path, tmp_path: Path) -> None:
    """The worker library indexes the unpacked package, and its timer raises, tells and says so."""
    with Cloud() as cloud:
        cloud.load("EmailEvents", sample(cloud.clock()).events)
        environment = {
            **cloud.environment,
            "LEDGER_URL": f"sqlite:///{tmp_path}/ledger.db",
            "PATH": os.environ["PATH"],
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        command = [str(python), "-W", "error", str(ROOT / "tests/worker/invoke.py"), str(unpacked), "1"]
        ran = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert ran.returncode == 0, ran.stderr
        found: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
        assert [function["name"] for function in found["functions"]] == ["sweep"]
        assert [each["status"] for each in found["invocations"]] == [1], found["invocations"]
        (said,) = (line["message"] for line in found["logs"] if line["message"].startswith("sweep_"))
        receipt = json.loads(said.removeprefix("sweep_completed "))
        assert receipt["verdict"] == "flagged"
        assert receipt["created"] == len(cloud.incidents) > 0
        assert len(cloud.cards) == 1
        assert str(ROOT) not in ran.stdout.replace(str(ROOT / "tests/worker/invoke.py"), "")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_package_alone_answers_the_shell(unpacked: Path, python: Path) -> None:
    """The shell works from the package alone, too: without settings it lists every mistake and ends with 2."""
    bare = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"}
    ran = subprocess.run([str(python), "-m", "shared", "sweep"], cwd=unpacked, env=bare, capture_output=True, text=True)
    assert ran.returncode == 2, ran.stderr
    assert "SENTINEL_WORKSPACE_ID" in ran.stderr


def _built_here(unpacked: Path, folder: Path, version: str) -> Path:
    """The package that docs/deploy.md says to build, for a Python of that version, unpacked alone in a folder."""
    text = (ROOT / "docs/deploy.md").read_text(encoding="utf-8").split("**Build the package here**")[1]
    (block,) = re.findall(r"```sh\n(.+?)```", text, re.DOTALL)[:1]
    copy, install, pack, send, prove = block.strip().splitlines()
    assert send.startswith("az functionapp deployment source config-zip ")
    assert prove == "azd hooks run postdeploy"
    source = folder / f"Quelle {version} ü"
    shutil.copytree(unpacked, source)
    search = f"{ROOT / '.venv/bin'}:{os.environ['PATH']}"
    for command in (copy, install.replace("3.13", version), pack):
        ran = subprocess.run(["sh", "-c", command], cwd=source, env={**os.environ, "PATH": search}, capture_output=True)
        assert ran.returncode == 0, ran.stderr.decode()
    app = folder / f"app {version}"
    with zipfile.ZipFile(source / ".azure/package.zip") as archive:
        archive.extractall(app)
    return app


def _worker(app: Path, environment: dict[str, str], times: str) -> dict[str, Any]:
    """What the Functions worker library makes of an app that brings its packages along."""
    python = ROOT / ".venv-worker/bin/python"
    if not python.exists():
        pytest.skip("*** NO PYTHON 3.13 HERE: the package was not tried in the Functions worker library ***")
    packages = app / ".python_packages/lib/site-packages"
    given = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(packages), **environment}
    command = [str(python), str(ROOT / "tests/worker/invoke.py"), str(app), times]
    ran = subprocess.run(command, cwd=app.parent, env=given, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    found: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return found


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_package_that_is_built_here_sweeps(unpacked: Path, tmp_path: Path) -> None:
    """Built with whatever Python runs these tests, as the docs say, the package sweeps under the platform's Python."""
    app = _built_here(unpacked, tmp_path, "3.13")
    with Cloud() as cloud:
        cloud.load("EmailEvents", sample(cloud.clock()).events)
        found = _worker(app, {**cloud.environment, "LEDGER_URL": f"sqlite:///{tmp_path}/ledger.db"}, "1")
        assert [function["name"] for function in found["functions"]] == ["sweep"], found["init"]
        assert [each["status"] for each in found["invocations"]] == [1], found["invocations"]
        assert len(cloud.incidents) > 0
    assert sum(line["message"].startswith("packages_fit ") for line in found["logs"]) == 1


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_package_for_another_python_is_not_listed(unpacked: Path, tmp_path: Path) -> None:
    """With packages that were installed for Python 3.11 the app lists nothing and names those that do not load."""
    found = _worker(_built_here(unpacked, tmp_path, "3.11"), {}, "0")
    assert found["functions"] == []
    assert found["init"]["status"] == 0
    (said,) = (line["message"] for line in found["logs"] if line["message"].startswith("packages_unfit "))
    unfit = json.loads(said.partition(" ")[2])["packages"]
    assert any(text.startswith("pydantic-core is built for cp311-cp311-") for text in unfit)
    assert not any("missing" in text for text in unfit)
