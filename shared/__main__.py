"""`python -m shared`: the shell. Nothing but the standard library is needed to get this far."""

import os
import signal
import sys


def _at_once(*_: object) -> None:
    """Ctrl-C while the modules are still loading: nothing has begun, and a second one finds nothing to disturb."""
    os.write(2, b"interrupted\n")
    os._exit(130)


def _run() -> None:
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # in the background of a shell nothing is to end it
        signal.signal(signal.SIGINT, _at_once)
    try:
        from shared.cli.commands import main

        main()
    except ModuleNotFoundError as missing:
        package = (missing.name or "").partition(".")[0]
        if package in ("", "shared") or package in sys.stdlib_module_names:
            raise
        where = "run .venv/bin/python -m shared …; make sweep makes .venv"
        sys.stderr.write(f"The packages are not here ({package}): {where}\n")
        sys.exit(1)


if __name__ == "__main__":
    _run()
