"""What covers the screen for a moment: help, a question, a note, a whole output."""
