#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Messages that Exchange cannot convert: what stands in for one is not passed off as it, and nobody
deletes what they did not get."""

from harness import DaemonTest, eventually, main
from messages import MEGABYTE, as_retrieved, message, patterned
from oauth import OAuthTest
from outlook import Fault, Generated, unconvertible

MESSAGES = [message(f"number {number}", patterned(3000, str(number))) for number in range(1, 5)]
SUBJECT = b"Subject: Retrieval using the IMAP4 protocol failed for the following"


class UnreadableTest(DaemonTest):
    def open(self, messages=None, **account):
        self.imap = None
        self.start_imap(messages or MESSAGES)
        self.start_daemon([self.account(**account)])
        # What may be asked for without a peek.
        self.unpeeked = {2}

    def make_unconvertible(self, uid, times=None):
        for fault in unconvertible(uid, times):
            self.imap.faults.cue(fault)

    def seen(self):
        return {uid for uid in self.inbox.uids() if "\\Seen" in self.inbox.flags(uid)}


class Refused(UnreadableTest):
    def assert_refused(self, client, command):
        reply = client.command(command)
        self.assert_err(reply, "SYS/TEMP")
        self.assertIn("placeholder", str(reply))

    def test_a_message_that_exchange_cannot_convert_is_an_error_and_stays(self):
        self.open()
        self.make_unconvertible(2)
        client = self.log_in()
        for command in ("RETR 2", "TOP 2 0", "TOP 2 5", "TOP 2 99999999"):
            self.assert_refused(client, command)
        self.assert_err(client.command("DELE 2"), "SYS/TEMP")
        self.assert_ok(self.quit(client))
        self.assertEqual(self.inbox.uids(), [1, 2, 3, 4])
        self.assertEqual(self.inbox.flags(2), set())

    def test_the_log_names_the_message_and_counts(self):
        self.open()
        self.make_unconvertible(2)
        client = self.log_in()
        self.assert_refused(client, "RETR 2")
        self.assert_refused(client, "TOP 2 0")
        self.assert_ok(self.quit(client))
        line = self.daemon.log.wait("message-failed", count=2)
        self.assertEqual(line.fields["uid"], "2")
        self.assertIn("placeholder", line.fields["reason"])
        self.assertEqual(self.daemon.log.wait("session-end").fields["unreadable"], "2")

    def test_a_placeholder_for_a_peek_is_none_the_better(self):
        self.open()
        self.imap.faults.cue(Fault("UID FETCH", "FETCH 2 (BODY", body="placeholder", times=None))
        client = self.log_in()
        for command in ("RETR 2", "TOP 2 0", "TOP 2 5"):
            self.assert_refused(client, command)
        self.assert_err(client.command("DELE 2"), "SYS/TEMP")
        self.assert_ok(self.quit(client))
        self.unpeeked = set()

    def test_a_placeholder_is_known_in_pieces_of_any_size(self):
        self.open()
        self.make_unconvertible(2)
        client = self.log_in()
        for chunk in (1, 7, 100):
            with self.subTest(chunk):
                self.imap.options.chunk = chunk
                self.assert_refused(client, "RETR 2")
                self.assertEqual(client.retrieve(3)[1], as_retrieved(MESSAGES[2]))

    def test_who_fetches_and_deletes_loses_nothing(self):
        """A ticket system that polls: it deletes whatever RETR did not refuse, and some that it
        did."""
        self.open()
        self.make_unconvertible(2)
        self.deleted = {1, 3, 4}
        client = self.log_in()
        for msgno in (1, 2, 3, 4):
            client.retrieve(msgno)
            client.command(f"DELE {msgno}")
        self.assert_ok(self.quit(client))
        self.assertEqual(self.inbox.uids(), [2])
        self.imap.faults.clear()
        client = self.log_in()
        self.assertEqual(client.retrieve(1)[1], as_retrieved(MESSAGES[1]))
        self.assert_ok(client.command("DELE 1"))
        self.deleted = {1, 2, 3, 4}
        self.assert_ok(self.quit(client))
        self.assertEqual(self.inbox.uids(), [])

    def test_who_asks_about_a_placeholder_is_no_placeholder(self):
        quoted = (b"From: Ada <ada@example.org>\r\n" + SUBJECT + b" message: 2\r\n\r\n"
                  b"From: Microsoft Exchange Server\r\n" + SUBJECT + b" message: 2\r\n")
        self.open([quoted])
        client = self.log_in()
        self.assertEqual(client.retrieve(1)[1], quoted)

    def test_a_large_message_is_not_looked_at(self):
        self.open([Generated(5 * MEGABYTE, "Retrieval using the IMAP4 protocol failed")])
        client = self.log_in()
        _, received = client.retrieve(1)
        self.assertEqual(len(received), 5 * MEGABYTE)


class WithoutPeek(UnreadableTest):
    """What a peek does not give, BODY[] may give, which sets \\Seen."""

    def open(self, messages=None, **account):
        super().open(messages, **account)
        self.imap.faults.cue(Fault("UID FETCH", "FETCH 2 (BODY.PEEK", body="absent", times=None))

    def test_the_message_is_delivered_and_read_only_when_the_account_says_so(self):
        for mode, expected in (("retr", {2}), ("delete", set()), ("never", set())):
            with self.subTest(mode):
                self.open(mark_seen=mode)
                client = self.log_in()
                self.assertEqual(client.retrieve(2)[1], as_retrieved(MESSAGES[1]))
                self.assertEqual(self.seen(), set(), "nothing is marked before QUIT")
                self.assert_ok(self.quit(client))
                self.daemon.log.wait("session-end")
                eventually(lambda wanted=expected: self.seen() == wanted, f"{expected} are seen")
                self.stop()

    def test_a_message_that_was_read_stays_read(self):
        self.open(mark_seen="never")
        self.inbox.change_flags(2, add=["\\Seen"])
        client = self.log_in()
        self.assertEqual(client.retrieve(2)[1], as_retrieved(MESSAGES[1]))
        self.assert_ok(self.quit(client))
        self.assertEqual(self.seen(), {2})
        self.assertEqual(self.imap.journal.entries("UID STORE"), [])

    def test_top_leaves_it_unread(self):
        self.open(mark_seen="retr")
        client = self.log_in()
        self.assert_ok(client.top(2, 3)[0])
        self.assert_ok(self.quit(client))
        self.assertEqual(self.seen(), set())

    def test_a_connection_lost_in_between_marks_nothing_and_deletes_nothing(self):
        for fault in (Fault("UID FETCH", "FETCH 2 (BODY[", cut="before"),
                      Fault("UID FETCH", "FETCH 2 (UID FLAGS", cut="after")):
            with self.subTest(fault.containing):
                self.open()
                self.imap.faults.cue(fault)
                client = self.log_in()
                self.assert_err(client.command("RETR 2"), "SYS/TEMP")
                self.assertFalse(client.command("DELE 2").ok)
                self.assert_ok(self.quit(client))
                self.assertEqual(self.inbox.uids(), [1, 2, 3, 4])
                self.assertEqual(self.seen(), set())
                self.stop()

    def test_a_message_is_whole_though_the_mark_cannot_be_taken_off(self):
        for fault in (Fault("UID STORE", cut="before"), Fault("UID STORE", reply="NO Not now.")):
            with self.subTest(fault.reply or "cut"):
                self.open(mark_seen="never")
                self.imap.faults.cue(fault)
                client = self.log_in()
                self.assertEqual(client.retrieve(2)[1], as_retrieved(MESSAGES[1]))
                self.assert_ok(self.quit(client))
                self.stop()


class Delivered(UnreadableTest):
    """broken_messages = "deliver"."""

    def test_the_placeholder_is_delivered_and_may_be_deleted(self):
        self.open(broken_messages="deliver")
        self.make_unconvertible(2)
        client = self.log_in()
        reply, received = client.retrieve(2)
        self.assert_ok(reply)
        self.assertIn(SUBJECT + b"\r\n message: 2\r\n", received)
        self.assertTrue(received.endswith(b" the message says.\r\n"), received)
        self.assertIn(SUBJECT, client.top(2, 0)[1])
        self.assert_ok(client.command("DELE 2"))
        self.deleted = {2}
        self.assert_ok(self.quit(client))
        self.assertEqual(self.inbox.uids(), [1, 3, 4])
        lines = [self.daemon.log.wait("placeholder-delivered", count=2)]
        self.assertEqual(lines[0].fields["uid"], "2")
        self.assertEqual(self.daemon.log.wait("session-end").fields["unreadable"], "2")

    def test_where_there_is_not_even_a_placeholder_nothing_is_delivered(self):
        self.open(broken_messages="deliver")
        self.imap.faults.cue(Fault("UID FETCH", "FETCH 2 (BODY", body="absent", times=None))
        client = self.log_in()
        self.assert_err(client.command("RETR 2"), "SYS/TEMP")
        self.assertFalse(client.command("DELE 2").ok)
        self.assert_ok(self.quit(client))
        self.assertEqual(self.inbox.uids(), [1, 2, 3, 4])


class Earlier(OAuthTest):
    """What a client got whole in an earlier session it may delete, readable or not: the daemon
    remembers for accounts whose maildrop it may have to show without the server."""

    def setUp(self):
        super().setUp()
        self.start_outlook(MESSAGES)
        self.start_daemon([self.app_account()])
        client = self.log_in()
        for msgno in (2, 4):
            self.assertEqual(client.retrieve(msgno)[1], as_retrieved(MESSAGES[msgno - 1]))
        self.assert_ok(self.quit(client))
        self.daemon.log.wait("session-end")
        self.unpeeked = {2, 3, 4}
        for uid in sorted(self.unpeeked):
            for fault in unconvertible(uid, times=None):
                self.imap.faults.cue(fault)

    def test_the_guard_is_lifted_for_it(self):
        client = self.log_in()
        for msgno in (2, 3, 4):
            self.assert_err(client.command(f"RETR {msgno}"), "SYS/TEMP")
        self.assert_err(client.command("DELE 3"), "SYS/TEMP")
        for msgno in (2, 4):
            self.assert_ok(client.command(f"DELE {msgno}"))
        self.deleted = {2, 4}
        self.assert_ok(self.quit(client))
        self.assertEqual(self.inbox.uids(), [1, 3])

    def test_pipelined_commands_wait_for_what_is_remembered(self):
        client = self.log_in()
        client.send(b"RETR 3\r\nDELE 3\r\nRETR 2\r\nDELE 2\r\nQUIT\r\n")
        self.deleted = {2}
        answers = [client.line() for _ in range(5)]
        self.assertEqual([answer.ok for answer in answers], [False, False, False, True, True])
        self.assertEqual(client.rest(), b"")
        self.assertEqual(self.inbox.uids(), [1, 3, 4])

    def test_a_client_that_goes_away_meanwhile_harms_nobody(self):
        for command in (b"RETR 3\r\n", b"RETR 3\r\nQUIT\r\n"):
            client = self.log_in()
            client.send(command)
            client.reset()
            eventually(lambda: self.imap.open_connections() == 0, "the mailbox is closed")
        self.assert_ok(self.quit(self.log_in()))
        self.assertEqual(self.inbox.uids(), [1, 2, 3, 4])


if __name__ == "__main__":
    main()
