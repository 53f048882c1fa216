"""`python -m runbook.practice`: a practice cluster as a process of its own."""

from __future__ import annotations

from runbook.practice.daemon import main

raise SystemExit(main())
