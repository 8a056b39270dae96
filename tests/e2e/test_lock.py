#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Who may have the maildrop: one session at a time, and nobody but its user."""

import threading
import time

from harness import DaemonTest, eventually, main
from messages import MEGABYTE, as_retrieved, message
from outlook import Fault, Generated, Store

MESSAGES = [message(f"number {number}", b"text\r\n") for number in range(1, 4)]


class Lock(DaemonTest):
    def setUp(self):
        super().setUp()
        self.start_imap(MESSAGES)

    def second(self):
        return self.connect().log_in(self.USER, self.password)

    def test_a_maildrop_that_is_open_is_in_use(self):
        self.start_daemon()
        client = self.log_in()
        self.assert_err(self.second(), "IN-USE")
        self.assertEqual(client.stat()[0], 3)
        self.assert_ok(self.quit(client))
        self.assert_ok(self.second())

    def test_a_wrong_password_does_not_tell_whether_it_is_in_use(self):
        self.start_daemon()
        self.log_in()
        self.assert_err(self.connect().log_in(self.USER, "wrong"), "AUTH")

    def test_a_closed_or_reset_connection_frees_it_at_once(self):
        self.start_daemon()
        for end in ("close", "reset"):
            with self.subTest(end):
                client = self.log_in()
                getattr(client, end)()
                self.daemon.log.wait("session-end", reason="connection-lost")
                began = time.monotonic()
                client = self.log_in()
                self.assertLess(time.monotonic() - began, 5)
                self.assert_ok(self.quit(client))

    def test_it_is_one_lock_whatever_name_it_came_by(self):
        self.start_daemon([self.account(), {**self.account(), "user": "ADA@example.org"}])
        self.log_in()
        self.assert_err(self.connect().log_in("Ada@Example.org", self.password), "IN-USE")

    def test_a_silent_session_is_taken_over_from_the_same_address(self):
        self.start_daemon(limits={"takeover_after": 1})
        client = self.log_in()
        self.assert_ok(client.command("DELE 1"))
        time.sleep(1.5)
        self.assert_ok(self.second())
        self.assertNotIn(b"+OK", client.rest())
        self.daemon.log.wait("session-end")
        self.assertEqual(self.inbox.uids(), [1, 2, 3])

    def test_a_silent_session_is_not_taken_over_from_another_address_or_too_early(self):
        self.start_daemon(limits={"takeover_after": 2})
        client = self.log_in()
        self.assert_err(self.second(), "IN-USE")
        time.sleep(2.5)
        self.assert_err(self.connect(source="127.0.0.2").log_in(self.USER, self.password), "IN-USE")
        self.assert_ok(client.command("NOOP"))

    def test_two_at_once_get_one_maildrop(self):
        self.start_daemon()
        self.imap.faults.cue(Fault("SELECT", delay=0.5, times=None))
        first, second = self.connect(), self.connect()
        for client in (first, second):
            client.send(f"USER {self.USER}\r\nPASS {self.password}\r\n".encode())
        codes = []
        for client in (first, second):
            self.assert_ok(client.line())
            reply = client.line()
            codes.append("OK" if reply.ok else reply.code)
        self.assertEqual(sorted(codes), ["IN-USE", "OK"])

    def test_it_is_one_lock_whatever_port_leads_to_the_server(self):
        starttls = self.start_imap(tls="starttls", store=self.imap.store)
        self.start_daemon([self.account(user="one@example.org", mailbox=self.USER),
                           self.account(starttls, user="two@example.org", mailbox=self.USER)])
        client = self.log_in("one@example.org")
        self.assert_err(self.connect().log_in("two@example.org", self.password), "IN-USE")
        self.assert_ok(self.quit(client))
        self.assert_ok(self.connect().log_in("two@example.org", self.password))


class Retrieving(DaemonTest):
    """A takeover while a message is being sent."""

    OCTETS = 24 * MEGABYTE

    def setUp(self):
        super().setUp()
        self.start_imap([Generated(self.OCTETS)])

    def retrieving(self):
        client = self.log_in(receive_buffer=65536)
        self.assert_ok(client.command("RETR 1"))
        client.octets(100)
        return client

    def second(self):
        client = self.connect()
        reply = client.log_in(self.USER, self.password)
        client.close()
        return reply

    def test_a_session_stuck_in_the_middle_of_a_message_is_taken_over(self):
        self.start_daemon(limits={"takeover_after": 1})
        client = self.retrieving()
        began = time.monotonic()
        self.assert_err(self.second(), "IN-USE")
        eventually(lambda: self.second().ok, "it is taken over", timeout=20)
        self.assertGreaterEqual(time.monotonic() - began, 0.9)
        self.assertFalse(client.rest().endswith(b"\r\n.\r\n"))

    def test_a_session_whose_client_reads_slowly_is_not_taken_over(self):
        self.start_daemon(limits={"takeover_after": 3})
        client = self.retrieving()
        received, still_reading = [], threading.Event()
        still_reading.set()

        def read_slowly():
            left = self.OCTETS + len(b".\r\n") - 100
            while left > 0:
                octets = client.octets(min(left, 65536))
                left -= len(octets)
                received.append(octets)
                if still_reading.is_set():
                    time.sleep(0.025)

        reader = threading.Thread(target=read_slowly, daemon=True)
        reader.start()
        began = time.monotonic()
        while time.monotonic() - began < 7:
            self.assert_err(self.second(), "IN-USE")
            time.sleep(0.25)
        self.assertTrue(reader.is_alive(), "read all of it: the test proves nothing")
        still_reading.clear()
        reader.join(30)
        self.assertTrue(b"".join(received).endswith(b"\r\n.\r\n"))


class SlowOpening(DaemonTest):
    """An opening that outlasts `login_patience` goes on for the next login of the same user."""

    def setUp(self):
        super().setUp()
        self.other_password = "other-" + self.password
        self.secrets.add(self.other_password)
        store = Store(one_case=False)
        self.others = store.add_user("BOB", self.other_password).inbox
        self.others.append(message("of BOB", b"for BOB alone\r\n"))
        self.start_imap(MESSAGES, user="bob", store=store)
        self.start_daemon(limits={"login_patience": 1})

    def give_up_as_the_other(self):
        """BOB logs in and is told to come again; his mailbox is open soon after."""
        self.imap.faults.cue(Fault("SELECT", delay=2.0))
        client = self.connect()
        self.assert_err(client.log_in("BOB", self.other_password), "SYS/TEMP")
        client.close()
        self.daemon.log.wait("mailbox", to="OPEN")

    def test_it_is_never_given_to_a_user_whose_name_differs_by_case_alone(self):
        self.give_up_as_the_other()
        client = self.log_in("bob")
        self.assertEqual(client.stat()[0], len(MESSAGES))
        self.assertEqual(client.retrieve(1)[1], as_retrieved(MESSAGES[0]))
        self.assert_ok(client.command("DELE 1"))
        self.deleted = {1}
        self.assert_ok(self.quit(client))
        self.assertEqual(self.inbox.uids(), [2, 3])
        self.assertEqual(self.others.uids(), [1])

    def test_it_is_done_when_its_user_comes_back(self):
        self.give_up_as_the_other()
        began = time.monotonic()
        client = self.log_in("BOB", self.other_password)
        self.assertLess(time.monotonic() - began, 1)
        self.assertIn(b"for BOB alone", client.retrieve(1)[1])
        self.assertEqual(len(self.imap.journal.entries("SELECT")), 1)


if __name__ == "__main__":
    main()
