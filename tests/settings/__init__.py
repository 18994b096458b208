"""The tests of `shared.settings`."""
