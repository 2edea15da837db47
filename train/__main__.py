"""The command line as a module: `torchrun --nproc-per-node 2 -m empathy_loop.train train ...`."""

import sys

from empathy_loop.train.cli import main

if __name__ == "__main__":
    sys.exit(main())
