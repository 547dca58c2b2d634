"""Pages for browsers. Each is one file, with nothing from elsewhere in it."""
