#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Cut-through and back-pressure: memory does not depend on the size of a message, nor on how slowly
it is read."""

import time

from harness import DaemonTest, eventually, main
from messages import MEGABYTE, message
from outlook import Generated

ALLOWANCE_KB = 8 * 1024


class BackPressure(DaemonTest):
    def test_the_first_octet_arrives_long_before_the_last_has_left(self):
        self.start_imap([Generated(4 * MEGABYTE)], rate=MEGABYTE)
        self.start_daemon()
        client = self.log_in()
        began = time.monotonic()
        self.assert_ok(client.command("RETR 1"))
        client.octets(1000)
        first = time.monotonic() - began
        received = client.message()
        last = time.monotonic() - began
        self.assertEqual(1000 + len(received), 4 * MEGABYTE)
        self.assertLess(first * 4, last, f"first octets after {first:.2f} s of {last:.2f} s")

    def test_memory_stays_flat_while_a_client_does_not_read(self):
        size = 96 * MEGABYTE
        self.start_imap([Generated(size), message("small", b"small\r\n")])
        self.start_daemon()
        client = self.log_in(receive_buffer=16384)
        self.assert_ok(client.retrieve(2)[0])  # what is allocated once is there now
        idle = self.daemon.memory_kb()
        client.send(b"RETR 1\r\n")
        self.assert_ok(client.line())
        # The server stops sending when nobody takes; then all that will be held is held.
        highest = idle
        stop = time.monotonic() + 2.0
        while time.monotonic() < stop:
            highest = max(highest, self.daemon.memory_kb())
            time.sleep(0.02)
        self.assertLess(highest - idle, ALLOWANCE_KB)
        generated, position = Generated(size), 0
        while position < size:
            count = min(MEGABYTE, size - position)
            self.assertEqual(client.octets(count), generated.read(position, count))
            position += count
            highest = max(highest, self.daemon.memory_kb())
        self.assertEqual(client.octets(3), b".\r\n")
        self.assertLess(highest - idle, ALLOWANCE_KB)

    def test_a_client_that_does_not_read_holds_up_nobody_else(self):
        self.start_imap([Generated(32 * MEGABYTE)])
        other = self.start_imap([message("x", b"y\r\n")], user="bob@example.org")
        self.start_daemon([self.account(self.imap), {**self.account(other),
                                                     "user": "bob@example.org"}])
        stuck = self.log_in(receive_buffer=16384)
        stuck.send(b"RETR 1\r\n")
        self.assert_ok(stuck.line())
        client = self.log_in("bob@example.org")
        for _ in range(20):
            self.assert_ok(client.retrieve(1)[0])
        self.assert_ok(self.quit(client))

    def test_thousands_of_commands_that_nobody_reads_answers_to_do_not_fill_memory(self):
        self.start_imap()
        for _ in range(2000):
            self.inbox.append(message("x", b""))
        self.start_daemon()
        client = self.log_in(receive_buffer=16384)
        idle = self.daemon.memory_kb()
        client.socket.settimeout(1.0)
        sent = 0
        try:
            while sent < 64 * MEGABYTE:
                sent += client.socket.send(b"UIDL\r\n" * 10000)
        except OSError:
            pass
        self.assertLess(sent, 64 * MEGABYTE, "input that cannot be answered is not read")
        self.assertLess(self.daemon.memory_kb() - idle, ALLOWANCE_KB)
        client.reset()
        self.daemon.log.wait("session-end")

    def test_a_retr_that_the_client_breaks_off_frees_everything(self):
        self.start_imap([Generated(32 * MEGABYTE)])
        self.start_daemon()
        before = self.daemon.open_descriptors()
        for number in range(1, 6):
            client = self.log_in()
            client.send(b"RETR 1\r\n")
            client.octets(100000)
            client.reset()
            self.daemon.log.wait("session-end", count=number)
        eventually(lambda: self.imap.open_connections() == 0, "upstream connections are closed")
        if before is not None:
            eventually(lambda: self.daemon.open_descriptors() <= before, "descriptors are closed")
        self.assert_ok(self.quit(self.log_in()))


if __name__ == "__main__":
    main()
