"""The two query services, Log Analytics and advanced hunting: typed literals, checked responses, refused queries."""
