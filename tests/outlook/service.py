# SPDX-License-Identifier: ISC
"""Listens, and gives each connection a thread: what the IMAP server and the identity provider
share."""

import socket
import ssl
import threading

from .connection import Connection, Ended
from .faults import Faults

TLS = ("implicit", "starttls", "none")


class Service:
    """
    start(), stop(); or a `with` block. `port` is known after start(), and kept when it is started
    again. `crashes` holds what broke the server itself: a test that finds something there has
    found a bug of the simulation.
    """

    def __init__(self, options, certificate=None, private_key=None, tls="implicit",
                 address="127.0.0.1", port=0, connections=1000):
        if tls not in TLS:
            raise ValueError(f"tls is one of {', '.join(TLS)}")
        self.options = options
        self.tls = tls
        self.address = address
        self.port = port
        self.faults = Faults()
        self.crashes = []
        self.context = None
        if tls != "none":
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.minimum_version = ssl.TLSVersion.TLSv1_2
            self.context.load_cert_chain(certificate, private_key)
        self._limit = connections
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._open = {}
        self._accepted = 0
        self._listener = None
        self._thread = None

    def converse(self, connection, number):
        """The conversation over one connection, counted from 1; Ended may be raised."""
        raise NotImplementedError

    def start(self):
        self._stopping.clear()
        family = socket.AF_INET6 if ":" in self.address else socket.AF_INET
        self._listener = socket.socket(family, socket.SOCK_STREAM)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind((self.address, self.port))
        self._listener.listen(128)
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, args=(self._listener,), daemon=True)
        self._thread.start()
        return self

    def stop(self):
        """Refuses new connections and breaks those that are open. May be called twice."""
        self._stopping.set()
        if self._listener is not None:
            try:
                self._listener.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            self._listener.close()
            self._listener = None
        with self._lock:
            open_now = list(self._open.items())
        for connection, thread in open_now:
            connection.interrupt()
            thread.join(10)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def open_connections(self):
        with self._lock:
            return len(self._open)

    def accepted(self):
        """Connections since the start."""
        with self._lock:
            return self._accepted

    def _accept(self, listener):
        while not self._stopping.is_set():
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            with self._lock:
                if len(self._open) >= self._limit:
                    sock.close()
                    continue
                self._accepted += 1
                connection = Connection(sock, self.options, self._stopping)
                thread = threading.Thread(target=self._serve, args=(connection, self._accepted),
                                          daemon=True)
                self._open[connection] = thread
            thread.start()

    def _serve(self, connection, number):
        try:
            self.converse(connection, number)
        except Ended:
            pass
        except Exception as error:  # pylint: disable=broad-except
            self.crashes.append(error)
            raise
        finally:
            connection.close()
            with self._lock:
                del self._open[connection]
