"""`python -m shared`: the shell."""

import sys

if __name__ == "__main__":
    try:
        from shared.cli.commands import main

        main()
    except KeyboardInterrupt:  # while the modules are still loading
        sys.stderr.write("interrupted\n")
        sys.exit(130)
