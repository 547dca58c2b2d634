"""A certificate authority. Pure but for the keys it is handed."""
