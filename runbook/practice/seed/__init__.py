"""Package data: what every practice cluster holds before an application is put on it."""
