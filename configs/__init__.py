"""The TOML files that ship with the package: scenarios, agents and comparisons.

A file says only what differs from the defaults, which live in the dataclass that reads it. Read
them with `importlib.resources.files("empathy_loop.configs")`, so that they are found in a
checkout and in an installed wheel alike; this module makes the folder importable for that.
"""
