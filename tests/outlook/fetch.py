# SPDX-License-Identifier: ISC
"""FETCH: which items were asked for, and the octets of the answer (RFC 3501 section 7.4.2)."""

import re
from typing import NamedTuple, Optional

from .syntax import Atom, BadSyntax

_BODY = re.compile(r"BODY(\.PEEK)?\[(|HEADER|TEXT)\](?:<([0-9]+)\.([1-9][0-9]*)>)?$", re.IGNORECASE)
_PLAIN = ("UID", "FLAGS", "RFC822.SIZE", "INTERNALDATE")
_OLD = {"RFC822": ("", False), "RFC822.HEADER": ("HEADER", True), "RFC822.TEXT": ("TEXT", False)}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_PIECE = 65536


class Item(NamedTuple):
    name: str                      # one of _PLAIN, or "BODY"
    label: str                     # how the response calls it
    section: str = ""              # "", "HEADER", "TEXT"
    peek: bool = True
    origin: Optional[int] = None
    count: Optional[int] = None


class Body(NamedTuple):
    """A section on its way: `length` octets from `start` of the message."""

    source: object
    start: int
    length: int

    def pieces(self):
        position, end = self.start, self.start + self.length
        while position < end:
            piece = self.source.read(position, min(_PIECE, end - position))
            if not piece:
                return
            yield piece
            position += len(piece)


def parse_items(word):
    """The items of a FETCH command, in the order they were asked for."""
    if isinstance(word, Atom) and word.upper() == "FAST":
        word = [Atom("FLAGS"), Atom("INTERNALDATE"), Atom("RFC822.SIZE")]
    asked = word if isinstance(word, list) else [word]
    if not asked:
        raise BadSyntax("nothing was asked for")
    items = []
    for one in asked:
        if not isinstance(one, Atom):
            raise BadSyntax("an item was expected")
        upper = one.upper()
        body = _BODY.match(upper)
        if upper in _PLAIN:
            items.append(Item(upper, upper))
        elif upper in _OLD:
            section, peek = _OLD[upper]
            items.append(Item("BODY", upper, section, peek))
        elif body is not None:
            peek, section, origin, count = body.groups()
            label = f"BODY[{section}]" + (f"<{origin}>" if origin is not None else "")
            items.append(Item("BODY", label, section, peek is not None,
                              None if origin is None else int(origin),
                              None if count is None else int(count)))
        else:
            raise BadSyntax(f"unknown item {one}")
    return items


def arrange(items, order, is_uid):
    """Puts items in the server's order; UID is always among them when the command was a UID one."""
    if is_uid and not any(item.name == "UID" for item in items):
        items = [*items, Item("UID", "UID")]
    rank = {name: position for position, name in enumerate(order)}
    return sorted(items, key=lambda item: rank.get(item.name, len(rank)))


def internaldate(when):
    """`"20-Nov-2026 10:00:00 +0000"`, whatever the locale."""
    zone = when.strftime("%z") or "+0000"
    return (f'"{when.day:2d}-{_MONTHS[when.month - 1]}-{when.year:04d} '
            f'{when.hour:02d}:{when.minute:02d}:{when.second:02d} {zone}"')


def section(message, item, ignore_partial=False):
    """Where the octets of a body section are."""
    header = message.body.header_length()
    start, end = {"": (0, message.body.length), "HEADER": (0, header),
                  "TEXT": (header, message.body.length)}[item.section]
    if item.origin is not None and not ignore_partial:
        start = min(start + item.origin, end)
        end = min(start + item.count, end)
    return Body(message.body, start, end - start)


def can_be_quoted(body):
    """Whether a quoted string can carry the octets: 7-bit text without CR, LF, NUL."""
    return body.length < 4096 and all(0 < octet < 127 and octet not in (10, 13)
                                      for piece in body.pieces() for octet in piece)
