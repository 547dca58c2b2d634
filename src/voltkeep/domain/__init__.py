"""What is true about charging, in the words of OCPP 2.1. Pure: no I/O, no clock, no randomness."""
