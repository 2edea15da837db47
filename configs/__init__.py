"""The data that ship with the package: scenarios, agents, comparisons, and reference results.

A TOML file says only what differs from the defaults, which live in the dataclass that reads it.
`reference` holds results.json and comparison.json of finished comparisons, as compare wrote them
(`empathy_loop.train.reference`). Read all of them with
`importlib.resources.files("empathy_loop.configs")`, so that they are found in a checkout and in an
installed wheel alike; this module makes the folder importable for that.
"""
