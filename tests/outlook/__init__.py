# SPDX-License-Identifier: ISC
"""A mail server that looks like Exchange Online's IMAP, and misbehaves on cue.

It is what Packetboat's tests talk to, and the demonstration mailbox of ./quickstart. It needs
nothing but Python's standard library, keeps everything in memory, and listens on loopback only.

    store = Store()
    inbox = store.add_user("ada@example.org", "secret").inbox
    inbox.append(b"Subject: hello\\r\\n\\r\\nhi\\r\\n")
    with Server(store, Options(drop={"MOVE"}), certificate=..., private_key=...) as server:
        server.faults.cue(Fault("UID EXPUNGE", cut="before"))
        ... server.port ...
        server.journal.texts("UID STORE")

Beside it, in identity/, are the endpoints where one signs in and gets the tokens that it takes.

The modules: store (accounts, mailboxes, messages), options (what the server looks like), syntax
(octets to commands), fetch (FETCH responses), session (one connection), permissions (which token
opens what), faults, placeholder, journal, server, service (what both servers share), samples
(demonstration messages), cli. `python3 tests/outlook --help` runs it by hand.
"""

from .faults import Fault, unconvertible
from .identity import Directory, Identity, Settings, Trouble
from .options import Options
from .server import Server
from .store import Generated, Octets, Store

__all__ = ["Directory", "Fault", "Generated", "Identity", "Octets", "Options", "Server", "Settings",
           "Store", "Trouble", "unconvertible"]
