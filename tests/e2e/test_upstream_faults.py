#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""The server breaks, lies or falls silent in the middle of a session; no mail is lost by it."""

import time

from harness import DaemonTest, eventually, main
from messages import as_retrieved, message, patterned, stuffed
from outlook import Fault

MESSAGES = [message(f"number {number}", patterned(3000, str(number))) for number in range(1, 5)]
BODY = "BODY.PEEK[]"


class Messages(DaemonTest):
    """RETR and TOP."""

    def setUp(self):
        super().setUp()
        self.start_imap(MESSAGES)
        self.start_daemon()

    def nothing_happened(self):
        self.daemon.log.wait("session-end")
        self.assertEqual(self.inbox.uids(), [1, 2, 3, 4])
        self.assertEqual([self.inbox.flags(uid) & {"\\Deleted"} for uid in (1, 2, 3, 4)],
                         [set()] * 4)

    def test_a_message_that_breaks_off_is_never_finished(self):
        whole = stuffed(MESSAGES[1])
        for octets in (40, 100, 3000, len(MESSAGES[1]) - 1):
            for reset in (False, True):
                with self.subTest(octets=octets, reset=reset):
                    self.imap.faults.cue(Fault("UID FETCH", BODY, cut_literal=octets, reset=reset))
                    client = self.log_in()
                    self.assert_ok(client.command("DELE 1"))
                    client.send(b"RETR 2\r\nDELE 2\r\nQUIT\r\n")
                    self.assert_ok(client.line())
                    received = client.rest()
                    self.assertTrue(whole.startswith(received), received[-200:])
                    self.nothing_happened()

    def test_a_message_that_breaks_off_before_anything_was_said_is_an_error(self):
        # Its sender has not come: it could be Exchange's placeholder.
        self.imap.faults.cue(Fault("UID FETCH", BODY, cut_literal=1))
        client = self.log_in()
        self.assert_err(client.command("RETR 2"), "SYS/TEMP")
        self.assertFalse(client.command("DELE 2").ok)
        self.assertEqual(client.stat()[0], 4)
        self.assert_ok(self.quit(client))
        self.nothing_happened()

    def test_a_message_whose_fetch_is_not_confirmed_is_never_finished(self):
        self.imap.faults.cue(Fault("UID FETCH", BODY, cut="after"))
        client = self.log_in()
        self.assert_ok(client.command("RETR 2"))
        received = client.rest()
        self.assertFalse(received.endswith(b"\r\n.\r\n"), received[-100:])
        self.assertTrue(stuffed(MESSAGES[1]).startswith(received))
        self.nothing_happened()

    def test_a_message_without_data_is_an_error_and_cannot_be_deleted(self):
        self.unpeeked = {2}
        for body in ("absent", "nil", "empty"):
            with self.subTest(body):
                self.imap.faults.clear()
                self.imap.faults.cue(Fault("UID FETCH", "UID FETCH 2 (BODY", body=body, times=None))
                client = self.log_in()
                self.assert_err(client.command("RETR 2"), "SYS/TEMP")
                self.assert_err(client.command("TOP 2 0"), "SYS/TEMP")
                self.assertFalse(client.command("DELE 2").ok)
                self.assertEqual(client.retrieve(3)[1], as_retrieved(MESSAGES[2]))
                self.assert_ok(self.quit(client))
                self.nothing_happened()
                self.assertEqual(self.inbox.flags(2), set())

    def test_a_message_that_becomes_readable_again_can_be_deleted(self):
        self.unpeeked = {2}
        self.imap.faults.cue(Fault("UID FETCH", "UID FETCH 2 (BODY", body="absent", times=2))
        client = self.log_in()
        self.assert_err(client.command("RETR 2"), "SYS/TEMP")
        self.assertFalse(client.command("DELE 2").ok)
        self.assertEqual(client.retrieve(2)[1], as_retrieved(MESSAGES[1]))
        self.assert_ok(client.command("DELE 2"))
        self.deleted = {2}
        self.assert_ok(self.quit(client))
        self.assertEqual(self.inbox.uids(), [1, 3, 4])

    def test_a_message_never_asked_for_may_be_deleted_unread(self):
        client = self.log_in()
        self.assert_ok(client.command("DELE 2"))
        self.deleted = {2}
        self.assert_ok(self.quit(client))
        self.assertEqual(self.inbox.uids(), [1, 3, 4])

    def test_a_refused_fetch_is_an_error_for_that_message_only(self):
        for reply in ("NO Server Unavailable. 15", "BAD Command Argument Error. 11"):
            with self.subTest(reply):
                self.imap.faults.cue(Fault("UID FETCH", BODY, reply=reply))
                client = self.log_in()
                self.assert_err(client.command("RETR 2"), "SYS/TEMP")
                self.assertEqual(client.retrieve(3)[1], as_retrieved(MESSAGES[2]))
                self.assert_ok(self.quit(client))

    def test_a_message_that_others_expunged_is_gone_and_the_session_lives(self):
        client = self.log_in()
        self.inbox.remove([2])
        self.assert_err(client.command("RETR 2"), None)
        self.assertEqual(client.retrieve(3)[1], as_retrieved(MESSAGES[2]))
        self.assertEqual(client.stat()[0], 4)
        self.assert_ok(client.command("DELE 4"))
        self.deleted = {4}
        self.assert_ok(self.quit(client))
        self.assertEqual(self.inbox.uids(), [1, 3])

    def test_expunges_renumber_imap_and_not_pop3(self):
        client = self.log_in()
        unique_ids = client.unique_ids()
        self.imap.faults.cue(Fault("UID FETCH", BODY, say=("* 1 EXPUNGE", "* 3 EXISTS")))
        self.assertEqual(client.retrieve(3)[1], as_retrieved(MESSAGES[2]))
        self.assertEqual(client.unique_ids(), unique_ids)
        self.assertEqual(client.retrieve(4)[1], as_retrieved(MESSAGES[3]))

    def test_fetch_responses_for_other_messages_are_not_taken_for_it(self):
        self.imap.faults.cue(Fault("UID FETCH", BODY, say=(
            "* 1 FETCH (FLAGS (\\Seen))", "* 4 FETCH (UID 4 FLAGS (\\Answered))",
            "* 1 FETCH (UID 1 BODY[] {7}\r\nwrong\r\n)")))
        client = self.log_in()
        self.assertEqual(client.retrieve(2)[1], as_retrieved(MESSAGES[1]))

    def test_a_bye_between_commands_is_an_error_and_deletes_nothing(self):
        client = self.log_in()
        self.assert_ok(client.command("DELE 1"))
        self.imap.faults.cue(Fault("UID FETCH", BODY,
                                   bye="Session invalidated - AccessTokenExpired"))
        reply = client.command("RETR 2")
        self.assert_err(reply, "SYS/TEMP")
        client.send(b"QUIT\r\n")
        self.assertNotIn(b"+OK", client.rest())
        self.nothing_happened()

    def test_a_bye_is_heeded_though_the_connection_stays_open(self):
        rows = {"in place of a message": Fault("UID FETCH", BODY, say="* BYE Going down.",
                                               hang="before"),
                "behind a message": Fault("UID FETCH", BODY, say_after="* BYE Going down.")}
        for name, fault in rows.items():
            with self.subTest(name):
                self.imap.faults.clear()
                self.imap.faults.cue(fault)
                client = self.log_in()
                self.assert_ok(client.command("DELE 1"))
                began = time.monotonic()
                first = client.retrieve(2)[0]
                self.assertEqual(first.ok, fault.hang is None, first)
                eventually(lambda: self.imap.open_connections() == 0, "it is given up")
                self.assert_err(client.command("RETR 3"), "SYS/TEMP")
                self.assertLess(time.monotonic() - began, 5)
                client.send(b"QUIT\r\n")
                self.assertNotIn(b"+OK", client.rest())
                self.nothing_happened()

    def test_a_mailbox_numbered_anew_ends_the_session_in_the_middle_of_a_message(self):
        self.imap.faults.cue(Fault("UID FETCH", BODY, say="* OK [UIDVALIDITY 99] Renumbered."))
        client = self.log_in()
        self.assert_ok(client.command("DELE 1"))
        client.send(b"RETR 2\r\nQUIT\r\n")
        last = client.rest()
        self.assertFalse(last.endswith(b"\r\n.\r\n"), last[-200:])
        self.assertTrue(last.startswith((b"-ERR [SYS/TEMP]", b"+OK")), last[:200])
        self.assertEqual(last.count(b"+OK"), last.startswith(b"+OK"), last[-200:])
        self.nothing_happened()
        self.assertEqual(self.imap.journal.entries("UID STORE"), [])

    def test_a_server_that_goes_away_between_commands_deletes_nothing(self):
        client = self.log_in()
        self.assert_ok(client.command("DELE 1"))
        self.imap.stop()
        client.send(b"QUIT\r\n")
        last = client.rest()
        self.assertTrue(last == b"" or last.startswith(b"-ERR [SYS/TEMP]"), last)
        self.nothing_happened()

    def test_garbage_in_a_response_ends_the_session_without_harm(self):
        rows = ("* 2 FETCH (UID 2 BODY[] {-1}", "* 2 FETCH (UID 2 BODY[] {18446744073709551616}",
                "* 2 FETCH (UID 2 BODY[] {12", "* 2 FETCH " + "(" * 5000, "* 2 FETCH (UID 2 \"",
                "nonsense", "A999 OK unknown tag")
        for line in rows:
            with self.subTest(line[:40]):
                self.imap.faults.cue(Fault("UID FETCH", BODY, say=line))
                client = self.log_in()
                self.assert_ok(client.command("DELE 1"))
                client.send(b"RETR 2\r\nQUIT\r\n")
                last = client.rest()
                self.assertFalse(last.endswith(b".\r\n") and b"+OK" in last[-200:], last[-200:])
                self.nothing_happened()

    def test_a_slow_server_is_waited_for(self):
        self.imap.options.rate = 2000
        client = self.log_in()
        self.assertEqual(client.retrieve(1)[1], as_retrieved(MESSAGES[0]))


