"""A small CSMS that does all that the laboratory asks of one, in the process of the test.

It is written from OCPP 1.6 alone and shares nothing with Voltkeep but the frames and the messages,
so that what both get wrong is not taken for right. `tests.lab.faults` spoils it, a line at a time.
"""
