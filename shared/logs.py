"""What may reach a log: the sweep's own events, and warnings and errors of the libraries.

The host sets the root logger's level, perhaps to DEBUG. Below ERROR urllib3 logs request paths, and the path of the
webhook is a secret. A level set here applies whatever the root's level is.
"""

import logging

LEVELS = {
    "sweep": logging.INFO,
    "azure": logging.WARNING,
    "azure.identity": logging.ERROR,  # it warns about each attempt; the sweep itself logs once why there is no sign-in
    "msal": logging.WARNING,
    "requests": logging.WARNING,
    "urllib3": logging.ERROR,
}


def quiet() -> None:
    """Set the levels. `azure.functions` is the worker's own logger and keeps the host's."""
    for name, level in LEVELS.items():
        logging.getLogger(name).setLevel(level)
