"""Whole rounds: many tenants in the small Azure, a real queue and table, and an app in several processes."""
