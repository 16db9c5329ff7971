"""`python -m voxsync.cli`: the same as the command `voxsync`."""

from __future__ import annotations

import sys

from voxsync.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
