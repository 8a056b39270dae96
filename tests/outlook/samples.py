# SPDX-License-Identifier: ISC
"""Messages for demonstrations: what somebody might find in a mailbox."""

import datetime
from email.message import EmailMessage
from email.utils import format_datetime

_LETTERS = (
    ("Harbour Office <office@harbour.example>", "Your parcel is on the packet boat",
     "Dear Ada,\n\nthe packet boat left on the evening tide and carries one parcel for you.\n"
     "It will be at the quay tomorrow at seven, wind permitting.\n\n"
     "    .-- a line that begins with a dot arrives with that one dot\n"
     ".   and so does this one\n\nThe Harbour Office\n"),
    ("Helpdesk <helpdesk@contoso.example>", "[#4711] Printer on floor 2",
     "A new ticket was opened.\n\nThe printer on floor 2 prints nothing but packet boats.\n"),
    ("Grüße <gruss@example.org>", "Grüße aus Übersee ⛵",
     "Schöne Grüße!\n\nUmlauts, 世界 and a boat: ⛵\n"),
    ("Newsletter <news@example.org>", "Ten knots you should know",
     "1. The bowline\n2. The sheet bend\n3. The clove hitch\n...\n"),
)


def letters(recipient, now=None):
    """Octets of some messages, oldest first, with their dates."""
    now = now or datetime.datetime.now(datetime.timezone.utc)
    made = []
    for number, (sender, subject, text) in enumerate(_LETTERS):
        when = now - datetime.timedelta(hours=len(_LETTERS) - number)
        letter = EmailMessage()
        letter["From"] = sender
        letter["To"] = recipient
        letter["Subject"] = subject
        letter["Date"] = format_datetime(when)
        letter["Message-ID"] = f"<demonstration-{number + 1}@outlook.example>"
        letter.set_content(text, cte="quoted-printable" if not text.isascii() else "7bit")
        made.append((letter.as_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"), when))
    return made
