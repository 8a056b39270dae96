#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""TLS towards the client (RFC 2595), and no plain-text logins from elsewhere."""

import socket
import ssl
import unittest

from harness import SHARED, DaemonTest, configuration, main, to_libconfig
from messages import as_retrieved, message
from outlook import Generated
from pop3 import Pop3

MESSAGES = [message("one", b"text\r\n.\r\n")]


def own_address():
    """An address of this machine that is not loopback, or None. No packet is sent."""
    probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        probe.connect(("192.0.2.1", 9))
        address = probe.getsockname()[0]
        return None if address.startswith(("127.", "0.")) else address
    except OSError:
        return None
    finally:
        probe.close()


class Tls(DaemonTest):
    LISTENERS = [{"address": "127.0.0.1", "port": 0},
                 {"address": "127.0.0.1", "port": 0, "tls": "implicit"}]

    def setUp(self):
        super().setUp()
        self.start_imap(MESSAGES)
        self.start_daemon(listeners=self.LISTENERS, tls=self.server_tls())

    def test_stls_upgrades_a_session(self):
        client = self.connect()
        self.assertIn("STLS", client.listing("CAPA")[1])
        self.assert_ok(client.command("STLS"))
        client.start_tls(SHARED.client_context())
        self.assertNotIn("STLS", client.listing("CAPA")[1])
        self.assert_ok(client.log_in(self.USER, self.password))
        self.assertEqual(client.retrieve(1)[1], as_retrieved(MESSAGES[0]))
        self.assert_ok(self.quit(client))

    def test_nothing_is_said_between_the_ok_to_stls_and_the_next_command(self):
        client = self.connect()
        self.assert_ok(client.command("STLS"))
        client.start_tls(SHARED.client_context())
        self.assertTrue(client.is_silent(0.3))
        self.assert_ok(client.command("UTF8"))

    def test_implicit_tls_serves_a_session(self):
        client = self.connect("implicit")
        self.assertNotIn("STLS", client.listing("CAPA")[1])
        self.assert_err(client.command("STLS"))
        self.assert_ok(client.log_in(self.USER, self.password))
        self.assertEqual(client.retrieve(1)[1], as_retrieved(MESSAGES[0]))

    def test_commands_injected_behind_stls_are_not_executed(self):
        for behind in (f"USER {self.USER}\r\n", "NOOP\r\n", "x", "\r\n"):
            with self.subTest(behind):
                client = self.connect()
                client.send(b"STLS\r\n" + behind.encode())
                last = client.rest()
                self.assertLessEqual(last.count(b"\r\n"), 2, last)
                self.assertNotIn(b"+OK Maildrop", last)
                self.assertEqual(self.imap.accepted(), 0)

    def test_stls_forgets_what_was_said_in_the_clear(self):
        client = self.connect()
        self.assert_ok(client.command(f"USER {self.USER}"))
        self.assert_ok(client.command("STLS"))
        client.start_tls(SHARED.client_context())
        self.assert_err(client.command(f"PASS {self.password}"))

    def test_stls_is_refused_twice_and_after_login(self):
        client = self.connect()
        self.assert_ok(client.command("STLS"))
        client.start_tls(SHARED.client_context())
        self.assert_err(client.command("STLS"))
        self.assert_ok(client.log_in(self.USER, self.password))
        self.assert_err(client.command("STLS"))
        self.quit(client)
        client = self.log_in()
        self.assert_err(client.command("STLS"))

    def test_the_certificate_is_the_configured_one(self):
        client = self.connect("implicit")
        with self.assertRaises(ssl.SSLError):
            self.connect("implicit", context=ssl.create_default_context())
        self.assertGreaterEqual(client.socket.version(), "TLSv1.2")

    def test_a_client_that_speaks_no_tls_is_dropped_and_others_go_on(self):
        for octets in (b"USER x\r\n", b"\x16\x03\x01\x00\x05garbage", b"\0" * 100):
            with self.subTest(octets):
                stranger = Pop3("127.0.0.1", self.daemon.port("implicit"), greet=False)
                self.clients.append(stranger)
                stranger.send(octets + b"\r\n" * 10)
                stranger.rest()
        self.assert_ok(self.connect("implicit").greeting)

    def test_a_client_that_leaves_in_the_handshake_harms_nobody(self):
        for _ in range(10):
            stranger = Pop3("127.0.0.1", self.daemon.port("implicit"), greet=False)
            stranger.send(b"\x16\x03\x01")
            stranger.reset()
        client = self.connect()
        self.assert_ok(client.command("STLS"))
        client.reset()
        self.assert_ok(self.connect("implicit").greeting)

    def test_a_large_message_passes_through_tls_on_both_sides(self):
        uid = self.inbox.append(Generated(8 << 20))
        client = self.connect("implicit")
        self.assert_ok(client.log_in(self.USER, self.password))
        self.assertEqual(client.retrieve(uid)[1], Generated(8 << 20).read(0, 8 << 20))

    def test_tls_sessions_upstream_are_resumed(self):
        for _ in range(3):
            self.assert_ok(self.quit(self.log_in()))
        self.daemon.log.wait("session-end", count=3)
        described = [line.text for line in self.daemon.log.lines("upstream-tls")]
        self.assertNotIn("resumed", described[0])
        self.assertIn("resumed", described[-1])


