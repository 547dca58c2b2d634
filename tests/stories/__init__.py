"""Conversations between stations and the CSMS, and who plays them: see `play`."""
