# SPDX-License-Identifier: ISC
"""The daemon's log, line by line."""

import os
import re
import select
import threading
import time
from typing import NamedTuple

# How long anything may take on a slow machine, sanitizers and all.
CEILING = 60.0


class LogLine(NamedTuple):
    level: str
    event: str
    fields: dict
    text: str


_HEAD = re.compile(r"(error|warning|info|debug) ([a-z0-9-]+)((?: |$).*)", re.DOTALL)
_FIELD = re.compile(r' ([a-z0-9_]+)=(?:"((?:[^"\\]|\\.)*)"|([^ "]*))')
_ESCAPE = re.compile(r'\\(x[0-9a-f]{2}|.)')


def _unescape(text):
    return _ESCAPE.sub(lambda match: chr(int(match.group(1)[1:], 16))
                       if match.group(1).startswith("x") else match.group(1), text)


def parse_log_line(text):
    """A LogLine, or None for what is none (a sanitizer's report, say)."""
    head = _HEAD.fullmatch(text)
    if head is None:
        return None
    fields = {}
    for key, quoted, plain in _FIELD.findall(head.group(3)):
        fields[key] = _unescape(quoted) if quoted else plain
    return LogLine(head.group(1), head.group(2), fields, text)


class Log:
    """The daemon's stderr, line by line. Whoever asks sees what was written before: a line that the
    daemon wrote before it answered a client is there when the answer is."""

    def __init__(self, stream):
        self._changed = threading.Condition()
        self._lines = []
        self._rest = b""   # a line without its end
        self._ended = False
        self._stream = stream
        os.set_blocking(stream.fileno(), False)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        with self._stream:
            poll = select.poll()
            poll.register(self._stream, select.POLLIN)
            while not self._ended:
                poll.poll()
                self._take()

    def _take(self):
        """Reads what is there now."""
        with self._changed:
            while not self._ended:
                try:
                    octets = os.read(self._stream.fileno(), 65536)
                except BlockingIOError:
                    break
                lines = (self._rest + octets).split(b"\n")
                self._rest = lines.pop()
                if not octets:
                    lines += [self._rest] if self._rest else []
                    self._ended = True
                self._lines += [line.decode("utf-8", "backslashreplace") for line in lines]
                self._changed.notify_all()

    def join(self):
        self._thread.join(CEILING)

    def text(self):
        self._take()
        with self._changed:
            return "\n".join(self._lines)

    def lines(self, event=None, **fields):
        """Lines of an event whose fields have these values."""
        self._take()
        with self._changed:
            parsed = [parse_log_line(line) for line in self._lines]
        return [line for line in parsed if line is not None and event in (None, line.event) and
                all(line.fields.get(key) == str(value) for key, value in fields.items())]

    def wait(self, event, count=1, timeout=CEILING, **fields):
        """The `count`-th such line, when it has come."""
        deadline = time.monotonic() + timeout
        while True:
            with self._changed:
                seen, ended = len(self._lines), self._ended
            found = self.lines(event, **fields)
            if len(found) >= count:
                return found[count - 1]
            left = deadline - time.monotonic()
            if ended or left <= 0:
                raise AssertionError(f"no log line {event} {fields}; the log:\n{self.text()}")
            with self._changed:
                if len(self._lines) == seen and not self._ended:
                    self._changed.wait(left)
