"""The wire: bytes in, typed frames and messages out. No I/O, no clock, no randomness."""
