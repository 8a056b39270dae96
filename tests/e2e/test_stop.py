#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""SIGTERM: what is under way may finish, nothing is lost, and the exit status is 0."""

import signal
import socket
import time

from harness import DaemonTest, eventually, main
from messages import MEGABYTE, message
from outlook import Fault, Generated

MESSAGES = [message(f"number {number}", b"text\r\n") for number in range(1, 4)]


class Stop(DaemonTest):
    def stops(self, within=20.0):
        began = time.monotonic()
        self.assertEqual(self.daemon.wait(), 0)
        self.assertLess(time.monotonic() - began, within)
        self.assertTrue(self.daemon.log.lines("stopping"))
        self.assertTrue(self.daemon.log.lines("stopped"))

    def test_an_idle_daemon_stops_at_once_on_either_signal(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with self.subTest(number):
                self.imap = None
                self.start_imap(MESSAGES)
                self.start_daemon()
                self.daemon.signal(number)
                self.daemon.wait_notification("STOPPING=1")
                self.stops(within=5)

    def test_idle_sessions_are_told_and_nothing_is_deleted(self):
        self.start_imap(MESSAGES)
        self.start_daemon()
        client, stranger = self.log_in(), self.connect()
        self.assert_ok(client.command("DELE 1"))
        self.daemon.signal(signal.SIGTERM)
        self.assertTrue(client.rest().startswith(b"-ERR [SYS/TEMP]"))
        self.assertTrue(stranger.rest().startswith(b"-ERR [SYS/TEMP]"))
        self.stops()
        self.assertEqual(self.inbox.uids(), [1, 2, 3])
        self.assertEqual(self.daemon.log.lines("session-end")[0].fields["reason"], "stopping")

    def test_a_message_under_way_is_finished(self):
        self.start_imap([Generated(2 * MEGABYTE)], rate=2 * MEGABYTE)
        self.start_daemon(limits={"drain": 30})
        client = self.log_in()
        self.assert_ok(client.command("RETR 1"))
        client.octets(1000)
        self.daemon.signal(signal.SIGTERM)
        self.daemon.log.wait("stopping")
        self.assertEqual(1000 + len(client.message()), 2 * MEGABYTE)
        client.rest()
        self.stops()

    def test_a_message_that_fails_while_it_stops_ends_the_session(self):
        for fault in ({"reply": "NO [UNAVAILABLE] Later."}, {"cut": "before"}):
            with self.subTest(fault):
                self.imap = None
                self.start_imap(MESSAGES)
                self.imap.faults.cue(Fault("UID FETCH", "BODY", delay=1.0, **fault))
                self.start_daemon(limits={"drain": 30})
                client = self.log_in()
                self.assert_ok(client.command("DELE 1"))
                client.send(b"RETR 2\r\n")
                eventually(lambda: self.imap.faults.happened(), "the message is asked for")
                began = time.monotonic()
                self.daemon.signal(signal.SIGTERM)
                self.assertNotIn(b"+OK", client.rest())
                self.stops()
                self.assertLess(time.monotonic() - began, 10)
                self.assertEqual(self.inbox.uids(), [1, 2, 3])
                self.assertEqual(self.imap.journal.entries("UID STORE"), [])

    def test_a_message_that_takes_longer_than_drain_is_cut_without_its_dot(self):
        self.start_imap([Generated(16 * MEGABYTE)], rate=MEGABYTE)
        self.start_daemon(limits={"drain": 1})
        client = self.log_in()
        self.assert_ok(client.command("RETR 1"))
        client.octets(1000)
        self.daemon.signal(signal.SIGTERM)
        received = client.rest()
        self.assertFalse(received.endswith(b"\r\n.\r\n"))
        self.stops(within=10)

    def test_a_quit_under_way_is_finished(self):
        self.start_imap(MESSAGES)
        self.imap.faults.cue(Fault("UID EXPUNGE", delay=1.0))
        self.start_daemon(limits={"drain": 30})
        self.deleted = {1}
        client = self.log_in()
        self.assert_ok(client.command("DELE 1"))
        client.send(b"QUIT\r\n")
        self.imap.journal.wait("UID EXPUNGE")
        self.daemon.signal(signal.SIGTERM)
        self.assert_ok(client.line())
        self.stops()
        self.assertEqual(self.inbox.uids(), [2, 3])

    def test_new_connections_are_refused_while_it_stops(self):
        self.start_imap([Generated(4 * MEGABYTE)], rate=MEGABYTE)
        self.start_daemon(limits={"drain": 30})
        client = self.log_in()
        self.assert_ok(client.command("RETR 1"))
        client.octets(1000)
        port = self.daemon.port()
        self.daemon.signal(signal.SIGTERM)
        self.daemon.log.wait("stopping")

        def is_refused():
            try:
                socket.create_connection(("127.0.0.1", port), timeout=5).close()
                return False
            except ConnectionRefusedError:
                return True

        eventually(is_refused, "connections are refused", timeout=2)
        self.assertTrue(self.daemon.is_running())
        client.reset()
        self.stops()

    def test_a_second_signal_ends_at_once(self):
        self.start_imap([Generated(16 * MEGABYTE)], rate=MEGABYTE)
        self.start_daemon(limits={"drain": 60})
        client = self.log_in()
        self.assert_ok(client.command("RETR 1"))
        client.octets(1000)
        self.daemon.signal(signal.SIGTERM)
        self.daemon.log.wait("stopping")
        self.daemon.signal(signal.SIGTERM)
        began = time.monotonic()
        self.daemon.wait()
        self.assertLess(time.monotonic() - began, 5)
        self.assertFalse(client.rest().endswith(b"\r\n.\r\n"))

    def test_an_opening_mailbox_does_not_hold_it_up(self):
        self.start_imap(MESSAGES)
        self.imap.faults.cue(Fault("SELECT", hang="before"))
        self.start_daemon(limits={"drain": 30})
        client = self.connect()
        client.send(f"USER {self.USER}\r\nPASS {self.password}\r\n".encode())
        self.imap.journal.wait("SELECT")
        self.daemon.signal(signal.SIGTERM)
        self.stops(within=10)

    def test_a_reload_keeps_sessions_and_serves_the_next_login_by_the_new_file(self):
        self.start_imap(MESSAGES)
        other = self.imap.store.any_account().create("Other")
        other.append(message("elsewhere", b""))
        self.start_daemon()
        client = self.log_in()
        self.reload({'auth = "passthrough"': 'auth = "passthrough"; folder = "Other"'})
        self.assertEqual(client.stat()[0], 3)
        self.assert_ok(self.quit(client))
        self.assertEqual(self.log_in().stat()[0], 1)

    def test_a_manager_that_does_not_listen_holds_nobody_up(self):
        """Its socket takes a number of messages, and then blocks whoever writes."""
        with open("/proc/sys/net/unix/max_dgram_qlen", encoding="ascii") as file:
            count = int(file.read()) // 2 + 2
        self.start_imap()
        self.start_daemon()
        for _ in range(count):
            self.reload({})
        self.log_in()

    def test_a_reload_of_a_broken_file_changes_nothing(self):
        self.start_imap(MESSAGES)
        self.start_daemon()
        self.daemon.write_configuration("accounts = nonsense;\n")
        self.daemon.signal(signal.SIGHUP)
        self.daemon.log.wait("reload-failed")
        self.assertEqual(self.log_in().stat()[0], 3)


if __name__ == "__main__":
    main()
