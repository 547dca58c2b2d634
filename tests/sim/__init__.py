"""Simulated stations, against central systems that are not ours."""
