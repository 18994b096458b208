"""The tests of `infra`, and what reads its Bicep."""
