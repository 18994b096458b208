"""The tests of `shared.cli`."""
