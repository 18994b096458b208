"""How many examples a property test tries: few in the fast suite, all of them in `make test-slow`."""

from __future__ import annotations

import os


def examples_of(full: int) -> int:
    """An eighth of `full`, five at least; all of it where EXAMPLES is `all`.

    For tests whose examples take long, each marked `examples`; what they must not miss stands in an `@example`.
    """
    return full if os.environ.get("EXAMPLES") == "all" else max(5, full // 8)
