"""Use cases, one class for each functional block. The only writers of the database."""
