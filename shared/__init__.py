"""Email Remediation Sweep: whose mail had to be remediated unusually often, one incident each, and a card in Teams."""

__version__ = "0.1.0"
