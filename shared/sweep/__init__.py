"""One sweep, in order."""
