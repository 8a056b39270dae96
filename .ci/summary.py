#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Reads what `meson test` left in build folders: shows failures with their logs, counts cases.

    summary.py BUILD...    prints failures, then the line `N passed, N failed`; status 1 if any

One meson test may hold many cases: cmocka's, unittest's, TAP's lines. Each is counted; a test that
counts nothing itself is one case, and one that broke off is one failure at least.
"""

import json
import os
import re
import sys
from typing import NamedTuple

GOOD = ("OK", "EXPECTEDFAIL")
LAST_LINES = 120


class Counts(NamedTuple):
    passed: int
    failed: int
    skipped: int


def _sum(pattern, text):
    return sum(int(number) for number in re.findall(pattern, text, re.MULTILINE))


def _cmocka(text):
    if not re.search(r"^\[==========\]", text, re.MULTILINE):
        return None
    return Counts(_sum(r"^\[  PASSED  \] (\d+) test", text),
                  _sum(r"^\[  FAILED  \] [^:\n]*: (\d+) test", text) or
                  _sum(r"^ ?(\d+) FAILED TEST", text),
                  _sum(r"^\[  SKIPPED \] [^:\n]*: (\d+) test", text))


def _unittest(text):
    ran = re.findall(r"^Ran (\d+) tests? in", text, re.MULTILINE)
    if not ran:
        return None
    # Several subtests of one test may fail: it is one failure.
    failed = {name for name in re.findall(r"^(?:FAIL|ERROR): \S+ \(([\w.]+)\)", text, re.MULTILINE)}
    skipped = _sum(r"skipped=(\d+)", text)
    total = sum(map(int, ran))
    return Counts(max(0, total - len(failed) - skipped), len(failed), skipped)


def _tap(text):
    lines = re.findall(r"^(not ok|ok)\b([^\n]*)", text, re.MULTILINE)
    if not lines:
        return None
    failed = sum(word == "not ok" for word, _ in lines)
    skipped = sum("# SKIP" in rest.upper() for _, rest in lines)
    return Counts(len(lines) - failed - skipped, failed, skipped)


def count(test):
    text = test.get("stdout", "") + "\n" + test.get("stderr", "")
    good, skipped = test["result"] in GOOD, test["result"] == "SKIP"
    counts = _cmocka(text) or _unittest(text) or _tap(text)
    if counts is None:
        return Counts(int(good), int(not good and not skipped), int(skipped))
    if not good and not skipped and counts.failed == 0:
        return counts._replace(failed=1)
    return counts


def read(build):
    path = os.path.join(build, "meson-logs", "testlog.json")
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


def main(builds):
    passed = failed = 0
    for build in builds:
        skips = 0
        for test in read(build):
            counts = count(test)
            passed += counts.passed
            failed += counts.failed
            skips += counts.skipped
            if counts.failed:
                print(f"\n--- failed: {test['name']} ({build}, {test['result'].lower()})")
                for stream in ("stdout", "stderr"):
                    print("\n".join(test.get(stream, "").rstrip().split("\n")[-LAST_LINES:]))
        if skips:
            print(f"{build}: {skips} skipped; their logs say why")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
