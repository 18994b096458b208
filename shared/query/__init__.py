"""The two query services, Log Analytics and advanced hunting: typed literals, answers, refusals."""
