"""Charge points that play the certification cases of OCPP 1.6."""
