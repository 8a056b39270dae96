# SPDX-License-Identifier: ISC
"""Octets to commands: lines, literals, and the words in them (RFC 3501 section 9)."""

import base64
import bisect
import math
import re


class BadSyntax(Exception):
    """The client wrote something that is no IMAP."""


class TooLong(Exception):
    """A command beyond the server's limit."""


class Atom(str):
    """An unquoted word, `BODY.PEEK[HEADER]<0.100>` included. Latin-1."""


class String(bytes):
    """A quoted string or a literal."""


_LITERAL = re.compile(rb"\{([0-9]{1,10})(\+?)\}$")
_ATOM_END = re.compile(rb"[ ()\"\r\n]")


def read_command(read_line, read_exactly, ask_for_more, limit, literal_plus):
    """
    Reads one command with its literals; returns its pieces, text and String in turn, and its
    length in octets.

    read_line() gives a line without its CRLF; ask_for_more() sends the continuation request that a
    synchronizing literal waits for.
    """
    pieces, total = [], 0
    while True:
        line = read_line(limit - total if limit else 0)
        total += len(line) + 2
        literal = _LITERAL.search(line)
        if literal is None:
            pieces.append(line)
            return pieces, total
        pieces.append(line[:literal.start()])
        octets = int(literal.group(1))
        if limit and total + octets > limit:
            raise TooLong
        if not literal.group(2):
            ask_for_more()
        elif not literal_plus:
            raise BadSyntax("LITERAL+ is not offered")
        pieces.append(String(read_exactly(octets)))
        total += octets


def words(pieces):
    """Atoms, Strings and lists of them, nested as the parentheses are."""
    stack = [[]]
    for piece in pieces:
        if isinstance(piece, String):
            stack[-1].append(piece)
            continue
        position = 0
        while position < len(piece):
            octet = piece[position:position + 1]
            if octet == b" ":
                position += 1
            elif octet == b"(":
                stack.append([])
                position += 1
            elif octet == b")":
                if len(stack) == 1:
                    raise BadSyntax("unbalanced parenthesis")
                done = stack.pop()
                stack[-1].append(done)
                position += 1
            elif octet == b'"':
                text, position = _quoted(piece, position + 1)
                stack[-1].append(text)
            else:
                atom, position = _atom(piece, position)
                stack[-1].append(atom)
    if len(stack) != 1:
        raise BadSyntax("unbalanced parenthesis")
    return stack[0]


def _quoted(piece, position):
    made = bytearray()
    while position < len(piece):
        octet = piece[position]
        if octet == 0x22:
            return String(made), position + 1
        if octet == 0x5C:
            position += 1
            if piece[position:position + 1] not in (b'"', b"\\"):
                raise BadSyntax("only a quote or a backslash may be quoted")
            octet = piece[position]
        if octet in (0, 10, 13):
            raise BadSyntax("a quoted string holds no such octet")
        made.append(octet)
        position += 1
    raise BadSyntax("a quoted string does not end")


def _atom(piece, start):
    """An atom; within square brackets blanks and parentheses belong to it."""
    position = start
    while position < len(piece):
        if piece[position:position + 1] == b"[":
            position = piece.find(b"]", position)
            if position < 0:
                raise BadSyntax("a section does not end")
        elif _ATOM_END.match(piece, position):
            break
        position += 1
    if position == start:
        raise BadSyntax("an atom was expected")
    return Atom(piece[start:position].decode("latin-1")), position


def string(word):
    """The octets of an astring."""
    if isinstance(word, String):
        return bytes(word)
    if isinstance(word, Atom):
        return word.encode("latin-1")
    raise BadSyntax("a string was expected")


def sequence(word, highest):
    """A set as a list of (low, high), ascending and apart; `*` is `highest`."""
    if not isinstance(word, Atom) or not re.fullmatch(r"[0-9*]+(:[0-9*]+)?(,[0-9*]+(:[0-9*]+)?)*",
                                                      word):
        raise BadSyntax("a set of numbers was expected")
    ranges = []
    for part in word.split(","):
        try:
            ends = [highest if end == "*" else int(end) for end in part.split(":")]
        except ValueError:
            raise BadSyntax("a number was expected") from None
        if min(ends) < 1 and "*" not in part:
            raise BadSyntax("numbers begin at 1")
        ranges.append((min(ends), max(ends)))
    apart = []
    for low, high in sorted(ranges):
        if apart and low <= apart[-1][1]:
            apart[-1] = (apart[-1][0], max(high, apart[-1][1]))
        else:
            apart.append((low, high))
    return apart


def in_sequence(number, ranges):
    at = bisect.bisect_right(ranges, (number, math.inf)) - 1
    return at >= 0 and number <= ranges[at][1]


_PLAIN = re.compile(rb"[A-Za-z0-9_.=/&+,-]+")


def encode_astring(octets):
    """As the server writes a mailbox name."""
    if _PLAIN.fullmatch(octets):
        return octets
    if any(octet in (0, 10, 13) or octet > 126 for octet in octets):
        return b"{%d}\r\n" % len(octets) + octets
    return b'"' + octets.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def encode_utf7(name):
    """Mailbox names are modified UTF-7 on the wire (RFC 3501 section 5.1.3)."""
    made, run = bytearray(), ""
    for character in [*name, ""]:
        if character and not 0x20 <= ord(character) <= 0x7E:
            run += character
            continue
        if run:
            coded = base64.b64encode(run.encode("utf-16-be")).rstrip(b"=").replace(b"/", b",")
            made += b"&" + coded + b"-"
            run = ""
        made += b"&-" if character == "&" else character.encode("ascii")
    return bytes(made)


def decode_utf7(octets):
    def run(match):
        coded = match.group(1)
        if not coded:
            return "&"
        coded = coded.replace(",", "/")
        return base64.b64decode(coded + "=" * (-len(coded) % 4)).decode("utf-16-be")

    try:
        return re.sub(r"&([^-]*)-", run, octets.decode("ascii"))
    except (ValueError, UnicodeDecodeError):
        raise BadSyntax("no mailbox name") from None
