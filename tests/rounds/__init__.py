"""Tests of shared/rounds."""
