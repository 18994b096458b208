"""`python -m tests.tryout`: what `make sweep` runs."""

import os
import sys

try:
    # Slow to import: Ctrl-C may come meanwhile.
    from tests.tryout.run import main
    from tests.tryout.screen import console

    code = main(dict(os.environ), console())
except KeyboardInterrupt:
    sys.stderr.write("\nStopped; nothing is left running.\n")
    code = 130
sys.exit(code)
