"""`python -m shared`: the shell."""

from shared.cli import main

if __name__ == "__main__":
    main()
