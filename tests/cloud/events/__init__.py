"""An operator's own export of `EmailEvents`, read into the embedded engine.

`export` does all that the variables EVENTS, SHIFT and DATES ask for: `find` says which files are meant, `load_events`
reads them in bounded batches, whole or not at all. In order: a file
is told by its first bytes (`kinds`), opened as UTF-8 (`source`), read by its format (`csv_file`, `json_file`), kept as
raw text (`staging`), its dates are settled from whole columns (`dates`), and its cells are typed (`typed`).
"""

from tests.cloud.events.find import find
from tests.cloud.events.load import load_events
from tests.cloud.events.loaded import Loaded
from tests.cloud.events.mistakes import EventsInvalid
from tests.cloud.events.variables import Export, export

__all__ = ["EventsInvalid", "Export", "Loaded", "export", "find", "load_events"]
