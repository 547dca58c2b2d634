"""Between processes, and inside one: events out, commands across."""
