"""The API: one module for each functional block. `web/routes.py` lists them."""
