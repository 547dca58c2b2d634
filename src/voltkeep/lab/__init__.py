"""The laboratory: certification cases played against any CSMS, judged by what goes over the wire.

A case is a station with a script. It speaks to a CSMS over a socket, has a `driver` tell the CSMS
what an operator would, and judges frames, their order and their fields, never what the CSMS claims.
"""
