"""What a file is, judged by its first bytes: how its text is encoded, or why it is not an export."""

from __future__ import annotations

import re

_NOT_TEXT = (
    (b"PAR1", "Parquet"),
    (b"Obj\x01", "Avro"),
    (b"ARROW1", "Arrow"),
    (b"ORC", "ORC"),
    (b"%PDF", "a PDF document"),
    (b"SQLite format 3", "a SQLite database"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
)
_PACKED = (
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"7z\xbc\xaf", "7-Zip"),
    (b"Rar!", "RAR"),
)
_EXCEL = (
    "an Excel workbook; expected the portal's own CSV file as it was downloaded (Excel rewrites its times when it saves"
    " it)"
)
_AGAIN = "export EmailEvents again as CSV, or save the answer of the query API as JSON"
_MARKS = (
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_BEFORE = re.compile(r"\A(?:\s+|<!--.*?-->|<\?.*?\?>)*", re.DOTALL)
"""What may stand above the first tag of a page: comments, and a line that says XML."""
GZIP = b"\x1f\x8b"


def refusal(head: bytes) -> str:
    """What a file with these first bytes is and what to do instead; "" when it may be an export."""
    if head.startswith(b"PK\x03\x04"):
        if b"xl/" in head or b"[Content_Types]" in head or b"_rels/" in head:
            return _EXCEL
        return "a zip archive; unpack it and name the files or the folder (gzip is read as it is)"
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        return _EXCEL
    if head[257:262] == b"ustar":
        return "a tar archive; unpack it and name the files or the folder"
    for mark, name in _NOT_TEXT:
        if head.startswith(mark):
            return f"{name}, which is not read here; {_AGAIN}"
    for mark, name in _PACKED:
        if head.startswith(mark):
            return f"packed with {name}; unpack it first (gzip is read as it is)"
    return ""


def encoding(head: bytes) -> str:
    """How the text that begins so is encoded: by its byte order mark, or by the zero bytes of UTF-16 without one."""
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    # Every export begins with ASCII: a header, or a bracket.
    pairs = head[: len(head) // 2 * 2][:64]
    if len(pairs) >= 4 and not any(pairs[1::2]) and all(pairs[::2]):
        return "utf-16-le"
    if len(pairs) >= 4 and not any(pairs[::2]) and all(pairs[1::2]):
        return "utf-16-be"
    return "utf-8"


def not_an_export(text: str) -> str:
    """What a text that begins so is, when it is of another kind than CSV and JSON; "" when it may be an export."""
    begins = _BEFORE.sub("", text, count=1)[:200].lower()
    if re.match(r"<(!doctype html|html|head|body|title|meta|script)\b", begins):
        return "a web page, perhaps a sign-in or an error page that was saved; " + _AGAIN
    if begins.startswith("<!--"):
        return "a web page or XML; " + _AGAIN
    if begins.startswith("<") or text.lstrip().startswith("<"):
        return "XML; " + _AGAIN
    return ""