class Certificate(DaemonTest):
    """There is no listener for TLS without one."""

    def setUp(self):
        super().setUp()
        self.start_imap(MESSAGES)

    def test_a_socket_for_pop3s_is_refused_where_there_is_no_certificate(self):
        for names in ("pop3s", "packetboat-pop3s.socket"):
            with self.subTest(names), socket.create_server(("127.0.0.1", 0)) as listener:
                self.start_daemon(ready=False, activated=listener,
                                  environment={"LISTEN_FDNAMES": names})
                self.assertNotEqual(self.daemon.wait(), 0)
                self.assertEqual(self.daemon.log.lines("ready"), [])
                said = [line for line in self.daemon.log.text().split("\n")
                        if not line.startswith("info ")]
                self.assertEqual(len(said), 1, said)
                self.assertIn("POP3S", said[0])
                self.assertIn("tls.certificate", said[0])

    def test_a_reload_may_not_take_it_from_a_listener_that_needs_it(self):
        self.start_daemon(listeners=Tls.LISTENERS, tls=self.server_tls())
        client = self.connect("implicit")
        tls = configuration({"tls": self.server_tls()})
        implicit = to_libconfig(Tls.LISTENERS[1], 1)
        line = self.reload({tls: "", ",\n\t" + implicit: ""}, event="reload-failed")
        self.assertIn("tls.certificate", line.text)
        self.assert_ok(self.connect("implicit").greeting)
        self.assert_ok(client.log_in(self.USER, self.password))
        self.assertIn("STLS", self.connect().listing("CAPA")[1])


class Plaintext(DaemonTest):
    """Seen from an address of this machine that is not loopback."""

    def setUp(self):
        super().setUp()
        self.address = own_address()
        if self.address is None:
            raise unittest.SkipTest("this machine has no address but loopback's")
        self.start_imap(MESSAGES)

    def start(self, **settings):
        self.start_daemon(listeners=[{"address": self.address, "port": 0}], **settings)
        return self.connect(address=self.address)

    def test_a_plain_login_from_elsewhere_is_refused(self):
        client = self.start(tls=self.server_tls())
        lines = client.listing("CAPA")[1]
        self.assertIn("STLS", lines)
        self.assertFalse([line for line in lines if line.startswith(("USER", "SASL"))], lines)
        self.assert_err(client.log_in(self.USER, self.password))
        self.assert_err(client.log_in_plain(self.USER, self.password))
        self.assertEqual(self.imap.accepted(), 0)
        self.assert_ok(client.command("STLS"))
        client.start_tls(SHARED.client_context())
        self.assert_ok(client.log_in(self.USER, self.password))

    def test_without_a_certificate_it_is_refused_just_as_well(self):
        self.assert_err(self.start().log_in(self.USER, self.password))
        self.assertEqual(self.imap.accepted(), 0)

    def test_it_can_be_allowed(self):
        self.assert_ok(self.start(allow_plaintext=True).log_in(self.USER, self.password))


if __name__ == "__main__":
    main()
