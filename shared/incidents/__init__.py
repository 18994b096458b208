"""An incident: its words, its resource over ARM, and the road there."""
