"""Sweeps in processes of their own, killed where a test says, and what is true then: see `Sweeper` and `Scene`."""
