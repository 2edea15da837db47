"""Sizes of worlds to draw from: rules are compiled anew for each pair, so there are a few.

What compiles for many sizes is marked as one xdist group, "sizes", so that one worker does it once.
"""

SIZES: tuple[tuple[int, int], ...] = ((3, 3), (2, 1), (4, 3), (5, 4))
"""Numbers of agents and of kinds."""
