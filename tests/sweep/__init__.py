"""The tests of `shared.sweep`: whole sweeps."""
