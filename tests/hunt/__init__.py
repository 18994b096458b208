"""The tests of `shared.hunt`."""
