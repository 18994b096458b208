"""Which workspaces a deployment sweeps: the entries of `workspaces.json`, and the settings of each.

`file.py` reads the file with nothing but the standard library, for the function's start; `reading.py` makes entries of
it; `round_settings.py` holds what belongs to a round and not to a sweep.
"""
