"""The hunt: the queries and their parameters, the findings, what the table held and whether to trust it."""

from shared.hunt.coverage import Distrust, judge
from shared.hunt.hunt import Hunt, open_hunt
from shared.hunt.options import HuntOptions
from shared.hunt.remediators import Remediations

__all__ = ["Distrust", "Hunt", "HuntOptions", "Remediations", "judge", "open_hunt"]
