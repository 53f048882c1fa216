"""Word to people who do not look at the run: what is worth it, how it is sent, what follows a run for it."""
