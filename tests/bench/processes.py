# SPDX-License-Identifier: ISC
"""What a server costs, from /proc: it and all its descendants, living and dead."""

import os
import threading
import time

_TICKS = os.sysconf("SC_CLK_TCK")


def _stat(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
        # The name, in parentheses, may hold anything; the fields are counted behind it.
        return file.read().rpartition(")")[2].split()


def family(pid):
    """The process and its descendants."""
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                children.setdefault(int(_stat(entry)[1]), []).append(int(entry))
            except (OSError, IndexError):
                continue
    found, waiting = [], [pid]
    while waiting:
        one = waiting.pop()
        found.append(one)
        waiting += children.get(one, [])
    return found


def cpu_seconds(pid):
    """User and system time of the family; what has died is in its parent's cutime and cstime."""
    total = 0
    for one in family(pid):
        try:
            fields = _stat(one)
        except OSError:
            continue
        total += sum(int(field) for field in fields[11:15])
    return total / _TICKS


def memory(pid):
    """Octets of memory of the family: Pss, so that what processes share is counted once."""
    total = 0
    for one in family(pid):
        try:
            with open(f"/proc/{one}/smaps_rollup", encoding="ascii") as file:
                lines = file.readlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    if total == 0:
        raise PermissionError(f"the memory of process {pid} cannot be read")
    return total


class Watch:
    """The most memory that a family has while this is entered."""

    def __init__(self, pid):
        self.pid = pid
        self.peak = memory(pid)
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._sample)

    def _sample(self):
        while not self._done.is_set():
            self.peak = max(self.peak, memory(self.pid))
            time.sleep(0.05)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._done.set()
        self._thread.join()