class Quit(DaemonTest):
    """UPDATE: what cannot be done is said, and what was not said is not done."""

    def setUp(self):
        super().setUp()
        self.start_imap(MESSAGES)
        self.imap.store.any_account().create("Done")
        self.start_daemon()
        self.deleted = {2, 4}

    def update(self):
        client = self.log_in()
        self.assert_ok(client.command("DELE 2"))
        self.assert_ok(client.command("DELE 4"))
        return self.quit(client)

    def test_a_connection_cut_at_store_deletes_nothing(self):
        for cut in ("before", "after"):
            for reset in (False, True):
                with self.subTest(cut=cut, reset=reset):
                    self.imap.faults.cue(Fault("UID STORE", cut=cut, reset=reset))
                    self.assert_err(self.update(), "SYS/TEMP")
                    self.assertEqual(self.inbox.uids(), [1, 2, 3, 4])
                    self.inbox.change_flags(2, remove=["\\Deleted", "\\Seen"])
                    self.inbox.change_flags(4, remove=["\\Deleted", "\\Seen"])

    def test_a_connection_cut_before_expunge_is_an_error(self):
        self.imap.faults.cue(Fault("UID EXPUNGE", cut="before"))
        self.assert_err(self.update(), "SYS/TEMP")
        self.assertEqual(self.inbox.uids(), [1, 2, 3, 4])

    def test_an_expunge_whose_ok_is_lost_touches_nothing_else_later(self):
        self.imap.faults.cue(Fault("UID EXPUNGE", cut="after"))
        self.assert_err(self.update(), "SYS/TEMP")
        self.assertEqual(self.inbox.uids(), [1, 3])
        client = self.log_in()
        self.assertEqual([text[:8] for text in client.unique_ids().values()],
                         ["00000001", "00000003"])
        self.assert_ok(self.quit(client))
        self.assertEqual(self.inbox.uids(), [1, 3])

    def test_a_refused_store_or_expunge_is_an_error(self):
        for command in ("UID STORE", "UID EXPUNGE"):
            for reply in ("NO EXPUNGE failed", "BAD Command Argument Error. 11",
                          "NO [READ-ONLY] No."):
                with self.subTest(f"{command}: {reply}"):
                    self.imap.faults.cue(Fault(command, reply=reply))
                    self.assert_err(self.update(), "SYS/TEMP")
                    self.assertEqual(self.inbox.uids(), [1, 2, 3, 4])
                    for uid in (2, 4):
                        self.inbox.change_flags(uid, remove=["\\Deleted", "\\Seen"])

    def test_a_refused_store_is_not_followed_by_an_expunge(self):
        self.imap.faults.cue(Fault("UID STORE", reply="NO Not now."))
        self.assert_err(self.update(), "SYS/TEMP")
        self.assertEqual(self.imap.journal.entries("UID EXPUNGE"), [])

    def test_nothing_is_stored_in_a_mailbox_that_was_numbered_anew(self):
        self.imap.faults.cue(Fault("UID FETCH", BODY, say="* OK [UIDVALIDITY 99] Renumbered."))
        client = self.log_in()
        self.assert_ok(client.command("DELE 2"))
        self.assert_err(client.command("RETR 1"), "SYS/TEMP")
        self.assert_err(self.quit(client), "SYS/TEMP")
        self.assertEqual(self.imap.journal.entries("UID STORE"), [])
        self.assertEqual(self.imap.journal.entries("UID EXPUNGE"), [])
        self.assertEqual(self.inbox.uids(), [1, 2, 3, 4])

    def test_a_server_that_falls_silent_at_expunge_is_answered_for_in_time(self):
        self.imap.faults.cue(Fault("UID EXPUNGE", hang="before"))
        began = time.monotonic()
        self.assert_err(self.update(), "SYS/TEMP")
        self.assertLess(time.monotonic() - began, 12)

    def test_the_answer_to_quit_waits_for_the_servers(self):
        self.imap.faults.cue(Fault("UID EXPUNGE", delay=1.0))
        began = time.monotonic()
        self.assert_ok(self.update())
        self.assertGreaterEqual(time.monotonic() - began, 1.0)
        self.assertEqual(self.inbox.uids(), [1, 3])


