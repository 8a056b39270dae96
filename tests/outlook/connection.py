# SPDX-License-Identifier: ISC
"""One accepted socket: lines in, octets out, and the ways a connection can end."""

import select
import socket
import ssl
import struct
import time

from .syntax import TooLong


class Ended(Exception):
    """The connection is over."""


class Connection:
    """Blocking; used by its session's thread alone, but for interrupt()."""

    def __init__(self, sock, options, stopping):
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket = sock
        self._options = options
        self._stopping = stopping
        self._received = bytearray()
        self._queued = bytearray()
        self.encrypted = False
        self._wake_in, self._wake_out = socket.socketpair()
        self._wake_in.setblocking(False)
        self._wake_out.setblocking(False)

    def start_tls(self, context):
        """Raises Ended when the client does not like what it sees."""
        if self._received:
            raise Ended
        try:
            self._socket = context.wrap_socket(self._socket, server_side=True)
        except (OSError, ssl.SSLError):
            raise Ended from None
        self.encrypted = True

    # What comes in.

    def _receive(self):
        try:
            octets = self._socket.recv(65536)
        except (OSError, ssl.SSLError, ValueError):
            raise Ended from None
        if not octets:
            raise Ended
        return octets

    def read_line(self, limit=0):
        """A line without its CRLF. Raises TooLong beyond `limit` octets (0: none)."""
        searched = 0
        while True:
            end = self._received.find(b"\n", searched)
            if limit and (end > limit or end < 0 and len(self._received) > limit):
                raise TooLong
            if end >= 0:
                line = bytes(self._received[:end])
                del self._received[:end + 1]
                return line[:-1] if line.endswith(b"\r") else line
            searched = len(self._received)
            self._received += self._receive()

    def read_exactly(self, count):
        while len(self._received) < count:
            self._received += self._receive()
        octets = bytes(self._received[:count])
        del self._received[:count]
        return octets

    def wait_for_line(self, woken):
        """A line, for IDLE: calls woken() each time wake() was called meanwhile."""
        while b"\n" not in self._received:
            if not (isinstance(self._socket, ssl.SSLSocket) and self._socket.pending()):
                ready, _, _ = select.select([self._socket, self._wake_in], [], [])
                if self._wake_in in ready:
                    self._drain_wake()
                    woken()
                if self._socket not in ready:
                    continue
            self._received += self._receive()
        return self.read_line()

    def wake(self):
        """From any thread."""
        try:
            self._wake_out.send(b"!")
        except OSError:
            pass

    def _drain_wake(self):
        try:
            while self._wake_in.recv(4096):
                pass
        except OSError:
            pass

    # What goes out.

    def send(self, octets):
        self._queued += octets
        if len(self._queued) >= 65536:
            self.flush()

    def send_slowly(self, octets):
        """As send(), but no faster than Options.rate."""
        rate = self._options.rate
        if not rate:
            self.send(octets)
            return
        step = max(1, rate // 20)
        for start in range(0, len(octets), step):
            self.send(octets[start:start + step])
            self.flush()
            self.pause(min(step, len(octets) - start) / rate)

    def flush(self):
        chunk = self._options.chunk or len(self._queued)
        octets = memoryview(bytes(self._queued))
        self._queued.clear()
        try:
            for start in range(0, len(octets), chunk or 1):
                self._socket.sendall(octets[start:start + chunk])
        except (OSError, ssl.SSLError, ValueError):
            raise Ended from None

    def pause(self, seconds):
        if seconds > 0 and self._stopping.wait(seconds):
            raise Ended

    # How it ends.

    def cut(self, reset=False):
        """Ends it now: RST, or FIN without a TLS close, as a front end that dies does."""
        if self._queued:
            self.flush()
        if reset:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        else:
            self._linger()
        raise Ended

    def _linger(self):
        """FIN, and then what the client still sends is read away: closing with octets unread
        would turn the FIN into an RST."""
        try:
            socket.socket.shutdown(self._socket, socket.SHUT_WR)
            deadline = time.monotonic() + 2.0
            while time.monotonic() < deadline and not self._stopping.is_set():
                if select.select([self._socket], [], [], 0.05)[0]:
                    if not socket.socket.recv(self._socket, 65536):
                        break
        except (OSError, ValueError):
            pass

    def hang(self):
        """Says nothing more, until the client goes."""
        if self._queued:
            self.flush()
        while True:
            self._receive()

    def interrupt(self):
        """From any thread: makes what blocks end."""
        try:
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)
        except OSError:
            pass

    def close(self):
        for one in (self._socket, self._wake_in, self._wake_out):
            try:
                one.close()
            except OSError:
                pass
