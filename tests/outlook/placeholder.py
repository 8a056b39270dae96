# SPDX-License-Identifier: ISC
"""What Exchange serves in the place of a message that it cannot convert to MIME."""

import email
import email.policy

from .store import Message, Octets

_TEXT = """\
MIME-Version: 1.0
Content-Type: text/plain; charset="us-ascii"
From: Microsoft Exchange Server 2010
To: {to}
Subject: Retrieval using the IMAP4 protocol failed for the following
 message: {uid}
Content-Transfer-Encoding: quoted-printable

The server couldn't retrieve the following message:

Subject: "{subject}"
From: "{sender}"
Sent date: {date}

The message hasn't been deleted. You might be able to view it using either =
Outlook or Outlook Web App. You can also contact the sender to find out what=
 the message says.
"""


def placeholder(message):
    """A message of the same UID and flags that says it cannot be retrieved."""
    header = email.message_from_bytes(message.body.read(0, message.body.header_length()),
                                      policy=email.policy.compat32)

    def field(name):
        return " ".join(str(header.get(name, "")).split())

    text = _TEXT.format(to=field("To"), uid=message.uid, subject=field("Subject"),
                        sender=field("From"), date=field("Date"))
    octets = text.encode("ascii", "replace").replace(b"\n", b"\r\n")
    return Message(message.uid, Octets(octets), message.flags, message.internaldate, message.size)
