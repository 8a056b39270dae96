#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""The simulated server itself, seen by Python's own IMAP client: a test bench that lies is worse
than none."""

import imaplib
import ssl
import unittest

from harness import SHARED, main
import messages
from outlook import Fault, Generated, Octets, Options, Server, Store, unconvertible


class Outlook(unittest.TestCase):
    USER, PASSWORD = "ada@example.org", "a password"

    def serve(self, tls="implicit", **options):
        store = Store()
        self.account = store.add_user(self.USER, self.PASSWORD)
        pair = SHARED.certificate()
        server = Server(store, Options(**options), *pair, tls=tls).start()
        self.addCleanup(server.stop)
        self.server = server
        return server

    def log_in(self, folder="INBOX"):
        client = imaplib.IMAP4_SSL("127.0.0.1", self.server.port,
                                   ssl_context=SHARED.client_context(), timeout=20)
        self.addCleanup(client.shutdown)
        client.login(self.USER, self.PASSWORD)
        client.select(folder)
        return client

    def test_bodies_come_as_they_were_put_in(self):
        self.serve()
        for sample in messages.small():
            self.account.inbox.append(sample.octets)
        client = self.log_in()
        for uid, sample in enumerate(messages.small(), 1):
            with self.subTest(sample.name):
                _, answer = client.uid("FETCH", str(uid), "(BODY.PEEK[])")
                self.assertEqual(answer[0][1], sample.octets)
        self.assertEqual(self.server.crashes, [])

    def test_a_generated_message_has_its_size_and_reads_alike_in_pieces(self):
        body = Generated(100000)
        whole = body.read(0, 200000)
        self.assertEqual(len(whole), 100000)
        self.assertTrue(whole.endswith(b"\r\n"))
        for start in range(0, 100000, 7919):
            self.assertEqual(body.read(start, 5000), whole[start:start + 5000])
        self.assertEqual(Octets(whole).header_length(), body.header_length())

    def test_what_exchange_cannot_convert_is_a_placeholder_without_a_peek(self):
        self.serve()
        for number in (1, 2):
            self.account.inbox.append(b"Subject: number %d\r\n\r\ntext\r\n" % number)
        for fault in unconvertible(2):
            self.server.faults.cue(fault)
        client = self.log_in()
        self.assertEqual(client.uid("FETCH", "2", "(BODY.PEEK[])"), ("OK", [None]))
        self.assertEqual(self.account.inbox.flags(2), set())
        _, answer = client.uid("FETCH", "2", "(BODY[])")
        self.assertIn(b"failed for the following\r\n message: 2\r\n", answer[0][1])
        self.assertIn(b'Subject: "number 2"', answer[0][1])
        self.assertEqual(self.account.inbox.flags(2), {"\\Seen"})
        _, answer = client.uid("FETCH", "1", "(BODY.PEEK[])")
        self.assertEqual(answer[0][1], b"Subject: number 1\r\n\r\ntext\r\n")
        self.assertEqual(self.server.journal.breaches(unpeeked={2}), [])
        self.assertEqual(len(self.server.journal.breaches()), 1)
        self.assertEqual(self.server.crashes, [])

    def test_starttls_upgrades(self):
        self.serve(tls="starttls")
        client = imaplib.IMAP4("127.0.0.1", self.server.port, timeout=20)
        self.addCleanup(client.shutdown)
        client.starttls(SHARED.client_context())
        self.assertEqual(client.login(self.USER, self.PASSWORD)[0], "OK")
        self.assertEqual([entry.encrypted for entry in self.server.journal.entries("LOGIN")],
                         [True])

    def test_uid_expunge_leaves_what_others_flagged(self):
        self.serve()
        for _ in range(3):
            self.account.inbox.append(b"Subject: x\r\n\r\n")
        client = self.log_in()
        client.uid("STORE", "1:3", "+FLAGS.SILENT", "(\\Deleted)")
        client.uid("EXPUNGE", "2")
        self.assertEqual(self.account.inbox.uids(), [1, 3])

    def test_move_shows_only_after_login_and_fails_without_a_target(self):
        self.serve()
        self.account.inbox.append(b"Subject: x\r\n\r\n")
        client = imaplib.IMAP4_SSL("127.0.0.1", self.server.port,
                                   ssl_context=SHARED.client_context(), timeout=20)
        self.addCleanup(client.shutdown)
        self.assertNotIn("MOVE", client.capabilities)
        client.login(self.USER, self.PASSWORD)
        self.assertIn(b"MOVE", client.capability()[1][0].split())
        client.select()
        self.assertIn(b"TRYCREATE", client.uid("MOVE", "1", "Nowhere")[1][0])
        client.uid("MOVE", "1", '"Deleted Items"')
        self.assertEqual(self.account.inbox.uids(), [])
        self.assertEqual(self.account.find("Deleted Items").uids(), [1])

    def test_the_journal_masks_passwords_and_names_breaches(self):
        self.serve()
        self.account.inbox.append(b"Subject: x\r\n\r\n")
        client = self.log_in()
        client.fetch("1", "(BODY[])")
        client.uid("STORE", "1", "+FLAGS.SILENT", "(\\Deleted)")
        client.expunge()
        self.assertNotIn(self.PASSWORD, " ".join(self.server.journal.texts()))
        breaches = "\n".join(self.server.journal.breaches(deleted=set()))
        for word in ("sequence number", "nobody deleted", "EXPUNGE sweeps"):
            self.assertIn(word, breaches)
        self.assertIn("marks messages read", "\n".join(
            self._breaches_of("UID FETCH 1 (BODY[])")))

    def _breaches_of(self, text):
        self.server.journal.clear()
        self.server.journal.note(1, "UID FETCH", text, len(text), True)
        return self.server.journal.breaches()

    def test_a_literal_can_be_cut_and_a_command_swallowed(self):
        self.serve()
        self.account.inbox.append(messages.message("x", b"0123456789" * 100))
        self.server.faults.cue(Fault("UID FETCH", cut_literal=100))
        client = self.log_in()
        with self.assertRaises((imaplib.IMAP4.abort, OSError, ssl.SSLError)):
            client.uid("FETCH", "1", "(BODY.PEEK[])")
        self.server.faults.cue(Fault("UID STORE", cut="after"))
        client = self.log_in()
        with self.assertRaises((imaplib.IMAP4.abort, OSError, ssl.SSLError)):
            client.uid("STORE", "1", "+FLAGS", "(\\Seen)")
        self.assertEqual(self.account.inbox.flags(1), {"\\Seen"})

    def test_a_command_of_more_than_10240_octets_ends_the_connection(self):
        self.serve()
        client = self.log_in()
        with self.assertRaises((imaplib.IMAP4.abort, OSError, ssl.SSLError)):
            client.uid("FETCH", ",".join(str(uid) for uid in range(1, 3000)), "(FLAGS)")

    def test_another_sessions_changes_are_told(self):
        self.serve()
        self.account.inbox.append(b"Subject: x\r\n\r\n")
        client = self.log_in()
        self.account.inbox.append(b"Subject: y\r\n\r\n")
        self.account.inbox.change_flags(1, add=["\\Deleted"])
        self.account.inbox.remove([1])
        client.noop()
        self.assertEqual(client.untagged_responses.get("EXPUNGE"), [b"1"])
        self.assertEqual(client.untagged_responses.get("EXISTS")[-1], b"1")

    def test_a_fault_can_be_written_on_a_command_line(self):
        self.assertEqual(Fault.parse("uid fetch cut_literal=10 reset=yes times=always"),
                         Fault("UID FETCH", cut_literal=10, reset=True, times=None))
        self.assertEqual(Fault.parse('SELECT reply="BAD no" say="* 1 EXISTS" delay=0.5'),
                         Fault("SELECT", reply="BAD no", say=("* 1 EXISTS",), delay=0.5))
        for text in ("", "cut=before", "SELECT cut=sometimes", "SELECT colour=red",
                     "A cut=after b"):
            with self.subTest(text), self.assertRaises(ValueError):
                Fault.parse(text)


if __name__ == "__main__":
    main()
