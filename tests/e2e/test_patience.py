#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""What is borne of one client: wrong commands, wrong passwords, many logins."""

import time

from harness import DaemonTest, main
from messages import message

MESSAGES = [message(f"number {number}", b"text\r\n") for number in range(1, 4)]


class Patience(DaemonTest):
    def setUp(self):
        super().setUp()
        self.start_imap(MESSAGES)

    def test_ten_bad_commands_end_the_session(self):
        self.start_daemon()
        client = self.connect()
        client.send(b"NONSENSE\r\n" * 20)
        lines = client.rest().split(b"\r\n")
        self.assertEqual(len([line for line in lines if line.startswith(b"-ERR")]), 10, lines)
        self.daemon.log.wait("session-end")

    def test_five_wrong_passwords_end_the_session_and_each_waits_longer(self):
        self.start_daemon()
        client = self.connect()
        waited = []
        for _ in range(5):
            began = time.monotonic()
            self.assert_err(client.log_in(self.USER, "wrong-" + self.password), "AUTH")
            waited.append(time.monotonic() - began)
        for seconds, least in zip(waited, (1, 2, 4, 8, 16)):
            self.assertGreaterEqual(seconds, least * 0.95, waited)
            self.assertLess(seconds, least + 5, waited)
        self.assert_ended(client)
        self.daemon.log.wait("login-failed", count=5)

    def test_a_wrong_password_delays_its_own_address_only(self):
        self.start_daemon()
        client = self.connect()
        client.send(f"USER {self.USER}\r\nPASS wrong\r\n".encode())
        began = time.monotonic()
        self.log_in(source="127.0.0.2")
        self.assertLess(time.monotonic() - began, 0.9)

    def test_a_right_password_ends_the_delays(self):
        self.start_daemon()
        client = self.connect()
        for _ in range(2):
            self.assert_err(client.log_in(self.USER, "wrong"), "AUTH")
        self.assert_ok(client.log_in(self.USER, self.password))
        self.quit(client)
        client = self.connect()
        began = time.monotonic()
        self.assert_err(client.log_in(self.USER, "wrong"), "AUTH")
        self.assertLess(time.monotonic() - began, 1.9)

    def test_too_many_logins_in_a_minute_are_told_to_wait(self):
        self.start_daemon(limits={"logins_per_minute": 3})
        for _ in range(3):
            self.assert_ok(self.quit(self.log_in()))
        self.daemon.log.wait("session-end", count=3)
        client = self.connect()
        self.assert_err(client.log_in(self.USER, self.password), "LOGIN-DELAY")
        self.assert_err(client.command("STAT"))
        self.assertEqual(len(self.imap.journal.entries("SELECT")), 3)


if __name__ == "__main__":
    main()
