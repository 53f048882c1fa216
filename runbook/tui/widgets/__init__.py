"""The few widgets of the screen, all on the line API: only what is visible is ever rendered."""
