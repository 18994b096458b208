"""An app whose packages are missing or built for another Python says so at its start, without importing any."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.tags import sys_tags
from packaging.utils import canonicalize_name

from shared.deployed_packages import PackagesUnfit, fits, installed, misfits, pinned, require

ROOT = Path(__file__).resolve().parents[2]
MINOR = sys.version_info.minor
LOCK = (ROOT / "requirements.txt").read_text(encoding="utf-8")
EVERYWHERE = [name for name, everywhere in pinned(LOCK).items() if everywhere]


def _described(folder: Path, name: str, *tags: str) -> None:
    """Lay a package's description into a folder as an installer does; without tags it does not say what it is for."""
    about = folder / f"{name}-1.0.dist-info"
    about.mkdir(parents=True)
    if tags:
        lines = "".join(f"Tag: {tag}\n" for tag in tags)
        (about / "WHEEL").write_text(f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\n{lines}", encoding="utf-8")


def test_what_an_installer_would_take_fits() -> None:
    """Each tag that the packaging library gives for this Python is one that fits."""
    assert not [str(tag) for tag in sys_tags() if not fits(str(tag))]


@pytest.mark.parametrize(
    "tag",
    [
        f"cp3{MINOR - 1}-cp3{MINOR - 1}-manylinux2014_x86_64",
        f"cp3{MINOR + 1}-cp3{MINOR + 1}-manylinux2014_x86_64",
        f"cp3{MINOR + 1}-abi3-manylinux2014_x86_64",
        f"cp3{MINOR}-cp3{MINOR}t-manylinux2014_x86_64",
        f"cp3{MINOR}-cp3{MINOR}-manylinux2014_riscv64",
        f"cp3{MINOR}-cp3{MINOR}-macosx_11_0_arm64",
        f"cp3{MINOR}-cp3{MINOR}-win_amd64",
        "pp310-pypy310_pp73-manylinux2014_x86_64",
        "py2-none-any",
        "nonsense",
    ],
)
@pytest.mark.skipif(sys.platform != "linux", reason="the tags are those of a Linux")
def test_what_an_installer_would_not_take_does_not_fit(tag: str) -> None:
    """A package for another Python, another build of Python, another machine or another system does not fit."""
    assert tag not in {str(known) for known in sys_tags()}
    assert not fits(tag)


def test_what_is_wrong_is_named(tmp_path: Path) -> None:
    """A missing package and one for another Python are named; one of several tags is enough; no tag is no mistake."""
    other = f"cp3{MINOR - 1}-cp3{MINOR - 1}-manylinux2014_x86_64"
    _described(tmp_path, "pydantic_core", other)
    _described(tmp_path, "cffi", other)
    _described(tmp_path, "Zope.Interface", other, "py2.py3-none-any")
    _described(tmp_path, "requests")
    lock = "pydantic-core==1 \\\n    --hash=sha256:0\nrequests==2\nmsal[broker]==3\nzope.interface==1\n"
    lock += "cffi==1 ; os_name != 'x'\nx==1;y\n"
    assert misfits(pinned(lock), installed([str(tmp_path)])) == [
        f"pydantic-core is built for {other}",
        "msal is missing",
        f"cffi is built for {other}",
    ]


def test_what_is_left_of_an_older_version_is_no_harm(tmp_path: Path) -> None:
    """Installing over an older version leaves its description behind: one that fits is enough."""
    _described(tmp_path, "msal", "py3-none-any")
    (tmp_path / "msal-1.0.dist-info").rename(tmp_path / "msal-9.0.dist-info")
    _described(tmp_path, "msal", "cp27-cp27m-win32")
    assert misfits({"msal": True}, installed([str(tmp_path)])) == []


@pytest.mark.skipif(sys.platform != "linux", reason="the tags are those of a Linux")
def test_musl_is_another_system() -> None:
    """A package built for musl does not load here, where the C library is glibc."""
    assert fits(f"cp3{MINOR}-cp3{MINOR}-manylinux_2_17_x86_64") is (os.uname().machine == "x86_64")
    assert not fits(f"cp3{MINOR}-cp3{MINOR}-musllinux_1_2_{os.uname().machine}")


@pytest.mark.parametrize("wrong", ["binary", "utf-16", "folder", "absent"])
def test_what_cannot_be_read_hides_no_function(wrong: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Requirements or descriptions that cannot be read say nothing, and an app is not refused for that."""
    file = tmp_path / "requirements.txt"
    if wrong == "folder":
        file.mkdir()
    elif wrong != "absent":
        file.write_bytes(b"\xff\xfe\x00msal==1" if wrong == "binary" else "msal==1\n".encode("utf-16"))
    caplog.set_level(logging.INFO, "sweep")
    require(file, [])
    assert caplog.records[0].getMessage().startswith("packages_fit ")
    _described(tmp_path, "msal", "py3-none-any")
    (tmp_path / "msal-1.0.dist-info/WHEEL").write_bytes(b"\xff\xfe\x81")
    assert misfits({"msal": True}, installed([str(tmp_path)])) == []


def test_an_odd_path_is_no_harm(tmp_path: Path) -> None:
    """Whatever stands on the path, the packages of its folders are found."""
    _described(tmp_path, "msal", "py3-none-any")
    (tmp_path / "app.zip").write_bytes(b"PK")
    odd = ["x" * 5000, b"bytes", None, "null\0byte", str(tmp_path / "app.zip"), str(tmp_path / "nowhere"), "", tmp_path]
    assert misfits({"msal": True}, installed(odd)) == []


def test_the_first_on_the_path_counts(tmp_path: Path) -> None:
    """Of two copies of a package the one that would be imported is looked at."""
    _described(tmp_path / "first", "msal", "cp27-cp27m-win32")
    _described(tmp_path / "second", "msal", "py3-none-any")
    folders = [str(tmp_path / name) for name in ("nowhere", "first", "second")]
    assert misfits({"msal": True}, installed(folders)) == ["msal is built for cp27-cp27m-win32"]
    assert misfits({"msal": True}, installed(reversed(folders))) == []


def test_it_is_said_and_raised(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Without its packages the start fails, with a line that names each and an exception that says what to do."""
    with pytest.raises(PackagesUnfit, match=r"no sweep can run .* docs/deploy.md, \"When the proof fails\""):
        require(ROOT / "requirements.txt", [str(tmp_path)])
    (said,) = [record.getMessage() for record in caplog.records if record.name == "sweep"]
    assert json.loads(said.removeprefix("packages_unfit "))["packages"] == [f"{name} is missing" for name in EVERYWHERE]


def test_a_good_start_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """With its packages the start logs one line; a package without compiled requirements is not judged."""
    caplog.set_level(logging.INFO, "sweep")
    require(ROOT / "requirements.txt")
    require(tmp_path / "requirements.txt", [])
    assert [record.getMessage().partition(" ")[0] for record in caplog.records] == ["packages_fit"] * 2
    assert json.loads(caplog.records[0].getMessage().partition(" ")[2])["packages"] == len(pinned(LOCK))


def test_everything_a_sweep_imports_is_looked_at() -> None:
    """Each package that a sweep imports, directly or not, is in the requirements that are looked at."""
    code = (
        "import sys, function_app, shared.app, shared.settings, shared.query.advanced_hunting, shared.ledger.table,"
        " shared.teams.webhook, azure.identity; azure.identity.ManagedIdentityCredential();"
        " print(*{name.split('.')[0] for name in sys.modules})"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    owners = packages_distributions()
    used = {canonicalize_name(owner) for top in ran.stdout.split() for owner in owners.get(top, ()) if top != "azure"}
    assert used - {"setuptools"} <= set(pinned(LOCK))
    assert {"pydantic-core", "requests", "msal"} <= used
