"""Finds the name that somebody meant: the known name that differs by a letter or two, if there is one.

Needs only the standard library: the deployment's hooks use this file before anything is installed.
"""

from __future__ import annotations

from collections.abc import Iterable


def nearest(name: str, known: Iterable[str], most: int = 2) -> str:
    """The nearest known name, at most `most` letters off; "" when there is none, or when the name itself is known.

    Words between underscores are compared one by one: AWS_ENDPOINT does not match ARM_ENDPOINT, nor GRAPHQL_ENDPOINT
    GRAPH_ENDPOINT, although they differ by two letters only. A missing or extra underscore does not count.
    """
    near = [(far, right) for right in known if (far := distance(name, right, most)) <= most and _alike(name, right)]
    far, right = min(near, default=(0, ""))
    return right if far else ""


def _alike(name: str, right: str) -> bool:
    words, others = name.split("_"), right.split("_")
    if len(words) != len(others):  # DRYRUN
        return distance(name.replace("_", ""), right.replace("_", ""), 1) <= 1
    return all(_same(word, other) for word, other in zip(words, others, strict=True))


def _same(word: str, other: str) -> bool:
    """Whether a word is the other one misspelt: one letter off, two in a long word."""
    return distance(word, other, 2) <= (2 if len(other) >= 9 else 1)


def distance(one: str, other: str, most: int) -> int:
    """How many letters are left out, added, changed or swapped with their neighbour; not exact beyond `most`."""
    if abs(len(one) - len(other)) > most:
        return most + 1
    before: list[int] = []
    last = list(range(len(other) + 1))
    for i, a in enumerate(one, 1):
        row = [i]
        for j, b in enumerate(other, 1):
            cost = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and one[i - 2] == b:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        before, last = last, row
    return last[-1]
