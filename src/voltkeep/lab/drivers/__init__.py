"""Ways to tell a CSMS what to do: over its HTTP API, or by a person at a terminal."""
