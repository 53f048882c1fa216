"""What is shown meanwhile: the screen of a run.

It knows a run only through `runbook.run.session.Session`: it sends signals and hears of records. It holds
no rules, reads no files, and has never heard of engines, journals or the practice cluster.
"""
