"""`voltkeep`: the same services as everywhere, from a shell."""
