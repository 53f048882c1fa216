"""State, summary and rows in; rows, texts and tones out, as plain values.

Pure: no widget, no colour, no clock. All words of the screen that are not a fact's own are made here,
and every text from outside passes `runbook.tui.safe` here, once.
"""
