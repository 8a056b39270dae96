#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Ceilings and time-outs."""

import time

from harness import DaemonTest, eventually, main
from messages import message
from outlook import Fault, Generated

MESSAGES = [message(f"number {number}", b"text\r\n") for number in range(1, 4)]


class Connections(DaemonTest):
    def start(self, **limits):
        self.start_imap(MESSAGES)
        self.start_daemon(limits=limits)

    def is_greeted(self):
        """Whether a new connection is served; it is closed again."""
        client = self.connect()
        client.close()
        return client.greeting.ok

    def test_one_session_too_many_is_greeted_with_an_error(self):
        self.start(sessions=2)
        first, second = self.connect(), self.connect()
        self.assert_ok(first.greeting)
        self.assert_ok(second.greeting)
        third = self.connect()
        self.assert_err(third.greeting, "SYS/TEMP")
        self.assert_ended(third)
        for client in (first, third):
            client.close()
        eventually(self.is_greeted, "there is room again")

    def test_one_connection_too_many_from_an_address_is_refused(self):
        self.start(connections_per_address=2)
        kept = [self.connect(), self.connect()]
        third = self.connect()
        self.assert_err(third.greeting, "SYS/TEMP")
        self.assert_ended(third)
        self.assert_ok(self.connect(source="127.0.0.2").greeting)
        kept[0].reset()
        eventually(self.is_greeted, "there is room again")

    def test_many_connections_that_say_nothing_do_not_keep_others_out(self):
        self.start(login_timeout=2)
        silent = [self.connect() for _ in range(90)]
        self.assert_ok(self.log_in().command("STAT"))
        for client in silent:
            client.rest()

    def test_with_few_descriptors_connections_are_refused_and_later_served_again(self):
        self.start_imap(MESSAGES)
        self.start_daemon(wrapper=["prlimit", "--nofile=80:80"])
        silent = [self.connect() for _ in range(100)]
        self.assertIn("SYS/TEMP", [client.greeting.code for client in silent])
        for client in silent:
            client.close()
        eventually(self.is_greeted, "served again")
        self.assert_ok(self.log_in().command("STAT"))


    def test_more_sessions_are_allowed_by_a_reload(self):
        self.start(sessions=1)
        self.assert_ok(self.connect().greeting)
        self.assert_err(self.connect().greeting, "SYS/TEMP")
        self.reload({"sessions = 1;": "sessions = 3;"})
        self.assert_ok(self.connect().greeting)
        self.assert_ok(self.connect().greeting)
        self.assert_err(self.connect().greeting, "SYS/TEMP")

    def test_clients_that_name_anybody_and_leave_keep_no_connection_upstream(self):
        self.start()
        self.imap.faults.cue(Fault("AUTHENTICATE", hang="before", times=None))
        clients = [self.connect() for _ in range(20)]
        for number, client in enumerate(clients):
            client.send(f"USER user{number}\r\nPASS guess\r\n".encode())
        self.imap.journal.wait("AUTHENTICATE", count=len(clients))
        for client in clients:
            client.reset()
        eventually(lambda: self.imap.open_connections() == 0, "none is left", timeout=10)


class Times(DaemonTest):
    def test_who_does_not_log_in_is_sent_away(self):
        self.start_imap(MESSAGES)
        self.start_daemon(limits={"login_timeout": 1})
        began = time.monotonic()
        client, trickling = self.connect(), self.connect()
        trickling.send(b"US")
        client.rest()
        self.assertGreater(time.monotonic() - began, 0.8)
        trickling.rest()
        self.assertLess(time.monotonic() - began, 10)
        self.daemon.log.wait("session-end", count=2, reason="login-timeout")

    def test_commands_do_not_put_off_the_login_timeout(self):
        self.start_imap(MESSAGES)
        self.start_daemon(limits={"login_timeout": 2})
        client = self.connect()
        began = time.monotonic()
        try:
            while time.monotonic() - began < 20:
                client.command("CAPA")
                time.sleep(0.1)
        except (EOFError, OSError):
            pass
        self.assertLess(time.monotonic() - began, 10)

    def test_an_idle_session_ends_without_update(self):
        self.start_imap(MESSAGES)
        self.start_daemon(limits={"idle_timeout": 1})
        client = self.log_in()
        self.assert_ok(client.command("DELE 1"))
        self.assertNotIn(b"+OK", client.rest())
        self.daemon.log.wait("session-end", reason="idle-timeout")
        self.assertEqual(self.inbox.uids(), [1, 2, 3])
        self.assertEqual(self.log_in().stat()[0], 3)

    def test_a_session_that_says_something_is_not_idle(self):
        self.start_imap(MESSAGES)
        self.start_daemon(limits={"idle_timeout": 2})
        client = self.log_in()
        for _ in range(8):
            time.sleep(0.5)
            self.assert_ok(client.command("NOOP"))

    def test_a_client_that_stops_reading_is_given_up(self):
        self.start_imap([Generated(32 << 20)])
        self.start_daemon(limits={"idle_timeout": 2})
        client = self.log_in(receive_buffer=16384)
        client.send(b"RETR 1\r\n")
        self.assert_ok(client.line())
        self.daemon.log.wait("session-end")
        eventually(lambda: self.imap.open_connections() == 0, "the upstream is dropped")


if __name__ == "__main__":
    main()
