"""The tests of what is deployed."""
