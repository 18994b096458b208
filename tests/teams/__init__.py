"""The tests of `shared.teams`."""
