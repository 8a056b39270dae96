# SPDX-License-Identifier: ISC
"""What the server looks like. The defaults are Exchange Online's, as its clients have seen it."""

import base64
from dataclasses import dataclass, field

BEFORE_LOGIN = ("IMAP4", "IMAP4rev1", "AUTH=PLAIN", "AUTH=XOAUTH2", "SASL-IR", "UIDPLUS", "ID",
                "UNSELECT", "CHILDREN", "IDLE", "NAMESPACE", "LITERAL+")
# MOVE shows only after login.
AFTER_LOGIN = ("IMAP4", "IMAP4rev1", "AUTH=PLAIN", "AUTH=XOAUTH2", "SASL-IR", "UIDPLUS", "MOVE",
               "ID", "UNSELECT", "CLIENTACCESSRULES", "CLIENTNETWORKPRESENCELOCATION",
               "BACKENDAUTHENTICATE", "CHILDREN", "IDLE", "NAMESPACE", "LITERAL+")

# The bracket is the front end's name, UTF-16LE in base64: no response code.
_FRONT_END = base64.b64encode("MR1P264CA0213.FRAP264.PROD.OUTLOOK.COM".encode("utf-16-le")).decode()
GREETING = f"OK The Microsoft Exchange IMAP4 service is ready. [{_FRONT_END}]"

SIZES = ("estimate", "exact", "half", "double")


@dataclass
class Options:
    """Any of these can be changed while the server runs; sessions look at them as they go."""

    greeting: str = GREETING
    before_login: tuple = BEFORE_LOGIN
    after_login: tuple = AFTER_LOGIN
    # Capabilities left out of both lists; the server then does not know what they stand for.
    drop: set = field(default_factory=set)
    # Listed besides: AUTH=OAUTHBEARER, say.
    extra: tuple = ()
    # Whether passwords are taken. Exchange Online takes none any more, whatever it lists; how it
    # says so, {} being the command; and whether it hangs up then, as it does for consumers.
    passwords: bool = True
    password_refusal: str = "NO {} failed."
    password_bye: bool = False
    # Explain a refused token in a challenge (a JSON object) before the NO, as others do.
    token_challenge: str = ""
    # Behind the first octets of a command line the server hangs up (0: never).
    command_limit: int = 10240
    # Errors in one session before it hangs up (0: never).
    error_limit: int = 10
    # \Trash and its like in LIST; Exchange shows none.
    special_use: bool = False
    read_only: bool = False
    # RFC822.SIZE: Exchange gives the size in its store, which is not the message's.
    sizes: str = "estimate"
    # In which order FETCH items come; what is not named here follows.
    fetch_order: tuple = ("RFC822.SIZE", "INTERNALDATE", "FLAGS", "UID")
    # BODY[...]: "literal", "quoted" where the octets allow it, or "nil".
    bodies: str = "literal"
    # What is left out of the response to SELECT: UIDVALIDITY, UIDNEXT, ...
    select_drop: set = field(default_factory=set)
    # Untagged lines that go in front of every tagged response.
    unsolicited: tuple = ()
    # Answer <o.n> with the whole section, as Exchange has been seen to do.
    ignore_partial: bool = False
    # Seconds before each command is looked at, and before each login.
    latency: float = 0.0
    login_latency: float = 0.0
    # Octets in one write (0: as they come), and octets a second of bodies (0: no limit).
    chunk: int = 0
    rate: int = 0

    def capabilities(self, logged_in, starttls):
        listed = self.after_login if logged_in else self.before_login
        kept = [name for name in (*listed, *self.extra) if name not in self.drop]
        if starttls:
            kept.append("STARTTLS")
        return kept

    def has(self, name):
        """Whether the server knows an extension at all."""
        return name not in self.drop and name in (*self.before_login, *self.after_login,
                                                  *self.extra)

    def size_of(self, message):
        """RFC822.SIZE of a message. Nothing is estimated to be what it is not: empty."""
        length = message.body.length
        if message.size is not None:
            return message.size
        if self.sizes == "exact" or length == 0:
            return length
        if self.sizes == "half":
            return max(1, length // 2)
        if self.sizes == "double":
            return length * 2
        return length + length // 9 + 137
