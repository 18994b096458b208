"""The tests of `shared.http`."""
