#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Every C file is as clang-format 14 writes it; other versions differ in details, so none of them
is asked."""

import re
import subprocess

import tree

VERSION = 14


def is_ours(path):
    text = subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout
    return re.search(rf"version {VERSION}\.", text) is not None


program = tree.tool(f"clang-format-{VERSION}", "clang-format", accept=is_ours)
if not program:
    tree.give_up(f"clang-format {VERSION}")
paths = tree.files("*.c", "*.h")
findings = []
for path in paths:
    run = subprocess.run([program, "--dry-run", "-Werror", str(path)], cwd=tree.ROOT,
                         capture_output=True, text=True, check=False)
    if run.returncode != 0:
        first = run.stderr.splitlines()[0] if run.stderr else "failed"
        findings.append(f"{first}\n    clang-format-{VERSION} -i {path}")
tree.finish(findings, len(paths))
