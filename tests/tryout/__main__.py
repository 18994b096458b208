"""`python -m tests.tryout`: what `make sweep` runs; with `cloud` or `round`, what `make cloud` or `make round` runs."""

import atexit
import os
import shutil
import signal
import sys
import tempfile


def _stop(_signal: int, _frame: object) -> None:
    raise KeyboardInterrupt


# A terminal that is closed, or a kill, ends it as Ctrl-C does: what it has written into temporary folders is removed.
for ending in (signal.SIGTERM, signal.SIGHUP):
    signal.signal(ending, _stop)
# All that it writes beside `.sweep` is in one folder, which goes whatever happens: it holds somebody's mail.
tempfile.tempdir = os.environ["TMPDIR"] = tempfile.mkdtemp(prefix="tryout-")
atexit.register(shutil.rmtree, tempfile.tempdir, ignore_errors=True)
try:
    # Slow to import: Ctrl-C may come meanwhile.
    from tests.tryout.screen import console

    if sys.argv[1:] == ["cloud"]:
        from tests.tryout.running import keep_running

        code = keep_running(console())
    elif sys.argv[1:] == ["round"]:
        from tests.tryout.round import play_round

        code = play_round(console())
    else:
        from tests.tryout.run import main

        code = main(dict(os.environ), console())
except KeyboardInterrupt:
    sys.stderr.write("\nStopped; nothing is left running.\n")
    code = 130
sys.exit(code)
