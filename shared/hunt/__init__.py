"""The hunt: the queries and their parameters, the findings, and what the tables held."""

from shared.hunt.context import MOST_RECIPIENTS, MailContext
from shared.hunt.hunt import Hunt
from shared.hunt.opening import open_hunt
from shared.hunt.options import HuntOptions
from shared.hunt.remediators import Remediations

__all__ = ["MOST_RECIPIENTS", "Hunt", "HuntOptions", "MailContext", "Remediations", "open_hunt"]
