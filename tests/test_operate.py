"""docs/operate.md has words for every card that can come, and names only fields that a receipt has."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shared.model import Counts, Reason, Receipt, Severity
from shared.sweep.receipt import as_json
from shared.teams import Entry, OtherReason
from shared.teams.notices import FIRST_CARD, NOT_READ, PROBE
from shared.teams.wording import headline
from tests.test_design import code, table_cells

ROOT = Path(__file__).resolve().parent.parent
TEXT = (ROOT / "docs/operate.md").read_text(encoding="utf-8")
TOLD = (Reason.FIRST, Reason.REOPENED, Reason.ESCALATED, Reason.GREW, Reason.ADOPTED, *OtherReason)


@pytest.mark.parametrize("heading", [FIRST_CARD[0], NOT_READ[0], PROBE[0]])
def test_each_heading_is_there(heading: str) -> None:
    """The first line of each card that is not about recipients is quoted, or is a heading."""
    assert f"\n## {heading}\n" in TEXT or f'"{heading}"' in TEXT


@pytest.mark.parametrize("reason", TOLD)
def test_each_kind_of_entry_is_there(reason: Reason | OtherReason) -> None:
    """What a card's first line calls a recipient ("1 now High") is there, in the same words."""
    counts = Counts(hard_delete=11)
    entry = Entry("a@contoso.com", "", 0, reason, Severity.MEDIUM, counts)
    assert headline([entry]).removeprefix("1 ") in TEXT


def test_the_receipt_s_counts_exist() -> None:
    """The table of counts names fields that a receipt has."""
    table = TEXT.split("Of the counts:\n")[1].split("\n# ", maxsplit=1)[0]
    named = {name for row in table_cells(table) for name in code(row[0])}
    written = as_json(Receipt("", "", "", "", datetime(2026, 3, 2, tzinfo=UTC), 0, "sweep_completed", None))
    assert named
    assert named <= written.keys()


def test_each_reason_not_to_trust_the_data_has_its_section() -> None:
    """Each cause of the judgement has a section that names a line of the workbook, and a row in docs/hunt.md."""
    causes = {
        cause
        for file in (ROOT / "shared/plan").glob("*.py")
        for cause in re.findall(r'"(coverage_[a-z_]+)"', file.read_text(encoding="utf-8"))
    }
    hunt = (ROOT / "docs/hunt.md").read_text(encoding="utf-8")
    workbook = set(re.findall(r'What = "([^"]+)"', (ROOT / "infra/queries/workbook-data.kql").read_text("utf-8")))
    shown = set()
    for cause in causes:
        section = " ".join(TEXT.split(f"\n## {cause}\n")[1].split("\n#")[0].split())
        named = {line for line in workbook if f"*{line}*" in section}
        assert named or cause == "coverage_fill_fallen", cause
        assert f"`{cause}`" in hunt
        shown |= named
    assert len(causes) == 9
    assert shown == workbook


def test_links_within_the_pages_lead_to_a_heading() -> None:
    """Each link of a page of docs/ to a heading leads to one."""
    docs = Path(__file__).resolve().parent.parent / "docs"
    missing = []
    for page in docs.rglob("*.md"):
        for target, fragment in re.findall(r"\]\((?!http)([^)#]*)#([^)]+)\)", page.read_text(encoding="utf-8")):
            text = (page.parent / target if target else page).read_text(encoding="utf-8")
            names = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
            if fragment not in {re.sub(r"[^\w -]", "", name).lower().replace(" ", "-") for name in names}:
                missing.append(f"{page.name}: {target}#{fragment}")
    assert missing == []
