"""Run the benchmarks, or those that are named: `python -m tests.bench [NAME …]`."""

import pkgutil
import subprocess
import sys

import tests.bench


def main(named: list[str]) -> int:
    """One after the other. 1 when any of them failed."""
    names = named or sorted(module.name for module in pkgutil.iter_modules(tests.bench.__path__))
    failed = 0
    for name in names:
        if not name.startswith("_"):
            print(f"== {name}", flush=True)
            failed |= subprocess.run([sys.executable, "-m", f"tests.bench.{name}"]).returncode
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
