"""The receipt's fields, in their order: the design's names."""

RECEIPT_KEYS = [
    *("event", "verdict", "reasons", "dry_run", "run_id", "version", "settings", "workspace", "started", "seconds"),
    *("window", "coverage", "flagged", "created", "commented", "escalated", "standing", "grown", "settled", "excluded"),
    *("held", "held_unremembered", "awaited", "due", "told", "reminded", "card_id", "requests", "retries"),
    *("clock_skew_seconds", "notes"),
]
