"""Every decision, pure."""
