"""Broken on purpose: what can be wrong with a platform, how it shows, and who judges the repair.

A fault is a module that says everything about one way to break; `catalogue` lists them, `referee`
injects one and judges by reading, `desk` answers for them over HTTP. Nothing here knows how the
controllers come to their states: a fault writes what a person could have written.
"""
