"""Masks secrets in texts and streams, before they become facts, files or a screen.

`Redactor` knows the secrets of one run; a `Stream` masks bytes piece by piece. Pure: nothing here knows
where secrets come from or where texts go.
"""

from runbook.redact.redactor import SHORTEST, Redactor, Stream, marked

__all__ = ["SHORTEST", "Redactor", "Stream", "marked"]
