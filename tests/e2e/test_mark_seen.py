#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""When a message becomes read: `mark_seen`, and nothing else."""

import time

from harness import DaemonTest, eventually, main
from messages import MEGABYTE, message
from outlook import Fault, Generated

MESSAGES = [message(f"number {number}", b"text\r\n") for number in range(1, 5)]

# What the session does, message by message; then which ones are \Seen for each value of mark_seen.
RETRIEVED, RETRIEVED_AND_DELETED, DELETED, TOPPED = 1, 2, 3, 4
ROWS = (
    ("retr", {RETRIEVED, RETRIEVED_AND_DELETED, DELETED}),
    ("delete", {RETRIEVED_AND_DELETED, DELETED}),
    ("never", set()),
)


class MarkSeen(DaemonTest):
    def open(self, mode, delete):
        self.imap = None
        self.start_imap(MESSAGES)
        self.imap.store.any_account().create("Done")
        self.start_daemon([self.account(mark_seen=mode, delete=delete, delete_folder="Done")])
        self.deleted = {RETRIEVED_AND_DELETED, DELETED}
        client = self.log_in()
        for msgno in (RETRIEVED, RETRIEVED_AND_DELETED):
            self.assert_ok(client.retrieve(msgno)[0])
        self.assert_ok(client.top(TOPPED, 10)[0])
        for msgno in (RETRIEVED_AND_DELETED, DELETED):
            self.assert_ok(client.command(f"DELE {msgno}"))
        return client

    def seen(self):
        return {uid for uid in self.inbox.uids() if "\\Seen" in self.inbox.flags(uid)}

    def test_quit_marks_what_the_setting_says(self):
        for mode, expected in ROWS:
            with self.subTest(mode):
                client = self.open(mode, "flag")
                self.assertEqual(self.seen(), set(), "nothing is marked before QUIT")
                self.assert_ok(self.quit(client))
                eventually(lambda wanted=expected: self.seen() == wanted, f"{expected} are seen")
                self.daemon.log.wait("session-end")
                self.assertEqual(self.seen(), expected)
                self.stop()

    def test_a_moved_message_is_marked_before_it_goes(self):
        for mode, expected in ROWS:
            with self.subTest(mode):
                self.assert_ok(self.quit(self.open(mode, "move")))
                moved = self.imap.store.any_account().find("Done").messages
                self.assertEqual(["\\Seen" in one.flags for one in moved],
                                 [RETRIEVED_AND_DELETED in expected, DELETED in expected])
                self.stop()

    def test_a_lost_connection_marks_what_was_retrieved_whole_and_no_more(self):
        for mode, expected in (("retr", {RETRIEVED, RETRIEVED_AND_DELETED}), ("delete", set()),
                               ("never", set())):
            with self.subTest(mode):
                self.deleted = set()
                client = self.open(mode, "expunge")
                self.deleted = set()
                client.reset()
                self.daemon.log.wait("session-end")
                eventually(lambda wanted=expected: self.seen() == wanted, f"{expected} are seen")
                self.stop()
                self.assertEqual(self.seen(), expected)
                self.assertEqual(self.inbox.uids(), [1, 2, 3, 4])

    def test_a_message_that_was_not_retrieved_whole_stays_unread(self):
        self.start_imap(MESSAGES)
        self.start_daemon([self.account(mark_seen="retr")])
        self.imap.faults.cue(Fault("UID FETCH", containing="BODY.PEEK[]", cut_literal=60))
        client = self.log_in()
        self.assert_ok(client.command("RETR 1"))
        client.rest()
        self.daemon.log.wait("session-end")
        self.assertEqual(self.seen(), set())

    def test_a_server_that_refuses_to_mark_does_not_fail_quit(self):
        self.start_imap(MESSAGES)
        self.start_daemon([self.account(mark_seen="retr")])
        self.imap.faults.cue(Fault("UID STORE", reply="NO Not now."))
        client = self.log_in()
        self.assert_ok(client.retrieve(1)[0])
        self.assert_ok(self.quit(client))

    def test_quit_is_ok_though_the_server_takes_its_time_to_mark(self):
        self.start_imap(MESSAGES)
        self.start_daemon([self.account(mark_seen="retr")])
        self.imap.faults.cue(Fault("UID STORE", delay=9.0))
        client = self.log_in()
        self.assert_ok(client.retrieve(1)[0])
        began = time.monotonic()
        self.assert_ok(self.quit(client))
        self.assertLess(time.monotonic() - began, 12)
        eventually(lambda: self.seen() == {1}, "it is marked all the same")

    def test_what_was_retrieved_is_marked_though_the_client_vanishes_in_a_large_message(self):
        self.start_imap([*MESSAGES, Generated(40 * MEGABYTE)])
        self.start_daemon([self.account(mark_seen="retr")])
        client = self.log_in(receive_buffer=16384)
        for msgno in (1, 2, 3):
            self.assert_ok(client.retrieve(msgno)[0])
        self.assert_ok(client.command("RETR 5"))
        client.octets(1000)
        client.reset()
        eventually(lambda: self.seen() == {1, 2, 3}, "1, 2 and 3 are seen")
        self.stop()
        self.assertEqual(self.seen(), {1, 2, 3})


if __name__ == "__main__":
    main()
