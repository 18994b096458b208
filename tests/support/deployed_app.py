"""An app's folder as it is deployed: the function, its package and the files that the host reads."""

from __future__ import annotations

import compileall
import shutil
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
_FILES = ("function_app.py", "host.json", "requirements.txt")


def deployed_app(folder: Path, workspaces: str = "") -> Path:
    """A copy in this folder, which is made; `workspaces` is the text of its workspaces.json ("": the one shipped)."""
    folder.mkdir(parents=True)
    for name in (*_FILES, *(("workspaces.json",) if not workspaces else ())):
        if (_ROOT / name).exists():
            shutil.copy(_ROOT / name, folder)
    shutil.copytree(_ROOT / "shared", folder / "shared", ignore=shutil.ignore_patterns("__pycache__"))
    if workspaces:
        (folder / "workspaces.json").write_text(workspaces, encoding="utf-8")
    compileall.compile_dir(str(folder), quiet=1)
    return folder
