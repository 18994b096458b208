"""The refusals of a query, as the service words them."""

from __future__ import annotations


class KqlError(Exception):
    """The query is refused, as the service refuses one: `kind` is SyntaxError or SemanticError.

    `table` is the table that is missing, when it is that.
    """

    def __init__(self, kind: str, code: str, message: str, table: str = "") -> None:
        super().__init__(message)
        self.kind, self.code, self.message, self.table = kind, code, message, table


def syntax_error(message: str) -> KqlError:
    """The query cannot be parsed."""
    return KqlError("SyntaxError", "SYN0002", message)


def semantic_error(message: str, code: str = "SEM0100") -> KqlError:
    """The query names what is not there, or mixes types."""
    return KqlError("SemanticError", code, message)


def missing_table(name: str) -> KqlError:
    """There is no table of this name."""
    message = f"'{name}' could not be found: Failed to resolve table or column expression named '{name}'"
    return KqlError("SemanticError", "SEM0100", message, name)


def missing_column(name: str) -> KqlError:
    """There is no column or value of this name."""
    return semantic_error(f"Failed to resolve column or scalar expression named '{name}'")
