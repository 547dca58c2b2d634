"""The steps. A file's name is its revision."""
