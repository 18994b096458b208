"""The tests of `shared.query`."""