class QuitByMoving(DaemonTest):
    def open(self, drop):
        self.imap = None
        self.start_imap(MESSAGES, drop=drop)
        self.done = self.imap.store.any_account().create("Done")
        self.start_daemon([self.account(delete="move", delete_folder="Done")])
        self.deleted = {2, 4}
        client = self.log_in()
        self.assert_ok(client.command("DELE 2"))
        self.assert_ok(client.command("DELE 4"))
        return client

    def test_a_move_whose_ok_is_lost_is_not_followed_up_by_guesses(self):
        client = self.open(set())
        self.imap.faults.cue(Fault("UID MOVE", cut="after"))
        self.assert_err(self.quit(client), "SYS/TEMP")
        self.assertEqual(self.inbox.uids(), [1, 3])
        self.assertEqual(len(self.done.uids()), 2)
        self.assertEqual(self.imap.journal.entries("UID EXPUNGE"), [])

    def test_a_copy_whose_store_fails_leaves_the_original(self):
        client = self.open({"MOVE"})
        self.imap.faults.cue(Fault("UID STORE", "\\Deleted", reply="NO Not now."))
        self.assert_err(self.quit(client), "SYS/TEMP")
        self.assertEqual(self.inbox.uids(), [1, 2, 3, 4])
        self.assertEqual(self.imap.journal.entries("UID EXPUNGE"), [])

    def test_a_refused_copy_or_move_deletes_nothing(self):
        for drop, command in ((set(), "UID MOVE"), ({"MOVE"}, "UID COPY")):
            for reply in ("NO [OVERQUOTA] Quota exceeded.", "BAD Command Argument Error. 11"):
                with self.subTest(f"{command}: {reply}"):
                    client = self.open(drop)
                    self.imap.faults.cue(Fault(command, reply=reply, times=None))
                    self.assert_err(self.quit(client), "SYS/TEMP")
                    self.assertEqual(self.inbox.uids(), [1, 2, 3, 4])
                    self.assertNotIn("\\Deleted", self.inbox.flags(2))
                    self.stop()


class Half(DaemonTest):
    def test_a_server_that_falls_silent_inside_a_message_is_given_up(self):
        self.start_imap(MESSAGES)
        self.start_daemon()
        self.imap.faults.cue(Fault("UID FETCH", BODY, hang_literal=500))
        client = self.log_in()
        began = time.monotonic()
        self.assert_ok(client.command("RETR 1"))
        received = client.rest()
        self.assertFalse(received.endswith(b"\r\n.\r\n"))
        self.assertLess(time.monotonic() - began, 40)
        eventually(lambda: self.imap.open_connections() == 0, "the connection is dropped")


if __name__ == "__main__":
    main()
