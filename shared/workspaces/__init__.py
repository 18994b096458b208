"""Which workspaces a deployment sweeps: the entries of `workspaces.json`, and the settings of each."""
