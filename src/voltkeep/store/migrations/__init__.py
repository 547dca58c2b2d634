"""How the schema came to be. Each file in `versions` is one step, in the order of their names.

A step ending in `_pre` runs before the code that needs it and leaves the code before it working;
one ending in `_post` runs once no older code is left.
"""
