# SPDX-License-Identifier: ISC
"""A POP3 client that shows every octet: what poplib tidies up, a test wants to see."""

import base64
import socket
import struct


class Reply(str):
    """A status line without its CRLF."""

    @property
    def ok(self):
        return self.startswith("+OK")

    @property
    def code(self):
        """`SYS/TEMP` of `-ERR [SYS/TEMP] ...` (RFC 2449 section 8), or None."""
        words = self.split(" ")
        if self.ok or len(words) < 2 or not (words[1].startswith("[") and "]" in words[1]):
            return None
        return words[1][1:words[1].index("]")]


class Pop3:
    """One connection. The greeting is read at once unless `greet` is False."""

    def __init__(self, address, port, context=None, greet=True, timeout=60.0, source=None,
                 receive_buffer=None):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        if source is not None:
            self.socket.bind((source, 0))
        self.socket.connect((address, port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = bytearray()
        if context is not None:
            self.start_tls(context)
        self.greeting = self.line() if greet else None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def start_tls(self, context, name="localhost"):
        self.socket = context.wrap_socket(self.socket, server_hostname=name)

    # Octets.

    def send(self, octets):
        self.socket.sendall(octets)

    def _receive(self):
        octets = self.socket.recv(262144)
        if not octets:
            raise EOFError
        self._buffer += octets

    def octets(self, count):
        """The next `count` octets; EOFError when there are not so many."""
        while len(self._buffer) < count:
            self._receive()
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken

    def line(self):
        searched = 0
        while True:
            end = self._buffer.find(b"\r\n", searched)
            if end >= 0:
                line = bytes(self._buffer[:end])
                del self._buffer[:end + 2]
                return Reply(line.decode("latin-1"))
            searched = max(0, len(self._buffer) - 1)
            self._receive()

    def stuffed_message(self):
        """Octets up to the final dot, byte-stuffing as it came."""
        searched = 0
        while True:
            if self._buffer.startswith(b".\r\n"):
                del self._buffer[:3]
                return b""
            end = self._buffer.find(b"\r\n.\r\n", searched)
            if end >= 0:
                message = bytes(self._buffer[:end + 2])
                del self._buffer[:end + 5]
                return message
            searched = max(0, len(self._buffer) - 4)
            self._receive()

    def message(self):
        """The message that follows, byte-stuffing undone (RFC 1939 section 3)."""
        stuffed = self.stuffed_message()
        if stuffed.startswith(b"."):
            stuffed = stuffed[1:]
        return stuffed.replace(b"\r\n.", b"\r\n")

    def rest(self):
        """Everything until the connection ends, however it ends."""
        try:
            while True:
                self._receive()
        except (EOFError, ConnectionError, OSError) as error:
            if isinstance(error, socket.timeout):
                raise
        taken = bytes(self._buffer)
        self._buffer.clear()
        return taken

    def is_silent(self, seconds):
        """Whether nothing arrives for so long."""
        before = self.socket.gettimeout()
        self.socket.settimeout(seconds)
        try:
            self._receive()
            return False
        except socket.timeout:
            return True
        except EOFError:
            return False
        finally:
            self.socket.settimeout(before)

    # Commands.

    def command(self, text):
        """Says one line; the status line that comes back."""
        self.send((text if isinstance(text, bytes) else text.encode("utf-8")) + b"\r\n")
        return self.line()

    def listing(self, text):
        """A command with a multi-line reply: status line, lines. No lines behind an -ERR."""
        status = self.command(text)
        if not status.ok:
            return status, []
        lines = []
        while True:
            line = self.line()
            if line == ".":
                return status, lines
            lines.append(str(line))

    def retrieve(self, msgno):
        """RETR: status line, message (None behind an -ERR)."""
        status = self.command(f"RETR {msgno}")
        return status, self.message() if status.ok else None

    def top(self, msgno, lines):
        status = self.command(f"TOP {msgno} {lines}")
        return status, self.message() if status.ok else None

    def unique_ids(self):
        """{msgno: unique-id}"""
        _, lines = self.listing("UIDL")
        return {int(number): text for number, text in (line.split(" ") for line in lines)}

    def sizes(self):
        _, lines = self.listing("LIST")
        return {int(number): int(octets) for number, octets in (line.split(" ") for line in lines)}

    def stat(self):
        """(messages, octets)"""
        _, count, octets = self.command("STAT").split(" ")[:3]
        return int(count), int(octets)

    def log_in(self, user, password):
        """USER and PASS; what PASS was answered (or USER, when it is refused)."""
        if isinstance(password, str):
            password = password.encode("utf-8")
        status = self.command(f"USER {user}")
        return self.command(b"PASS " + password) if status.ok else status

    def log_in_plain(self, user, password):
        """AUTH PLAIN with an initial response."""
        if isinstance(password, str):
            password = password.encode("utf-8")
        response = base64.b64encode(b"\0" + user.encode("utf-8") + b"\0" + password)
        return self.command(b"AUTH PLAIN " + response)

    # Ends.

    def close(self):
        self.socket.close()

    def reset(self):
        """Ends the connection by RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()
