"""Sockets: the only package that knows WebSocket and TLS."""
