# SPDX-License-Identifier: ISC
"""Accounts, mailboxes and messages, in memory.

One lock guards a whole store; whoever reads or changes a mailbox takes it. Tests change mailboxes
behind the back of open sessions with the same methods that sessions use.
"""

import datetime
import threading

SYSTEM_FLAGS = ("\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft", "$MDNSent")
_CANONICAL = {flag.lower(): flag for flag in SYSTEM_FLAGS}


def canonical_flag(name):
    return _CANONICAL.get(name.lower(), name)


class Octets:
    """A message that is held as it is."""

    def __init__(self, octets):
        self._octets = bytes(octets)
        self.length = len(self._octets)

    def read(self, start, count):
        return self._octets[start:start + count]

    def header_length(self):
        if self._octets.startswith(b"\r\n"):
            return 2
        blank = self._octets.find(b"\r\n\r\n")
        return self.length if blank < 0 else blank + 4


class Generated:
    """A message of exactly `length` octets that is never in memory: numbered lines of 64 octets."""

    _LINE = 64
    _FILLER = b" all work and no play makes a dull test ........."

    def __init__(self, length, subject="generated"):
        header = (f"From: Generator <generator@example.org>\r\nSubject: {subject}\r\n"
                  f"Message-ID: <generated-{length}@example.org>\r\nX-Padding: ").encode()
        body = max(0, length - len(header) - 4 - self._LINE) // self._LINE * self._LINE
        padding = length - body - len(header) - 4
        if padding < 0:
            raise ValueError("too short for a generated message")
        self._header = header + b"x" * padding + b"\r\n\r\n"
        self.length = length

    def read(self, start, count):
        stop = min(start + count, self.length)
        pieces = [self._header[start:stop]]
        begin = max(start - len(self._header), 0)
        end = stop - len(self._header)
        if end > begin:
            first = begin // self._LINE
            lines = b"".join(b"%012x" % number + self._FILLER + b".\r\n"
                             for number in range(first, -(-end // self._LINE)))
            pieces.append(lines[begin - first * self._LINE:end - first * self._LINE])
        return b"".join(pieces)

    def header_length(self):
        return len(self._header)


class Message:
    """One message of one mailbox. `size` is what RFC822.SIZE says when it is not to be computed."""

    def __init__(self, uid, body, flags=(), internaldate=None, size=None):
        self.uid = uid
        self.body = body
        self.flags = {canonical_flag(flag) for flag in flags}
        self.internaldate = internaldate or datetime.datetime.now(datetime.timezone.utc)
        self.size = size
        self.changes = 0


class Mailbox:
    """Messages in ascending order of UID. `changes` counts what sessions must be told of."""

    def __init__(self, lock, name, uidvalidity, attributes=()):
        self.lock = lock
        self.name = name
        self.uidvalidity = uidvalidity
        self.attributes = tuple(attributes)
        self.uidnext = 1
        self.messages = []
        self._by_uid = {}
        self.changes = 0
        self._watchers = set()

    def append(self, body, flags=(), internaldate=None, size=None, uid=None):
        """Puts in octets (or an object of Octets' kind); returns the UID."""
        if isinstance(body, (bytes, bytearray)):
            body = Octets(body)
        with self.lock:
            if uid is None:
                uid = self.uidnext
            if uid < self.uidnext:
                raise ValueError("UIDs ascend")
            message = Message(uid, body, flags, internaldate, size)
            self.messages.append(message)
            self._by_uid[uid] = message
            self.uidnext = uid + 1
            self._changed()
            return uid

    def find(self, uid):
        with self.lock:
            return self._by_uid.get(uid)

    def holds(self, message):
        """Whether it is still there."""
        return self.find(message.uid) is message

    def uids(self):
        with self.lock:
            return [message.uid for message in self.messages]

    def flags(self, uid):
        """The flags of a message, or None if it is not there."""
        with self.lock:
            message = self.find(uid)
            return None if message is None else set(message.flags)

    def change_flags(self, uid, add=(), remove=()):
        with self.lock:
            message = self.find(uid)
            if message is not None:
                self.set_flags(message, (message.flags | {canonical_flag(f) for f in add})
                               - {canonical_flag(f) for f in remove})

    def set_flags(self, message, flags):
        with self.lock:
            if flags != message.flags:
                message.flags = set(flags)
                message.changes += 1
                self._changed()

    def remove(self, uids):
        """Expunges; UIDs that are not there are ignored."""
        gone = set(uids)
        with self.lock:
            self._replace([message for message in self.messages if message.uid not in gone])

    def renumber(self, uidvalidity):
        """A new UIDVALIDITY, and new UIDs for everything."""
        with self.lock:
            self.uidvalidity = uidvalidity
            self._replace([Message(uid, old.body, old.flags, old.internaldate, old.size)
                           for uid, old in enumerate(self.messages, 1)])
            self.uidnext = len(self.messages) + 1

    def _replace(self, messages):
        self.messages = messages
        self._by_uid = {message.uid: message for message in messages}
        self._changed()

    def watch(self, callback):
        with self.lock:
            self._watchers.add(callback)

    def unwatch(self, callback):
        with self.lock:
            self._watchers.discard(callback)

    def _changed(self):
        self.changes += 1
        for callback in self._watchers:
            callback()


class Account:
    """One user: name, password (octets; None: it has none), and mailboxes by name."""

    def __init__(self, lock, user, password, uidvalidity):
        self.lock = lock
        self.user = user
        self.password = password
        # False: every command is answered that the user is authenticated but not connected.
        self.connected = True
        # For tokens: Set-CASMailbox -ImapEnabled; and who has FullAccess by Add-MailboxPermission,
        # people by name in lower case, applications by client_id.
        self.imap_enabled = True
        self.delegates = set()
        self.applications = set()
        self._uidvalidity = uidvalidity
        self.mailboxes = {}
        for name in ("INBOX", "Sent Items", "Drafts", "Junk Email"):
            self.create(name)
        self.create("Deleted Items", attributes=("\\Trash",))

    @property
    def inbox(self):
        return self.mailboxes["INBOX"]

    def create(self, name, attributes=()):
        """Returns the new mailbox, or None if there is one of that name."""
        with self.lock:
            if self.find(name) is not None:
                return None
            self._uidvalidity += 1
            made = Mailbox(self.lock, name, self._uidvalidity, attributes)
            self.mailboxes[name] = made
            return made

    def delete(self, name):
        with self.lock:
            del self.mailboxes[name]

    def find(self, name):
        with self.lock:
            return self.mailboxes.get("INBOX" if name.upper() == "INBOX" else name)


class Store:
    """`one_case`: names of users match without case, as Exchange's do; else each is its own."""

    def __init__(self, uidvalidity=170534, one_case=True):
        self.lock = threading.RLock()
        self._uidvalidity = uidvalidity
        self._one_case = one_case
        self._accounts = {}
        # New-ServicePrincipal: {client_id: the object's ID that it was given}
        self.service_principals = {}

    def _key(self, user):
        return user.lower() if self._one_case else user

    def add_user(self, user, password=None):
        if isinstance(password, str):
            password = password.encode()
        with self.lock:
            account = Account(self.lock, user, password, self._uidvalidity)
            self._accounts[self._key(user)] = account
            return account

    def find_account(self, user):
        """The account of that name, or None."""
        with self.lock:
            return self._accounts.get(self._key(user))

    def log_in(self, user, password):
        """The account, or None. Both arguments are octets."""
        try:
            account = self.find_account(user.decode())
        except UnicodeDecodeError:
            return None
        return account if account is not None and account.password == password else None

    def introduce(self, application, object_id=None):
        """New-ServicePrincipal; `object_id` is the right one unless said otherwise."""
        with self.lock:
            self.service_principals[application.client_id] = object_id or application.object_id

    def any_account(self):
        """The first one; None if there is none."""
        with self.lock:
            return next(iter(self._accounts.values()), None)
