"""An incident: its words, its resource, the port `Incidents`, and how it is reached over ARM."""
