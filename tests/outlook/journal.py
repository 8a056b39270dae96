# SPDX-License-Identifier: ISC
"""What clients said: every command, in order, secrets masked, bounded."""

import collections
import re
import threading
import time
from typing import NamedTuple

_UID_SET = re.compile(r"(?:STORE|COPY|MOVE|EXPUNGE|FETCH) ([0-9:,*]+)", re.IGNORECASE)
# RFC 2683 section 3.2.1.5 recommends 1,000 octets and everybody takes 8,000.
POLITE_OCTETS = 8000
_STAR = 0xFFFFFFFF


def parse_uids(text):
    """The ranges of UIDs that a set names; `*` is the highest there can be."""
    found = []
    for part in text.split(","):
        ends = [_STAR if end == "*" else int(end) for end in part.split(":")]
        low, high = min(ends), max(ends)
        found.append(range(low, high + 1))
    return found


class Entry(NamedTuple):
    when: float        # time.monotonic()
    connection: int    # counts from 1
    name: str          # "UID FETCH"
    text: str          # the whole command without its tag, secrets masked
    octets: int        # of the whole command, literals and CRLF counted
    encrypted: bool

    def ranges(self):
        """The UID set of a UID command, as ranges."""
        match = _UID_SET.search(self.text)
        return [] if match is None else parse_uids(match.group(1))

    def uids(self):
        return {uid for span in self.ranges() for uid in span if uid != _STAR}


class Notebook:
    """Entries have a `name` and a `text`."""

    LIMIT = 20000

    def __init__(self):
        self._changed = threading.Condition()
        self._entries = collections.deque(maxlen=self.LIMIT)

    def add(self, entry):
        with self._changed:
            self._entries.append(entry)
            self._changed.notify_all()

    def entries(self, name=None):
        with self._changed:
            return [entry for entry in self._entries if name in (None, entry.name)]

    def texts(self, name=None):
        return [entry.text for entry in self.entries(name)]

    def names(self):
        return [entry.name for entry in self.entries()]

    def clear(self):
        with self._changed:
            self._entries.clear()

    def wait(self, name, count=1, timeout=20.0):
        """Waits until `name` was said `count` times; its entries, or TimeoutError."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while True:
                found = [entry for entry in self._entries if entry.name == name]
                if len(found) >= count:
                    return found
                left = deadline - time.monotonic()
                if left <= 0 or not self._changed.wait(left):
                    raise TimeoutError(f"{name} was not said {count} times")


class Journal(Notebook):
    def note(self, connection, name, text, octets, encrypted):
        self.add(Entry(time.monotonic(), connection, name, text, octets, encrypted))

    def breaches(self, deleted=None, unpeeked=()):
        """What a bridge must never say, as sentences. `deleted`: the only UIDs that may be;
        `unpeeked`: those that may be fetched in a way that marks them read."""
        found = []
        for entry in self.entries():
            upper = entry.text.upper()
            if entry.name in ("EXPUNGE", "CLOSE"):
                found.append(f"{entry.name} sweeps away what others flagged")
            if entry.name in ("FETCH", "STORE", "COPY", "MOVE", "SEARCH"):
                found.append(f"a message sequence number was used: {entry.text[:100]}")
            if entry.octets > POLITE_OCTETS:
                found.append(f"a command of {entry.octets} octets: {entry.text[:100]}")
            if (entry.name == "UID FETCH" and re.search(r"BODY\[|RFC822(?!\.SIZE)", upper) and
                    not entry.uids().issubset(unpeeked)):
                found.append(f"a fetch that marks messages read: {entry.text[:100]}")
            if deleted is None or not (entry.name in ("UID EXPUNGE", "UID MOVE", "UID COPY") or
                                       entry.name == "UID STORE" and "\\DELETED" in upper):
                continue
            allowed = set(deleted)
            if any(len(span) > len(allowed) or not allowed.issuperset(span)
                   for span in entry.ranges()):
                found.append(f"touches messages nobody deleted: {entry.text[:100]}")
        return found
