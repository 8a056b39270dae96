#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""What a POP3 client is told when a real IMAP server says no, is not there, or dies."""

import socket
import time

from real import REFERENCE, Packetboat, RealTest, main
from messages import MEGABYTE, Sample, message, patterned

DIES_WITHIN = 30  # seconds; a ceiling for seeing that a server has gone


class FailuresTest(RealTest):
    """Each front here is a daemon of the test's own, where it needs another configuration."""

    def setUp(self):
        if REFERENCE:
            self.skipTest("response codes are ours")
        super().setUp()

    def start_front(self, name="front", **settings):
        front = Packetboat(self.folder / name, self.imap, **settings).start()
        self.addCleanup(lambda: self.assertEqual(front.stop(), []))
        return front

    def assert_refused(self, front, code, password=None, user=None):
        client = self.connect(front)
        reply = client.log_in(user or self.user, password or self.password)
        self.assertTrue(reply.startswith("-ERR"), reply)
        self.assertEqual(reply.code, code, reply)
        return client

    def test_a_wrong_password_is_auth_and_the_right_one_works_then(self):
        client = self.assert_refused(self.front, "AUTH", password="not it")
        self.assertTrue(client.log_in(self.user, self.password).ok)

    def test_an_unknown_user_is_auth(self):
        self.assert_refused(self.front, "AUTH", user="nobody-of-that-name")

    def test_a_folder_that_does_not_exist_is_permanent(self):
        front = self.start_front(account={"folder": "No Such Folder"})
        self.assert_refused(front, "SYS/PERM")

    def test_a_certificate_of_another_authority_is_permanent(self):
        front = self.start_front(account={"imap": {"ca_file": self.front.ca}})
        self.assert_refused(front, "SYS/PERM")

    def test_a_port_where_nobody_listens_is_temporary(self):
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            front = self.start_front(account={"imap": {"port": unused.getsockname()[1]}})
            self.assert_refused(front, "SYS/TEMP")

    def test_mail_comes_over_starttls_too(self):
        self.deliver([Sample("one", message("one", b"x\r\n"))])
        front = self.start_front(account={"imap": {"port": self.imap.port, "tls": "starttls"}})
        session = self.log_in(front)
        self.assertEqual(session.retrieve(1)[1], message("one", b"x\r\n"))
        self.assertTrue(session.command("QUIT").ok)
        logins = [line for line in self.imap.log().splitlines()
                  if f"Login: user=<{self.user}>" in line]
        self.assertIn("TLS", logins[-1])

    def test_other_folders_than_inbox_whatever_their_names(self):
        # As the configuration has them, and as RFC 3501 section 5.1.3 encodes them.
        for number, (name, encoded) in enumerate((("Invoices & Co", "Invoices &- Co"),
                                                  ("Für Müller", "F&APw-r M&APw-ller"),
                                                  ("a{5}b (c) \"d\"", 'a{5}b (c) \\"d\\"'))):
            with self.subTest(name=name):
                mailbox = f'"{encoded}"'
                with self.imap.session(self.user) as other:
                    self.assertEqual(other.create(mailbox)[0], "OK")
                    self.assertEqual(other.append(mailbox, None, None,
                                                  message("in there", b"x\r\n"))[0], "OK")
                front = self.start_front(f"front{number}", account={"folder": name})
                session = self.log_in(front)
                self.assertEqual(session.stat()[0], 1)
                self.assertEqual(session.retrieve(1)[1], message("in there", b"x\r\n"))

    def test_a_second_session_is_refused_as_in_use_and_the_first_lives(self):
        first = self.log_in()
        self.assert_refused(self.front, "IN-USE")
        self.assertTrue(first.command("NOOP").ok)
        self.assertTrue(first.command("QUIT").ok)
        self.log_in()

    def test_no_quit_deletes_nothing(self):
        self.deliver([Sample(f"{n}", message(f"{n}", b"x\r\n")) for n in range(3)])
        session = self.log_in()
        session.retrieve(1)
        self.assertTrue(session.command("DELE 1").ok)
        session.close()
        # The maildrop is free again at once, and this session sees what the last one left.
        deadline = time.monotonic() + DIES_WITHIN
        while True:
            again = self.connect()
            reply = again.log_in(self.user, self.password)
            if reply.ok or reply.code != "IN-USE" or time.monotonic() > deadline:
                break
        self.assertTrue(reply.ok, reply)
        self.assertEqual(again.stat()[0], 3)


class DeathTest(RealTest):
    """The server goes away. It is the tests' own, so they bring it back for each other."""

    def setUp(self):
        if REFERENCE:
            self.skipTest("response codes are ours")
        super().setUp()
        self.addCleanup(self.revive)

    def revive(self):
        if self.imap.process is None:
            self.imap.start()

    def test_a_stopped_server_is_temporary_and_comes_back(self):
        self.imap.stop()
        client = self.connect()
        reply = client.log_in(self.user, self.password)
        self.assertTrue(reply.startswith("-ERR"), reply)
        self.assertEqual(reply.code, "SYS/TEMP", reply)
        client.close()
        self.imap.start()
        self.log_in()

    def test_a_server_killed_in_the_middle_of_a_message_leaves_no_final_dot(self):
        body = patterned(25 * MEGABYTE)
        self.deliver([Sample("large", message("large", body))])
        session = self.log_in()
        session.send(b"RETR 1\r\n")
        self.assertTrue(session.line().ok)
        self.assertEqual(len(session.octets(MEGABYTE)), MEGABYTE)
        self.imap.kill()
        session.socket.settimeout(DIES_WITHIN)
        rest = session.rest()
        self.assertFalse(rest.endswith(b"\r\n.\r\n"), rest[-80:])
        whole = message("large", body)
        self.assertLess(MEGABYTE + len(rest), len(whole))
        self.assertTrue(whole[MEGABYTE:].startswith(rest), "what came is the message's beginning")

    def test_a_server_killed_before_quit_loses_no_mail(self):
        samples = [Sample(f"{n}", message(f"{n}", b"x\r\n")) for n in range(5)]
        self.deliver(samples)
        session = self.log_in()
        for number in range(1, 4):
            session.retrieve(number)
            self.assertTrue(session.command(f"DELE {number}").ok)
        self.imap.kill()
        session.socket.settimeout(DIES_WITHIN)
        try:
            reply = session.command("QUIT")
        except EOFError:
            reply = None
        self.imap.start()
        # Never the +OK of a deletion that did not happen, unless it is finished later.
        if reply is not None and not reply.ok:
            self.assertEqual(reply.code, "SYS/TEMP", reply)
        session.close()
        left = self.log_in()
        count = left.stat()[0]
        self.assertEqual(count, 2 if reply is not None and reply.ok else 5)
        self.assertLessEqual({4, 5}, set(self.uids()))


if __name__ == "__main__":
    main()
