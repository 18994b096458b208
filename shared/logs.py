"""What may reach a log: the sweep's own events, and of the libraries only what is wrong.

The host sets the root logger's level (to DEBUG, when asked to). Below ERROR urllib3 logs request paths, and the path of
the webhook is a secret; a level set here holds whatever the root's is.
"""

import logging

LEVELS = {
    "sweep": logging.INFO,
    "azure": logging.WARNING,
    "azure.identity": logging.ERROR,  # it warns of each attempt; why nobody is signed in is said once, by us
    "msal": logging.WARNING,
    "requests": logging.WARNING,
    "urllib3": logging.ERROR,
}


def quiet() -> None:
    """Set the levels. `azure.functions` is the worker's own logger and keeps the host's."""
    for name, level in LEVELS.items():
        logging.getLogger(name).setLevel(level)
