"""`python -m tests.tryout`: what `make sweep` runs."""

import os
import signal
import sys


def _stop(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt


# A terminal that is closed, or a kill, ends it as Ctrl-C does: what it has written into temporary folders is removed.
for ending in (signal.SIGTERM, signal.SIGHUP):
    signal.signal(ending, _stop)
try:
    # Slow to import: Ctrl-C may come meanwhile.
    from tests.tryout.run import main
    from tests.tryout.screen import console

    code = main(dict(os.environ), console())
except KeyboardInterrupt:
    sys.stderr.write("\nStopped; nothing is left running.\n")
    code = 130
sys.exit(code)
