"""Mutation testing: change the code in many small ways, and see which changes no test notices. See `make mutants`."""
