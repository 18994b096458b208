"""The tests of `shared.plan`."""
