"""`make pictures`: the pictures of the README and the docs, from real sweeps of a small Azure on this machine."""
