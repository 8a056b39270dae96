#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""The messages that every path through Packetboat must carry octet for octet.

Each is a Sample: a name that a failing test can show, and the octets as an IMAP server gives them
for BODY[]. as_retrieved() says what RETR must then deliver, before byte-stuffing and without the
final dot: a bare LF becomes CRLF, a missing last CRLF is added, everything else stays.

    for sample in corpus():
        ... put sample.octets into a mailbox; expect as_retrieved(sample.octets)
"""

import hashlib
import re
from typing import NamedTuple

MEGABYTE = 1 << 20


class Sample(NamedTuple):
    name: str
    octets: bytes


def _header(subject):
    identity = hashlib.sha256(subject.encode()).hexdigest()[:16]
    return (f"From: Ada <ada@example.org>\r\nTo: Bob <bob@example.org>\r\n"
            f"Subject: {subject}\r\nDate: Fri, 20 Nov 2026 10:00:00 +0000\r\n"
            f"Message-ID: <{identity}@example.org>\r\n\r\n").encode()


def message(subject, body):
    """One ordinary message with `body`, which is octets."""
    return _header(subject) + body


def patterned(octets, seed="pattern"):
    """Lines of text that repeat nowhere, so that a lost or doubled block shows; `octets` long."""
    block = hashlib.shake_256(seed.encode()).hexdigest(32 * 1024).encode()
    lines = b"".join(block[i:i + 70] + b"\r\n" for i in range(0, len(block), 70))
    made = bytearray()
    number = 0
    while len(made) < octets:
        made += b"block %08d\r\n" % number + lines
        number += 1
    del made[octets - 2:]
    return bytes(made) + b"\r\n"


_SMALL = (
    ("plain", b"Good morning.\r\n"),
    ("a line of one dot", b"above\r\n.\r\nbelow\r\n"),
    ("a line of two dots", b"above\r\n..\r\nbelow\r\n"),
    ("lines that begin with a dot", b".x\r\n.\t\r\n. \r\n...\r\n.x.\r\n"),
    ("first line is a dot", b".\r\n"),
    ("last line is a dot without CRLF", b"text\r\n."),
    ("CRLF dot CRLF twice", b"\r\n.\r\n\r\n.\r\n"),
    ("only blank lines", b"\r\n\r\n\r\n"),
    ("no final CRLF", b"the last line just stops"),
    ("ends in a bare CR", b"the last octet is a CR\r"),
    ("ends in a bare LF", b"the last octet is an LF\n"),
    ("empty body", b""),
    ("NUL octets", b"one\0two\r\n\0\r\n.\0\r\n\0\0\0\r\n"),
    ("8-bit octets", bytes(range(128, 256)) + b"\r\n\xff\xfe.\xfd\r\n" + "Grüße, 世界\r\n".encode()),
    ("every octet", bytes(range(256)) + b"\r\n"),
    ("bare LF", b"one\ntwo\n\n.\n..three\nfour\r\nfive\n"),
    ("bare CR", b"one\rtwo\r\rthree\r\r\n\r.\r\nfour\r\n"),
    ("looks like protocol",
     b"+OK\r\n-ERR\r\n* BYE\r\nA1 OK done\r\n* 1 FETCH (BODY[] {5}\r\n)\r\n+ \r\n"),
)

_WHOLE = (
    ("headers only", _header("headers only")[:-2]),
    ("headers only without final CRLF", b"Subject: it stops here"),
    ("starts with a dot", b".Subject: odd\r\n.\r\n\r\nbody\r\n"),
    ("starts with a blank line", b"\r\nno header at all\r\n"),
    ("one octet", b"x"),
    ("one dot", b"."),
    ("one CRLF", b"\r\n"),
    ("empty message", b""),
)


def small():
    """All that fit in a screen or two."""
    made = [Sample(name, message(name, body)) for name, body in _SMALL]
    return made + [Sample(name, octets) for name, octets in _WHOLE]


def large():
    """One line of 1 MB, a header of 1 MB, and a message of 25 MB."""
    line = patterned(MEGABYTE, "line").replace(b"\r\n", b"..")
    unfolded = b"X-Long: " + line + b"\r\n"
    dots = b".\r\n" * 100000
    return [
        Sample("one line of 1 MB", message("one line of 1 MB", line + b"\r\n")),
        Sample("a header line of 1 MB", unfolded + message("a header line of 1 MB", b"body\r\n")),
        Sample("100,000 lines of one dot", message("100,000 lines of one dot", dots)),
        Sample("25 MB", message("25 MB", patterned(25 * MEGABYTE))),
    ]


def corpus():
    return small() + large()


_BARE_LF = re.compile(rb"(?<!\r)\n")


def as_retrieved(octets):
    """What RETR delivers for these octets, byte-stuffing undone, the final dot left out."""
    if not octets:
        return b""
    repaired = _BARE_LF.sub(b"\r\n", octets)
    return repaired if repaired.endswith(b"\r\n") else repaired + b"\r\n"


def as_topped(octets, lines):
    """What TOP delivers: the header, the blank line, and `lines` lines of the body."""
    whole = as_retrieved(octets)
    if whole.startswith(b"\r\n"):
        end = 2
    else:
        blank = whole.find(b"\r\n\r\n")
        if blank < 0:
            return whole
        end = blank + 4
    for _ in range(lines):
        newline = whole.find(b"\r\n", end)
        if newline < 0:
            break
        end = newline + 2
    return whole[:end]


def stuffed(octets):
    """The octets between the +OK line of RETR and its final dot."""
    whole = as_retrieved(octets)
    if whole.startswith(b"."):
        whole = b"." + whole
    return whole.replace(b"\r\n.", b"\r\n..")
