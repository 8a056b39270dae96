#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""The systemd unit is one that systemd understands, and confines the daemon well.

Arguments: the unit as it was configured, and the daemon that was built.
"""

import os
import pathlib
import subprocess
import sys
import tempfile

import tree

# In tenths of systemd-analyze's "exposure level"; below 20 it says OK.
EXPOSURE_MAX = 20

unit, daemon = (os.path.abspath(argument) for argument in sys.argv[1:3])
program = tree.tool("systemd-analyze")
if not program:
    tree.give_up("systemd-analyze")


def analyze(*arguments):
    run = subprocess.run([program, *arguments], capture_output=True, text=True, check=False,
                         env={**os.environ, "SYSTEMD_PAGER": "", "SYSTEMD_COLORS": "0"})
    return run.returncode, run.stdout, run.stderr


findings = []
with tempfile.TemporaryDirectory() as folder:
    # The daemon stands where the unit expects it only once it is installed.
    path = pathlib.Path(folder, "packetboat.service")
    lines = pathlib.Path(unit).read_text(encoding="utf-8").splitlines()
    path.write_text("\n".join(
        f"ExecStart={daemon} -c /etc/packetboat/packetboat.conf"
        if line.startswith("ExecStart=") else line for line in lines) + "\n", encoding="utf-8")
    # Status 0 even for unknown keys, so what counts is what it says; of our unit, for it reads
    # those that are installed here too.
    status, _, said = analyze("verify", "--man=no", str(path))
    findings += [line for line in said.splitlines() if "packetboat" in line]
    if status != 0 and not findings:
        findings.append(f"systemd-analyze verify exits {status}: {said.strip()}")
    status, listing, said = analyze("security", "--offline=true", f"--threshold={EXPOSURE_MAX}",
                                    str(path))
    if status != 0:
        findings.append(f"exposure is above {EXPOSURE_MAX / 10}: {said}{listing[-400:]}")
tree.finish(findings, 1)
