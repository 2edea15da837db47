"""The commands: one module for each family of them, one dataclass for each command.

The fields of a command are its options, each with its manual below it; `run` calls the one
function that does it. What that needs is imported there, for `--help` must not wait for torch.
"""
