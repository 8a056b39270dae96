#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""What ./quickstart does once everything is built: the demonstration, or somebody's own mail."""

import argparse
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "e2e")]

import demonstration                # noqa: E402  pylint: disable=wrong-import-position
import own_mail                     # noqa: E402  pylint: disable=wrong-import-position
from screen import Failed, Screen   # noqa: E402  pylint: disable=wrong-import-position


def _arguments(arguments):
    """./quickstart has looked at them, and has a --help of its own."""
    parser = argparse.ArgumentParser(prog="quickstart", add_help=False, allow_abbrev=False)
    parser.add_argument("user", nargs="?")
    parser.add_argument("--stay", action="store_true")
    parser.add_argument("--imap", nargs=2)
    parser.add_argument("--client-id")
    parser.add_argument("--tenant")
    parser.add_argument("--device", action="store_true")
    return parser.parse_args(arguments)


def main(arguments):
    given = _arguments(arguments)
    screen = Screen()
    try:
        if given.imap:
            return own_mail.with_password(screen, *given.imap)
        if given.user:
            return own_mail.with_sign_in(screen, given.user, given.client_id, given.tenant,
                                         given.device)
        if given.stay:
            demonstration.stay(screen)
        else:
            demonstration.demonstrate(screen)
        return 0
    except (Failed, AssertionError, OSError) as error:
        print(f"quickstart: {error}", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, EOFError):
        print(file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
