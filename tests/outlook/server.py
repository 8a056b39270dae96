# SPDX-License-Identifier: ISC
"""The IMAP server: each connection is a session."""

from .journal import Journal
from .options import Options
from .service import TLS, Service
from .session import Session

__all__ = ["Server", "TLS"]


class Server(Service):
    """`identity`: the identity provider whose tokens it takes; None: it takes none."""

    def __init__(self, store, options=None, certificate=None, private_key=None, tls="implicit",
                 address="127.0.0.1", port=0, connections=1000, identity=None):
        super().__init__(options or Options(), certificate, private_key, tls, address, port,
                         connections)
        self.store = store
        self.identity = identity
        self.journal = Journal()

    def converse(self, connection, number):
        Session(self, connection, number).run()
