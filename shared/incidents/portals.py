"""In which portal analysts work, and what they do not see there of the sweep's incidents."""

from __future__ import annotations

_LEAVES = "Sentinel leaves the Azure portal after 31 March 2027"


def onboarded(providers: tuple[int, int] | None) -> bool | None:
    """Whether a workspace is onboarded to the Defender portal, by how many of its incidents Defender has made and how
    many others (`Hunt.incident_providers`); None when no incident shows it.
    """
    if providers is None or not any(providers):
        return None
    return providers[0] > 0


def portals_remark(is_onboarded: bool | None, raise_by: str) -> str:
    """What analysts do not see, and how to switch; "" when they see all, or it is not known where they work."""
    if not is_onboarded or raise_by == "rule":
        return ""
    return (
        "the workspace is onboarded to the Defender portal, and incidents made over the API (RAISE_BY=api) are not"
        " shown there: analysts in the Defender portal do not see the sweep's incidents, only the Teams card, and"
        f" {_LEAVES}; to switch, set RAISE_BY=rule as docs/portals.md says"
    )


def portals_in_words(is_onboarded: bool | None, raise_by: str) -> str:
    """In which portal the incidents are, for somebody who asks."""
    if remark := portals_remark(is_onboarded, raise_by):
        return remark
    if raise_by == "rule":
        where = {
            True: "is onboarded to the Defender portal, where the analytics rules' incidents are shown",
            False: "is not onboarded to the Defender portal; once it is, it shows the analytics rules' incidents",
            None: "shows no incident of a rule in 30 days; the analytics rules' incidents are in both portals",
        }
        return f"the workspace {where[is_onboarded]} (RAISE_BY=rule)"
    if is_onboarded is None:
        return (
            "cannot tell whether the workspace is onboarded to the Defender portal: no incident that a rule has made in"
            f" 30 days. Incidents made over the API are not shown there, and {_LEAVES}: make sure that on-call reads"
            " the Teams card, or set RAISE_BY=rule (docs/portals.md)"
        )
    return (
        "the workspace is not onboarded to the Defender portal, as its incidents show; once it is, incidents made over"
        f" the API do not appear in that portal's queue, and {_LEAVES}: before that, set RAISE_BY=rule"
        " (docs/portals.md)"
    )
