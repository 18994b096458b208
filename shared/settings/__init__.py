"""What an operator may set: the settings, how they are loaded, and mistakes in words."""

from shared.settings.clouds import CLOUDS, Cloud
from shared.settings.settings import (
    LOCAL_FILE,
    NAMES,
    ROOT,
    Exclusion,
    Settings,
    SettingsInvalid,
    file_keys,
    from_values,
    given_schedule,
    load,
)

__all__ = [
    "CLOUDS",
    "LOCAL_FILE",
    "NAMES",
    "ROOT",
    "Cloud",
    "Exclusion",
    "Settings",
    "SettingsInvalid",
    "file_keys",
    "from_values",
    "given_schedule",
    "load",
]
