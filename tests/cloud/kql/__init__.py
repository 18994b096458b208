"""KQL for the embedded engine: tokens, the lowerings it needs, and the refusals it does not make by itself."""
