#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""What a client receives is what the server holds, octet for octet."""

import hashlib

from harness import DaemonTest, main
import messages
from messages import as_retrieved, as_topped, message, stuffed
from outlook import Generated


class Corpus(DaemonTest):
    def serve(self, samples, **options):
        self.start_imap([sample.octets for sample in samples], **options)
        self.start_daemon()
        return self.log_in()

    def compare(self, client, samples):
        for msgno, sample in enumerate(samples, 1):
            with self.subTest(sample.name):
                self.assert_ok(client.command(f"RETR {msgno}"))
                received = client.stuffed_message()
                self.assertEqual(hashlib.sha256(received).hexdigest(),
                                 hashlib.sha256(stuffed(sample.octets)).hexdigest(),
                                 received[:400])

    def test_small_messages_arrive_octet_for_octet(self):
        samples = messages.small()
        self.compare(self.serve(samples), samples)

    def test_large_messages_arrive_octet_for_octet(self):
        samples = messages.large()
        self.compare(self.serve(samples), samples)

    def test_messages_that_come_octet_by_octet_arrive_alike(self):
        samples = messages.small()
        self.compare(self.serve(samples, chunk=1), samples)

    def test_bodies_in_quoted_strings_arrive_alike(self):
        samples = [messages.Sample(name, octets) for name, octets in (
            ("one word", b"word"), ("a dot", b"."), ("two dots", b".."), ("blanks", b"  a  b "),
            ("quotes and backslashes", b'"a\\b"'), ("nothing", b""))]
        client = self.serve(samples, bodies="quoted")
        for msgno, sample in enumerate(samples, 1):
            with self.subTest(sample.name):
                self.assertEqual(client.retrieve(msgno)[1], as_retrieved(sample.octets))

    def test_the_same_message_reads_alike_twice(self):
        samples = messages.small()
        client = self.serve(samples)
        self.compare(client, samples)
        self.compare(client, samples)


class Top(DaemonTest):
    LINES = (0, 1, 2, 5, 1000000000)

    def compare(self, samples, **options):
        self.start_imap([sample.octets for sample in samples], **options)
        self.start_daemon()
        client = self.log_in()
        for msgno, sample in enumerate(samples, 1):
            for lines in self.LINES:
                with self.subTest(f"{sample.name}, {lines} lines"):
                    status, received = client.top(msgno, lines)
                    self.assert_ok(status)
                    self.assertEqual(received, as_topped(sample.octets, lines))

    # What has no header at all has no header to show; RFC 1939 speaks of messages with one.
    @staticmethod
    def samples():
        return [sample for sample in messages.small() if b"\r\n\r\n" in sample.octets]

    def test_top_counts_lines_of_the_body_only(self):
        self.compare(self.samples())

    def test_top_bears_a_server_that_ignores_partial_fetches(self):
        self.compare(self.samples()[:6], ignore_partial=True)

    def test_top_of_a_message_without_a_blank_line_is_the_message(self):
        octets = b"Subject: headers only\r\nFrom: x\r\n"
        self.start_imap([octets])
        self.start_daemon()
        client = self.log_in()
        for lines in (0, 1, 10):
            self.assertEqual(client.top(1, lines)[1], octets)

    def test_top_of_a_long_body_needs_several_parts(self):
        body = b"".join(b"line %06d of the body, which is somewhat long\r\n" % number
                        for number in range(20000))
        octets = message("long", body)
        self.start_imap([octets])
        self.start_daemon()
        client = self.log_in()
        for lines in (100, 5000, 19999, 20000, 20001):
            with self.subTest(lines):
                self.assertEqual(client.top(1, lines)[1], as_topped(octets, lines))

    def test_top_0_of_a_huge_message_does_not_fetch_its_body(self):
        self.start_imap([Generated(1 << 31)])
        self.start_daemon()
        client = self.log_in()
        status, received = client.top(1, 0)
        self.assert_ok(status)
        self.assertTrue(received.endswith(b"\r\n\r\n"))
        self.assertNotIn(b"all work", received)

    def test_top_marks_nothing_read(self):
        self.start_imap([message("x", b"y\r\n")])
        self.start_daemon([self.account(mark_seen="retr")])
        client = self.log_in()
        client.top(1, 5)
        self.assert_ok(self.quit(client))
        self.daemon.log.wait("session-end")
        self.assertEqual(self.inbox.flags(1), set())


if __name__ == "__main__":
    main()
