"""Watch agents and play with them in a browser (extra `web`)."""
