"""An operator's own export of `EmailEvents`, read into the embedded engine.

`export` does all that the variables EVENTS, SHIFT and DATES ask for: `find` says which files are meant, `load_events`
reads them in bounded batches, all or nothing. In order: a file is identified by its first bytes (`kinds`), opened as
UTF-8 (`source`), read by its format (`csv_file`, `json_file`) and kept as raw text (`staging`); then the order of its
dates is derived from whole columns (`dates`), and its cells are typed (`typed`).
"""

from tests.cloud.events.find import find
from tests.cloud.events.load import load_events
from tests.cloud.events.loaded import Loaded
from tests.cloud.events.mistakes import EventsInvalid
from tests.cloud.events.variables import Export, export

__all__ = ["EventsInvalid", "Export", "Loaded", "export", "find", "load_events"]
