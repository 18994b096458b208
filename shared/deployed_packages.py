"""Whether the packages that were deployed are all there, and are ones that this Python can load.

A remote build with another Python leaves compiled packages that the app cannot import. Such an app would list its
function and fail in every sweep. So this is looked at when the app starts, and an app that cannot sweep lists none.
Nothing is imported for it: each package's `WHEEL` file says what it was built for.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

_PIN = re.compile(r"([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?==[^\s;]+\s*(;?)", re.ASCII)
_VERSION = re.compile(r"(py|cp)3(\d*)", re.ASCII)
_SYSTEMS = {"linux": ("manylinux", "linux", "musllinux"), "darwin": ("macosx",), "win32": ("win",)}


class PackagesUnfit(RuntimeError):
    """Packages that a sweep needs are missing, or are built for another Python or machine."""


def require(requirements: Path, path: Sequence[str] | None = None) -> None:
    """Log that what the compiled requirements name is on the path (`sys.path`) and fits this Python.

    Raises:
        PackagesUnfit: something does not; it was logged as well.
    """
    log = logging.getLogger("sweep")
    here = "{}.{}.{}".format(*sys.version_info)
    wanted = pinned(requirements.read_text(encoding="utf-8")) if requirements.exists() else {}
    unfit = misfits(wanted, installed(sys.path if path is None else path))
    if unfit:
        log.error("packages_unfit %s", json.dumps({"python": here, "packages": unfit}))
        raise PackagesUnfit(
            f"packages_unfit: no sweep can run with Python {here}: {'; '.join(unfit)}."
            ' Deploy them for this Python: docs/deploy.md, "When the proof fails"'
        )
    log.info("packages_fit %s", json.dumps({"python": here, "packages": len(wanted)}))


def pinned(requirements: str) -> dict[str, bool]:
    """The packages that compiled requirements name, and whether everywhere: not so where a line has a condition."""
    found = (_PIN.match(line) for line in requirements.splitlines())
    return {_normal(match[1]): not match[2] for match in found if match}


def installed(path: Iterable[str]) -> dict[str, Path]:
    """Where each package's description is; the first on the path counts, as it does for an import."""
    found: dict[str, Path] = {}
    for folder in path:
        for about in sorted(Path(folder or ".").glob("*.dist-info")):
            found.setdefault(_normal(about.name.partition("-")[0]), about)
    return found


def misfits(wanted: Mapping[str, bool], found: Mapping[str, Path]) -> list[str]:
    """What is wrong with the wanted packages, a phrase each; what is not wanted everywhere may be missing."""
    wrong = []
    for name, everywhere in wanted.items():
        if name not in found:
            wrong += [f"{name} is missing"] if everywhere else []
        elif (tags := _tags(found[name])) and not any(fits(tag) for tag in tags):
            wrong.append(f"{name} is built for {tags[0]}")
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
    known = _SYSTEMS.get(sys.platform)
    if known is None:
        return True
    return platform.startswith(known) and (sys.platform != "linux" or platform.endswith(f"_{os.uname().machine}"))


def _tags(about: Path) -> list[str]:
    """What the package was built for, one tag a plain combination; empty when it does not say."""
    try:
        lines = (about / "WHEEL").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    said = [line.partition(":")[2].strip() for line in lines if line.startswith("Tag:")]
    return [
        f"{python}-{abi}-{platform}"
        for tag in said
        if len(parts := tag.split("-")) == 3
        for python in parts[0].split(".")
        for abi in parts[1].split(".")
        for platform in parts[2].split(".")
    ]


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
