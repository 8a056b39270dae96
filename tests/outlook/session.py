# SPDX-License-Identifier: ISC
"""One IMAP session: the conversation, what the client knows of its mailbox, and what goes wrong."""

from . import commands
from .commands import AUTHENTICATED, LOGOUT, NOT_AUTHENTICATED, SELECTED
from .syntax import BadSyntax, String, TooLong, read_command, words


class Session:
    """
    The view is the list of messages by sequence number as the client knows them; others may have
    changed the mailbox since. tell_changes() closes the gap.
    """

    def __init__(self, server, connection, number):
        self.server = server
        self.options = server.options
        self.connection = connection
        self.number = number
        self.state = NOT_AUTHENTICATED
        self.account = None
        self.connected = True    # whether the mailbox opens to whoever logged in
        self.token = None        # by which that was, if it was one
        self.mailbox = None
        self.read_only = False
        self.view = []
        self.fault = None        # met by the command under way
        self.afterwards = None   # to be done when the tagged response is on its way
        self.say_after = ()      # lines behind the tagged response
        self._told = {}          # UID -> that message's `changes` when the client was told
        self._synced = -1
        self._errors = 0

    # The conversation.

    def run(self):
        try:
            self._begin()
            while self.state != LOGOUT:
                self._one_command()
                self.connection.flush()
                if self.afterwards is not None:
                    self.afterwards()
                    self.afterwards = None
        except TooLong:
            self.connection.cut()
        finally:
            self.leave_mailbox()

    def _begin(self):
        if self.server.tls == "implicit":
            fault = self.server.faults.take("TLS", "")
            if fault is not None:
                self._suffer(fault, None)
            self.connection.start_tls(self.server.context)
        fault = self.server.faults.take("GREETING", "")
        if fault is not None and self._suffer(fault, None):
            return
        self._greet(self.options.greeting)

    def _greet(self, greeting):
        self.say("* " + greeting)
        if greeting.startswith("BYE"):
            self.state = LOGOUT
        elif greeting.startswith("PREAUTH"):
            self.account = self.server.store.any_account()
            self.state = AUTHENTICATED
        self.connection.flush()

    def _one_command(self):
        pieces, octets = read_command(self.connection.read_line, self.connection.read_exactly,
                                      self._ask_for_more, self.options.command_limit,
                                      self.options.has("LITERAL+"))
        tag, _, rest = pieces[0].partition(b" ")
        tag = tag.decode("latin-1") or "*"
        name = _name(rest)
        text = _masked(name, rest, pieces[1:])
        self.server.journal.note(self.number, name, text, octets, self.connection.encrypted)
        self.connection.pause(self.options.latency)
        if self.token is not None and self.server.identity.find_access(self.token.text) is None:
            self.say("* BYE Session invalidated - AccessTokenExpired")
            self.connection.cut()
        self.fault = self.server.faults.take(name, text)
        if self.fault is not None and self._suffer(self.fault, tag):
            return
        result = self._perform(name, [rest, *pieces[1:]])
        if self.fault is not None:
            self._suffer_after(self.fault)
        if not name.startswith(("FETCH", "STORE", "SEARCH")):  # RFC 3501 section 7.4.1
            self.tell_changes()
        for line in self.options.unsolicited:
            self.say(line)
        self.say(f"{tag} {result}")
        for line in (*self.say_after, *(self.fault.say_after if self.fault is not None else ())):
            self.say(line)
        self._count_errors(result)

    def _perform(self, name, pieces):
        """The text of the tagged response."""
        row = commands.TABLE.get(name)
        if row is None or row.needs is not None and not self.options.has(row.needs):
            return commands.NOT_UNDERSTOOD
        if self.state not in row.states:
            return commands.INVALID_STATE
        if row.connected and not (self.connected and self.account.connected):
            return commands.NOT_CONNECTED
        try:
            arguments = words(pieces)[len(name.split(" ")):]
        except BadSyntax:
            return commands.NOT_UNDERSTOOD
        try:
            return row.function(self, arguments)
        except (BadSyntax, IndexError, UnicodeDecodeError):
            return commands.ARGUMENT

    def _count_errors(self, text):
        if text.startswith("OK"):
            return
        self._errors += 1
        unconnected = text == commands.NOT_CONNECTED and self._errors >= 3
        if unconnected or self.options.error_limit and self._errors >= self.options.error_limit:
            self.say("* BYE Connection closed. 14")
            self.connection.cut()

    # What goes wrong.

    def _suffer(self, fault, tag):
        """Before the command is done. True: it is answered, and not to be done."""
        self.connection.pause(fault.delay)
        for line in fault.say:
            self.say(line)
        if fault.bye is not None:
            self.say(f"* BYE {fault.bye}")
            self.connection.cut(fault.reset)
        if fault.cut == "before":
            self.connection.cut(fault.reset)
        if fault.hang == "before":
            self.connection.hang()
        if fault.reply is None:
            return False
        if tag is None:
            self._greet(fault.reply)
        else:
            self.say(f"{tag} {fault.reply}")
            self._count_errors(fault.reply)
        return True

    def _suffer_after(self, fault):
        if fault.cut == "after":
            self.connection.cut(fault.reset)
        if fault.hang == "after":
            self.connection.hang()

    # Octets out.

    def say(self, line):
        self.connection.send(line.encode("utf-8") + b"\r\n")

    def _ask_for_more(self):
        self.say("+ Ready for additional command text.")
        self.connection.flush()

    # The mailbox.

    def log_in(self, account, connected=True, token=None):
        self.account = account
        self.connected = connected
        self.token = token
        self.state = AUTHENTICATED

    def enter_mailbox(self, mailbox, read_only):
        self.leave_mailbox()
        with mailbox.lock:
            self.mailbox = mailbox
            self.read_only = read_only
            self.view = list(mailbox.messages)
            self._told = {message.uid: message.changes for message in self.view}
            self._synced = mailbox.changes
        mailbox.watch(self.connection.wake)
        self.state = SELECTED

    def leave_mailbox(self):
        if self.mailbox is not None:
            self.mailbox.unwatch(self.connection.wake)
            self.mailbox = None
            self.view = []
            self.state = AUTHENTICATED

    def told(self, message):
        """The client knows of this message's flags."""
        self._told[message.uid] = message.changes

    def tell_changes(self):
        """EXPUNGE, EXISTS and FETCH for whatever changed since the client was last told."""
        box = self.mailbox
        if box is None:
            return
        with box.lock:
            if box.changes == self._synced:
                return
            self._synced = box.changes
            present = {id(message) for message in box.messages}
            before = len(self.view)
            for number in range(before, 0, -1):
                if id(self.view[number - 1]) not in present:
                    self.say(f"* {number} EXPUNGE")
                    del self.view[number - 1]
            known = {id(message) for message in self.view}
            self.view += [message for message in box.messages if id(message) not in known]
            if len(self.view) != before or before != len(known):
                self.say(f"* {len(self.view)} EXISTS")
            for number, message in enumerate(self.view, 1):
                if self._told.get(message.uid, message.changes) != message.changes:
                    self.say(f"* {number} FETCH (FLAGS ({' '.join(sorted(message.flags))}))")
                self.told(message)


def _name(rest):
    """`UID FETCH` of `uid fetch 1:* ...`."""
    found = rest.decode("latin-1").upper().split(" ")
    return " ".join(found[:2]) if found[0] == "UID" else found[0]


def _masked(name, rest, literals):
    """The command for the journal: LOGIN keeps its name, nothing keeps what is behind it."""
    text = rest.decode("latin-1")
    if name in ("LOGIN", "AUTHENTICATE"):
        return " ".join(text.split(" ")[:2] + ["***"])
    for piece in literals:
        octets = piece.decode("latin-1")
        text += f'"{octets}"' if isinstance(piece, String) else octets
    return text
