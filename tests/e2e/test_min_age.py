#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""`min_age`: mail is not listed before it has been in the mailbox for so long."""

import datetime

from harness import DaemonTest, eventually, main
from messages import as_retrieved, message

NOW = datetime.datetime.now(datetime.timezone.utc)
ELSEWHERE = datetime.timezone(datetime.timedelta(hours=-11, minutes=-30))


def ago(**arguments):
    return NOW - datetime.timedelta(**arguments)


class MinAge(DaemonTest):
    def test_only_old_enough_messages_are_listed(self):
        rows = (("old", ago(days=3)), ("young", ago(seconds=30)), ("just old enough", ago(hours=2)),
                ("from the future", ago(hours=-5)), ("old, in another zone",
                                                     ago(hours=3).astimezone(ELSEWHERE)))
        self.start_imap()
        for name, when in rows:
            self.inbox.append(message(name, b"text\r\n"), internaldate=when)
        self.start_daemon([self.account(min_age=3600)])
        client = self.log_in()
        self.assertEqual([text[:8] for text in client.unique_ids().values()],
                         ["00000001", "00000003", "00000005"])
        self.assertEqual(client.retrieve(2)[1],
                         as_retrieved(message("just old enough", b"text\r\n")))

    def test_without_it_everything_is_listed(self):
        self.start_imap()
        self.inbox.append(message("from the future", b""), internaldate=ago(hours=-5))
        self.start_daemon()
        self.assertEqual(self.log_in().stat()[0], 1)

    def test_a_message_appears_when_it_is_old_enough(self):
        self.start_imap([message("just now", b"text\r\n")])
        self.start_daemon([self.account(min_age=3)])
        began = datetime.datetime.now(datetime.timezone.utc)

        def count():
            client = self.log_in()
            found = client.stat()[0]
            self.quit(client)
            return found

        first = count()
        if datetime.datetime.now(datetime.timezone.utc) - began < datetime.timedelta(seconds=2):
            self.assertEqual(first, 0)
        eventually(lambda: count() == 1, "the message is listed")


if __name__ == "__main__":
    main()
