"""The hunt: the KQL and its parameters, running it, rows into findings, what the table held and whether to trust it."""

from shared.hunt.coverage import Distrust, judge
from shared.hunt.hunt import Hunt, open_hunt
from shared.hunt.remediators import Remediations

__all__ = ["Remediations", "Distrust", "Hunt", "judge", "open_hunt"]
