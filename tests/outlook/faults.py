# SPDX-License-Identifier: ISC
"""Faults on cue: what goes wrong, at which command, how often.

    Fault("UID EXPUNGE", cut="before")            the connection ends, nothing was done
    Fault("UID EXPUNGE", cut="after")             it was done, and nobody hears of it
    Fault("UID FETCH", cut_literal=1000)          a body ends after 1,000 octets
    Fault("SELECT", reply="BAD User is authenticated but not connected.", times=None)
    Fault("UID FETCH", containing="BODY", body="absent")
    *unconvertible(7)               Exchange cannot convert the message: two faults
    Fault.parse("UID FETCH cut_literal=1000 reset=yes")      the same on a command line

Those of the identity provider are in identity/trouble.py.
"""

import dataclasses
import json
import shlex
import threading
from dataclasses import dataclass
from typing import Optional

MOMENTS = ("before", "after")
BODIES = ("absent", "nil", "empty", "quoted", "short", "placeholder")


@dataclass
class Cue:
    """When: at which command, how often. What happens then is said by the classes below it."""

    command: str
    # The command's text holds this.
    containing: str = ""
    # How many matches are let through first, and how many are hit then (None: all).
    skip: int = 0
    times: Optional[int] = 1
    # Seconds to wait first.
    delay: float = 0.0

    @classmethod
    def parse(cls, text):
        """`COMMAND WORDS key=value ...`; raises ValueError with a reason."""
        kinds = {field.name: field.type for field in dataclasses.fields(cls)}
        command, values = [], {}
        for word in shlex.split(text):
            key, equals, value = word.partition("=")
            if not equals:
                if values:
                    raise ValueError(f"{word}: key=value expected")
                command.append(word)
            elif key not in kinds or key == "command":
                raise ValueError(f"{key}: no such property of a fault")
            elif kinds[key] is tuple:
                values[key] = (*values.get(key, ()), value)
            else:
                values[key] = _value(kinds[key], value)
        if not command:
            raise ValueError("a fault begins with the name of a command")
        return cls(cls.spell(" ".join(command)), **values)

    @staticmethod
    def spell(command):
        return command

    def matches(self, command, text):
        return self.command in ("*", command) and self.containing.lower() in text.lower()


def _value(kind, text):
    if kind is bool:
        return text.lower() in ("yes", "true", "1")
    if kind is float:
        return float(text)
    if kind is dict:
        return json.loads(text)
    if kind in (int, Optional[int]):
        return None if text == "always" else int(text)
    return text


@dataclass
class Fault(Cue):
    """Of an IMAP command: "LOGIN", "UID FETCH", ...; "GREETING" and "TLS" for the moments before
    any command; "*"."""

    # Lines to send first, without their CRLF: "* 5 EXPUNGE".
    say: tuple = ()
    # Lines that leave together with the tagged response, behind it.
    say_after: tuple = ()
    # Instead of doing it: the tagged response (GREETING: the whole), "NO [OVERQUOTA] Full."
    reply: Optional[str] = None
    # End the connection "before" or "after" doing it; no response is sent. `reset`: by RST.
    cut: Optional[str] = None
    reset: bool = False
    # Fall silent "before" or "after" doing it, and keep the connection open.
    hang: Optional[str] = None
    # `* BYE` with this text, then the end.
    bye: Optional[str] = None
    # End the connection behind this many octets of a body's literal; or fall silent there.
    cut_literal: Optional[int] = None
    hang_literal: Optional[int] = None
    # What FETCH gives for bodies: "absent" (OK without data), "nil", "empty", "quoted", "short"
    # (the literal is announced and sent with half of the octets), or "placeholder" (what Exchange
    # says of a message that it cannot convert; to a peek it may say nothing: unconvertible()).
    body: Optional[str] = None

    def __post_init__(self):
        if isinstance(self.say, str):
            self.say = (self.say,)
        if isinstance(self.say_after, str):
            self.say_after = (self.say_after,)
        if self.cut not in (None, *MOMENTS) or self.hang not in (None, *MOMENTS):
            raise ValueError("cut and hang are 'before' or 'after'")
        if self.body not in (None, *BODIES):
            raise ValueError(f"body is one of {', '.join(BODIES)}")

    @staticmethod
    def spell(command):
        return command.upper()


def unconvertible(uid, times=None):
    """Exchange cannot convert this message: nothing for a peek, for BODY[] the placeholder."""
    return (Fault("UID FETCH", containing=f"FETCH {uid} (BODY.PEEK[", body="absent", times=times),
            Fault("UID FETCH", containing=f"FETCH {uid} (BODY[", body="placeholder", times=times))


class Faults:
    """The faults that wait for their cue, in the order they were given."""

    def __init__(self):
        self._lock = threading.Lock()
        self._waiting = []
        self._happened = []

    def cue(self, fault):
        with self._lock:
            self._waiting.append(dataclasses.replace(fault))
        return fault

    def clear(self):
        with self._lock:
            self._waiting.clear()

    def happened(self):
        """Commands that were hit, oldest first."""
        with self._lock:
            return list(self._happened)

    def take(self, command, text):
        """The fault that this command meets, or None."""
        with self._lock:
            for fault in self._waiting:
                if not fault.matches(command, text):
                    continue
                if fault.skip > 0:
                    fault.skip -= 1
                    continue
                if fault.times is not None:
                    fault.times -= 1
                    if fault.times == 0:
                        self._waiting.remove(fault)
                if len(self._happened) < 1000:
                    self._happened.append(command)
                return fault
        return None
