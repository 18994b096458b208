"""Checks that the deployed packages are complete and that this Python can load them.

A remote build with another Python leaves compiled packages that the app cannot import. Such an app would list its
function and fail in every sweep. So the check runs when the app starts, and an app that cannot sweep lists no function.
It imports nothing: the `WHEEL` file of each package says what it was built for.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import sysconfig
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

_PIN = re.compile(r"([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?==[^\s;]+\s*(;?)", re.ASCII)
_VERSION = re.compile(r"(py|cp)3(\d*)", re.ASCII)
_SYSTEMS = {"linux": ("manylinux", "linux", "musllinux"), "darwin": ("macosx",), "win32": ("win",)}


class PackagesUnfit(RuntimeError):
    """Packages that a sweep needs are missing, or are built for another Python or machine."""


def require(requirements: Path, path: Sequence[object] | None = None) -> None:
    """Log that all packages in the compiled requirements are on the path (`sys.path`) and fit this Python.

    When the requirements cannot be read, nothing is checked.

    Raises:
        PackagesUnfit: a package is missing or does not fit; this is logged as well.
    """
    log = logging.getLogger("sweep")
    here = "{}.{}.{}".format(*sys.version_info)
    wanted = pinned(_text(requirements))
    unfit = misfits(wanted, installed(sys.path if path is None else path))
    if unfit:
        log.error("packages_unfit %s", json.dumps({"python": here, "packages": unfit}))
        raise PackagesUnfit(
            f"packages_unfit: no sweep can run with Python {here}: {'; '.join(unfit)}."
            ' Deploy them for this Python: docs/deploy.md, "When the proof fails"'
        )
    log.info("packages_fit %s", json.dumps({"python": here, "packages": len(wanted)}))


def pinned(requirements: str) -> dict[str, bool]:
    """The packages in compiled requirements, and whether each is required everywhere: a line may have a condition."""
    found = (_PIN.match(line) for line in requirements.splitlines())
    return {_normal(match[1]): not match[2] for match in found if match}


def installed(path: Iterable[object]) -> dict[str, list[Path]]:
    """The metadata folders of each package. The first folder on the path that has it counts, as for an import.

    Installing over an older version can leave several metadata folders.
    """
    found: dict[str, list[Path]] = {}
    for folder in path:
        for name, about in _described(folder).items():
            found.setdefault(name, about)
    return found


def _described(folder: object) -> dict[str, list[Path]]:
    """The metadata folders in one folder of the path; none when it is not a folder or cannot be read."""
    here: dict[str, list[Path]] = {}
    try:
        for about in sorted(Path(str(folder) or ".").glob("*.dist-info")):
            here.setdefault(_normal(about.name.partition("-")[0]), []).append(about)
    except (OSError, ValueError):
        return {}
    return here


def misfits(wanted: Mapping[str, bool], found: Mapping[str, list[Path]]) -> list[str]:
    """What is wrong with the wanted packages, a phrase each. A package that is not required everywhere may be missing.

    A package whose metadata does not say what it was built for counts as fitting.
    """
    wrong = []
    for name, everywhere in wanted.items():
        if name not in found:
            wrong += [f"{name} is missing"] if everywhere else []
            continue
        built = [_tags(about) for about in found[name]]
        if all(tags and not any(fits(tag) for tag in tags) for tags in built):
            wrong.append(f"{name} is built for {built[0][0]}")
    return wrong


def fits(tag: str, minor: int = sys.version_info.minor) -> bool:
    """Whether this Python can load a package with a wheel's tag, such as `cp313-cp313-manylinux2014_x86_64`."""
    parts = tag.split("-")
    version = _VERSION.fullmatch(parts[0])
    if len(parts) != 3 or not version:
        return False
    _, abi, platform = parts
    built_for = int(version[2] or 0)
    free_threaded = "t" if "t" in getattr(sys, "abiflags", "") else ""  # Windows has none
    loads = built_for <= minor if abi in ("none", "abi3") else abi == f"cp3{minor}{free_threaded}"
    return loads and (platform == "any" or _on_this_machine(platform))


def _on_this_machine(platform: str) -> bool:
    system = str(sys.platform)
    known = _SYSTEMS.get(system)
    if known is None:
        return True
    if system == "linux":
        of_musl = platform.startswith("musllinux")
        own = str(sysconfig.get_config_var("SOABI") or "")
        if own and of_musl != ("musl" in own) and not platform.startswith("linux"):
            return False
        return platform.startswith(known) and platform.endswith(f"_{os.uname().machine}")
    return platform.startswith(known)


def _tags(about: Path) -> list[str]:
    """What the package was built for, as plain tags; empty when its metadata does not say."""
    written = [
        line.partition(":")[2].strip() for line in _text(about / "WHEEL").splitlines() if line.startswith("Tag:")
    ]
    return [
        f"{python}-{abi}-{platform}"
        for tag in written
        if len(parts := tag.split("-")) == 3
        for python in parts[0].split(".")
        for abi in parts[1].split(".")
        for platform in parts[2].split(".")
    ]


def _text(file: Path) -> str:
    """The content of a file; "" when it cannot be read. A read error must not hide the function of a healthy app."""
    try:
        return file.read_text(encoding="utf-8-sig", errors="replace")
    except (OSError, ValueError):
        return ""


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
