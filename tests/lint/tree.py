# SPDX-License-Identifier: ISC
"""What the lint tests share: the files of the tree, tools that may be missing, findings."""

import os
import pathlib
import re
import shutil
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
LIBRARIES = ("protocol", "tls", "conf")
FOLDERS = LIBRARIES + ("daemon", "tests")
SKIP = 77  # Meson's exit status for a test that could not run


def files(*patterns, folders=FOLDERS):
    """Files of these folders that match one of the patterns, as paths relative to the root."""
    found = set()
    for folder in folders:
        for pattern in patterns:
            found.update(path for path in (ROOT / folder).rglob(pattern) if path.is_file())
    return sorted(path.relative_to(ROOT) for path in found)


def read(path):
    return (ROOT / path).read_text(encoding="utf-8")


def without_comments(text):
    """C without comments and what stands in strings; the lines stay where they are."""
    pattern = r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\''

    def blank(match):
        piece = match.group()
        if piece[0] in "\"'":
            return piece[0] * 2
        return " " + "\n" * piece.count("\n")

    return re.sub(pattern, blank, text, flags=re.DOTALL)


def lines(text):
    return enumerate(text.split("\n"), 1)


def tool(*names, accept=lambda path: True):
    """The first of these programs that is there; None: ask give_up()."""
    for name in names:
        path = shutil.which(name)
        if path and accept(path):
            return path
    return None


def give_up(what):
    """Where CI is set, a check that does not run is a failure."""
    print(f"{what} is not installed")
    sys.exit(1 if os.environ.get("CI") else SKIP)


def finish(findings, checked):
    """Prints what was found; nothing checked is a failure too."""
    for finding in findings:
        print(finding)
    if checked == 0:
        print("nothing to check: the test looks in the wrong place")
    sys.exit(1 if findings or checked == 0 else 0)
