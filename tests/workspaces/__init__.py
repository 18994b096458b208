"""Tests of shared/workspaces."""
