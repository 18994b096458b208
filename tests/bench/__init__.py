"""Benchmarks: `make bench` runs each module of this package in a process of its own; each prints what it measured."""
