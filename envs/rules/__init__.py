"""The rules of one step, one small file each, in the terms of docs/rules.md.

Each is a compiled function of a batch's arrays and of the number of one world in it, and writes
that world's rows in place. `empathy_loop.envs.step` lists them in the order in which they apply.
"""
