"""Voltkeep: a charging station management system for OCPP 1.6, 2.0.1 and 2.1."""
