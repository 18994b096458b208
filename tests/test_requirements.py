"""What is installed: pinned, hashed, compiled from pyproject.toml, fit for Python 3.11 to 3.13."""

import ast
import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from importlib.metadata import distributions, packages_distributions, requires
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
APART = ("infra/requirements.txt", "tests/mutants/requirements.txt")
"""The lock files of environments of their own: nothing that is deployed is in them."""
LOCKS = ("requirements.txt", "requirements-tryout.txt", "requirements-dev.txt", "requirements-plot.txt", *APART)
PYTHONS = ("3.11", "3.12", "3.13")
INSTALLED = {canonicalize_name(each.name) for each in distributions()}


def pinned(lock: str) -> list[Requirement]:
    """The requirements of a compiled file."""
    text = (ROOT / lock).read_text(encoding="utf-8")
    return [Requirement(line.rstrip(" \\")) for line in text.splitlines() if re.match(r"[a-z0-9]", line)]


def versions(lock: str, python: str) -> dict[str, str]:
    """The pinned version of each package on Linux and that Python."""
    here = {**default_environment(), "python_version": python, "python_full_version": f"{python}.0"}
    environment = {name: str(value) for name, value in here.items()}
    return {
        canonicalize_name(need.name): next(iter(need.specifier)).version
        for need in pinned(lock)
        if need.marker is None or need.marker.evaluate(environment)
    }


def direct(lock: str) -> list[str]:
    """What pyproject.toml asks of that file."""
    groups = PROJECT["dependency-groups"]
    wanted = {
        "requirements-tryout.txt": groups["tryout"],
        "requirements-dev.txt": [*groups["tryout"], *(need for need in groups["dev"] if isinstance(need, str))],
        "requirements-plot.txt": PROJECT["project"]["optional-dependencies"]["plot"],
        "infra/requirements.txt": groups["infra"],
        "tests/mutants/requirements.txt": groups["mutants"],
    }
    deployed = [] if lock in APART else PROJECT["project"]["dependencies"]
    return [*deployed, *wanted.get(lock, [])]


@pytest.mark.parametrize("lock", LOCKS)
def test_everything_is_pinned_by_hash(lock: str) -> None:
    """Each requirement is one exact version with its hashes, and no address or path of a machine is left."""
    text = (ROOT / lock).read_text(encoding="utf-8")
    blocks = re.split(r"\n(?=[a-z0-9])", text)[1:]
    assert len(blocks) == len(pinned(lock)) > 5
    assert all(re.match(r"[a-z0-9.\[\]-]+==\S+ ", block) and "--hash=sha256:" in block for block in blocks)
    assert not re.search(r"https?:|file:|--index|--find-links|--trusted|^/|\s/(?!\n)", text)


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("lock", LOCKS)
def test_what_the_project_asks_for_is_there(lock: str, python: str) -> None:
    """On every Python each direct dependency is pinned, within the range that pyproject.toml allows."""
    found = versions(lock, python)
    assert direct(lock)
    for need in map(Requirement, direct(lock)):
        if need.marker is None or need.marker.evaluate({"python_version": python}):
            assert need.specifier.contains(found[canonicalize_name(need.name)]), need


@pytest.mark.parametrize("lock", LOCKS)
def test_pins_keep_their_extras(lock: str) -> None:
    """Whatever a package asks of another with an extra is pinned with that extra.

    A pin without it holds only while it is the newest release: pip before 23.3 then looks for a newer one, finds that
    it has no hash, and refuses the whole file.
    """
    extras = {canonicalize_name(need.name): need.extras for need in pinned(lock)}
    asked = 0
    for name, own in extras.items():
        for need in map(Requirement, (requires(name) if name in INSTALLED else None) or ()):
            wanted = canonicalize_name(need.name)
            active = need.marker is None or any(need.marker.evaluate({"extra": extra}) for extra in (own or {""}))
            if need.extras and active and wanted in extras:
                asked += 1
                assert need.extras <= extras[wanted], f"{name} asks for {need}"
    assert asked or lock in APART  # what checkov and mutmut need is not installed beside the tests


