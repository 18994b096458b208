"""The deployed function, as the Functions library has it. An app can be asked for its functions once in a process."""

from functools import cache
from typing import Any


@cache
def function() -> Any:
    """The one function of function_app.py."""
    import function_app  # not before the environment is as the caller wants it

    (found,) = function_app.app.get_functions()
    return found
