"""The tests of `shared.incidents`."""