def test_the_version_is_stated_once() -> None:
    """The version is in shared/__init__.py alone; receipts carry it, and the changelog tells what is in it."""
    import shared

    assert PROJECT["project"]["dynamic"] == ["version"]
    assert "version" not in PROJECT["project"]
    assert PROJECT["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "shared.__version__"}
    told = re.findall(r"^## \[(\d+\.\d+\.\d+)\] - \d{4}-\d\d-\d\d$", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.M)
    assert told
    assert told[0] == shared.__version__


@pytest.mark.parametrize(("python", "major"), [("3.11", "1"), ("3.12", "1"), ("3.13", "2")])
def test_azure_functions_fits_the_python(python: str, major: str) -> None:
    """azure-functions is 1.x below Python 3.13 and 2.x from there: each is published for these only."""
    assert versions("requirements.txt", python)["azure-functions"].split(".")[0] == major


@pytest.mark.parametrize("python", PYTHONS)
def test_what_is_tested_is_what_is_deployed(python: str) -> None:
    """The tests run with the very versions that are deployed, and that pictures are drawn with."""
    deployed, tryout, dev, plot = (versions(lock, python) for lock in LOCKS[:4])
    assert deployed.items() < tryout.items() < dev.items()
    assert deployed.items() < plot.items() < dev.items()
    assert plot.keys() - deployed.keys() == {"pillow"}


@pytest.mark.parametrize("python", PYTHONS)
def test_mutants_meet_the_versions_that_are_tested(python: str) -> None:
    """Installed over the tests' environment, what mutmut needs changes no version there."""
    dev, added = versions("requirements-dev.txt", python), versions("tests/mutants/requirements.txt", python)
    assert {name: dev[name] for name in added.keys() & dev.keys()} == {
        name: added[name] for name in added.keys() & dev.keys()
    }
    assert "mutmut" in added.keys() - dev.keys()


@pytest.mark.parametrize("python", PYTHONS)
def test_a_try_out_needs_no_test_tools(python: str) -> None:
    """`make sweep` installs what is deployed, the small Azure's engine and certificate, and the installer."""
    added = versions("requirements-tryout.txt", python).keys() - versions("requirements.txt", python).keys()
    assert added - {"colorama"} == {"chdb-core", "trustme", "uv"}


def test_nothing_beyond_requirements() -> None:
    """Whatever the project imports is of the standard library or of a package in requirements.txt; but for pictures."""
    deployed = set(versions("requirements.txt", "3.11"))
    owned = packages_distributions()
    for path in (ROOT / "function_app.py", *(ROOT / "shared").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module] if isinstance(node, ast.ImportFrom) and node.module else []
            for top in {name.split(".")[0] for name in names} - set(sys.stdlib_module_names) - {"shared"}:
                if (path.name, top) == ("tune_plot.py", "PIL"):
                    continue  # it says what to install when it is not there
                owners = {canonicalize_name(owner) for owner in owned[top]}
                assert owners & deployed, f"{path.name} imports {top}"


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("lock", LOCKS)
def test_compiled_anew_nothing_changes(lock: str, tmp_path: Path) -> None:
    """Compiling pyproject.toml again, with the versions that are pinned, gives the same file."""
    made = tmp_path / "requirements.txt"
    made.write_bytes((ROOT / lock).read_bytes())
    printed = subprocess.run(["make", "-n", "lock"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    (line,) = (line for line in printed.splitlines() if line.endswith(f" -o {lock}"))
    command = [*shlex.split(line)[:-1], str(made)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    old, new = ((path / name).read_text("utf-8") for path, name in ((ROOT, lock), (tmp_path, "requirements.txt")))
    # Later uploads of a pinned version (wheels for another platform) may add hashes; nothing else may change.
    assert [line for line in new.splitlines() if "--hash" not in line] == [
        line for line in old.splitlines() if "--hash" not in line
    ]


def interpreter(version: str) -> str | None:
    """A Python of that version on this machine, pyenv's too."""
    kept = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for candidate in (shutil.which(f"python{version}"), *sorted(kept.glob(f"{version}.*/bin/python"))):
        if (
            candidate
            and not subprocess.run([candidate, "-c", "import ensurepip, venv"], capture_output=True).returncode
        ):
            return str(candidate)
    return None


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("version", PYTHONS)
def test_it_installs_and_imports(version: str, tmp_path: Path) -> None:
    """requirements.txt installs on each Python, and with nothing else the app is indexed and the shell answers."""
    python = interpreter(version)
    if python is None:
        pytest.skip(f"no Python {version} on this machine")
    subprocess.run([python, "-m", "venv", str(tmp_path / "venv")], check=True)
    own = str(tmp_path / "venv/bin/python")
    pip = [own, "-m", "pip", "--disable-pip-version-check"]
    install = [*pip, "install", "--quiet", "--require-hashes", "-r", str(ROOT / "requirements.txt")]
    assert subprocess.run(install, capture_output=True, text=True).returncode == 0
    assert subprocess.run([*pip, "check"], capture_output=True).returncode == 0
    index = "import function_app; print([f.get_function_name() for f in function_app.app.get_functions()])"
    ran = subprocess.run([own, "-c", index], cwd=ROOT, capture_output=True, text=True)
    assert ran.stdout.strip() == "['sweep']", ran.stderr
    bare = {"PATH": os.environ["PATH"]}
    ran = subprocess.run([own, "-m", "shared", "sweep"], cwd=ROOT, env=bare, capture_output=True, text=True)
    assert ran.returncode == 2, ran.stderr
