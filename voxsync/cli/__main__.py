"""`python -m voxsync.cli` is `voxsync`."""

import sys

from voxsync.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
