"""`python -m shared`: the shell. Needs only the standard library up to this point."""

import os
import signal
import sys


def _at_once(*_: object) -> None:
    """Ctrl-C while the modules are still loading: nothing has begun yet."""
    os.write(2, b"interrupted\n")
    os._exit(130)


def _run() -> None:
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # a shell's background job ignores Ctrl-C
        signal.signal(signal.SIGINT, _at_once)
    try:
        from shared.cli.commands import main

        main()
    except ModuleNotFoundError as missing:
        package = (missing.name or "").partition(".")[0]
        if package in ("", "shared") or package in sys.stdlib_module_names:
            raise
        where = "run .venv/bin/python -m shared …; make sweep makes .venv"
        sys.stderr.write(f"The package {package} is not installed: {where}\n")
        sys.exit(1)


if __name__ == "__main__":
    _run()
