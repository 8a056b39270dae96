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
run = subprocess.run([program, "--dry-run", "-Werror", *map(str, paths)], cwd=tree.ROOT,
                     capture_output=True, text=True, check=False)
wrong = dict.fromkeys(re.findall(r"^([^:\n]+):\d+:\d+: error: ", run.stderr, re.MULTILINE))
findings = [f"{path}:1: clang-format-{VERSION} -i {path}" for path in wrong]
if run.returncode != 0 and not findings:
    findings.append(run.stderr)
tree.finish(findings, len(paths))
