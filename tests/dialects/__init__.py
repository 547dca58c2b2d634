"""What each dialect makes of messages, row by row."""
