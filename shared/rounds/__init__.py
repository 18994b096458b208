"""A round: every entry swept once, spread over workers by a queue, and told once at its end."""
