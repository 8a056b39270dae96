#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""`python3 tests/outlook` and `python3 -m outlook`."""

import os
import sys

if not __package__:
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from outlook.cli import main  # pylint: disable=wrong-import-position

if __name__ == "__main__":
    sys.exit(main())
