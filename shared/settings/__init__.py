"""What an operator may set: the settings, how they are loaded, and mistakes in words."""

from shared.settings.clouds import CLOUDS, Cloud
from shared.settings.hosting import app_resource_id
from shared.settings.loading import from_values, given_schedule, load
from shared.settings.local_file import LOCAL_FILE, ROOT, file_keys
from shared.settings.mistakes import SettingsInvalid
from shared.settings.settings import NAMES, ROUND_NAMES, Exclusion, Settings

__all__ = [
    "CLOUDS",
    "LOCAL_FILE",
    "NAMES",
    "ROOT",
    "ROUND_NAMES",
    "Cloud",
    "Exclusion",
    "Settings",
    "SettingsInvalid",
    "app_resource_id",
    "file_keys",
    "from_values",
    "given_schedule",
    "load",
]
