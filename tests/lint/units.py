#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Every source file of the three libraries has its unit test, and the build knows that test."""

import re

import tree

build = tree.read("tests/unit/meson.build")
paths = [path for path in tree.files("*.c", folders=tree.LIBRARIES)
         if not re.search(r"^int main\(", tree.read(path), re.MULTILINE)]
findings = []
for path in paths:
    test = f"tests/unit/test_{path.stem}.c"
    if not (tree.ROOT / test).is_file():
        findings.append(f"{path}:1: has no {test}")
    elif f"'{path.stem}'" not in build:
        findings.append(f"{test}:1: is not named in tests/unit/meson.build")
tree.finish(findings, len(paths))
