"""The project's tests, and the small Azure they run against."""
