"""runbook: the drill tool that on-call engineers trust at 3 a.m."""

__version__ = "0.1.0"
