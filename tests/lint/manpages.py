#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Manual pages are good mdoc."""

import subprocess

import tree

paths = tree.files("*.1", "*.5", "*.8")
program = tree.tool("mandoc")
if not program:
    tree.give_up("mandoc")
findings = []
for path in paths:
    # References to pages of a package that is not installed here are no fault of the page.
    run = subprocess.run([program, "-T", "lint", "-W", "warning", str(path)], cwd=tree.ROOT,
                         capture_output=True, text=True, check=False)
    findings += (run.stdout + run.stderr).splitlines()
    if run.returncode != 0 and not findings:
        findings.append(f"{path}: mandoc exits {run.returncode}")
tree.finish(findings, len(paths))
