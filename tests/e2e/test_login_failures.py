#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""A login that fails says what kind of failure it is, to the client and in the log; it is never an
empty maildrop."""

import datetime
import os
import socket

from harness import SHARED, DaemonTest, eventually, main
import make_certs
from messages import message
from outlook import Fault

MESSAGES = [message("one", b"text\r\n")]


def other_ca():
    if not hasattr(SHARED, "other_ca"):
        SHARED.other_ca = make_certs.make_ca(SHARED.folder, name="Another Test CA", file="other-ca")
    return SHARED.other_ca


class LoginFailures(DaemonTest):
    def refused(self, code, words, event="login-failed", accounts=None, password=None, **settings):
        """A login is answered with this code, and the log says these words."""
        self.start_daemon(accounts, **settings)
        client = self.connect()
        reply = client.log_in(self.USER, password or self.password)
        self.assert_err(reply, code)
        line = self.daemon.log.wait(event)
        self.assertIn(words.lower(), line.text.lower())
        self.assertEqual(self.daemon.log.wait("login-failed").fields["code"], code)
        return client

    def no_credentials_were_sent(self):
        names = self.imap.journal.names()
        self.assertFalse({"LOGIN", "AUTHENTICATE"} & set(names), names)

    def test_a_refused_login_is_an_authentication_failure(self):
        for drop in (set(), {"SASL-IR"}, {"AUTH=PLAIN"}):
            with self.subTest(drop=drop):
                self.imap = None
                self.start_imap(MESSAGES, drop=drop)
                self.refused("AUTH", "refused", password="wrong-" + self.password)
                self.stop()

    def test_a_folder_that_does_not_exist_is_permanent(self):
        self.start_imap(MESSAGES)
        self.refused("SYS/PERM", "Nowhere", accounts=[self.account(folder="Nowhere")])

    def test_authenticated_but_not_connected_is_temporary_and_no_empty_maildrop(self):
        self.start_imap(MESSAGES)
        self.imap.store.any_account().connected = False
        client = self.refused("SYS/TEMP", "authenticated but not connected")
        self.assert_err(client.command("STAT"))

    def test_throttling_is_temporary(self):
        for command in ("AUTHENTICATE", "SELECT"):
            for word in ("NO", "BAD"):
                with self.subTest(f"{word} to {command}"):
                    self.imap = None
                    self.start_imap(MESSAGES)
                    self.imap.faults.cue(Fault(command, times=None, reply=(
                        f"{word} Request is throttled. Suggested Backoff Time: 1000 milliseconds")))
                    self.refused("SYS/TEMP", "throttled")
                    self.stop()

    def test_a_server_in_trouble_is_temporary(self):
        rows = (("AUTHENTICATE", "NO [UNAVAILABLE] Temporary authentication failure."),
                ("SELECT", "NO Server Unavailable. 15"), ("SELECT", "NO [INUSE] Locked."),
                ("SELECT", "BAD Command received in Invalid state."))
        for command, reply in rows:
            with self.subTest(reply):
                self.imap = None
                self.start_imap(MESSAGES)
                self.imap.faults.cue(Fault(command, reply=reply, times=None))
                self.refused("SYS/TEMP", reply.split(" ")[-1])
                self.stop()

    def test_a_dead_server_is_temporary(self):
        self.start_imap(MESSAGES)
        self.imap.stop()
        self.refused("SYS/TEMP", "refused", event="upstream-failed")

    def test_a_name_that_does_not_resolve_is_temporary(self):
        self.start_imap(MESSAGES)
        self.refused("SYS/TEMP", "", accounts=[
            self.account(imap={"host": "no-such-host.invalid"})], limits={"login_patience": 5})
        self.assert_ok(self.connect().greeting)

    def test_a_bye_for_a_greeting_is_temporary(self):
        self.start_imap(MESSAGES, greeting="BYE Too many connections")
        self.refused("SYS/TEMP", "Too many connections")

    def test_preauth_is_refused(self):
        self.start_imap(MESSAGES, greeting="PREAUTH Welcome, whoever you are")
        self.refused("SYS/PERM", "preauth")

    def test_preauth_does_not_excuse_starttls(self):
        self.start_imap(MESSAGES, tls="starttls", greeting="PREAUTH Welcome, whoever you are")
        self.refused("SYS/PERM", "preauth")
        self.no_credentials_were_sent()

    def test_a_server_that_hangs_up_at_each_step_is_temporary(self):
        for step in ("TLS", "GREETING", "CAPABILITY", "AUTHENTICATE", "SELECT", "UID FETCH"):
            for reset in (False, True):
                with self.subTest(f"{step}, reset={reset}"):
                    self.imap = None
                    self.start_imap(MESSAGES)
                    self.imap.faults.cue(Fault(step, cut="before", reset=reset, times=None))
                    self.refused("SYS/TEMP", "")
                    self.stop()

    def test_a_server_that_says_bye_at_each_step_is_temporary(self):
        for step in ("CAPABILITY", "AUTHENTICATE", "SELECT", "UID FETCH"):
            with self.subTest(step):
                self.imap = None
                self.start_imap(MESSAGES)
                self.imap.faults.cue(Fault(step, bye="Connection closed. 14", times=None))
                self.refused("SYS/TEMP", "Connection closed. 14")
                self.stop()

    def test_a_listing_that_fails_is_no_empty_maildrop(self):
        for reply in ("NO Server Unavailable. 15", "BAD Command Argument Error. 11"):
            with self.subTest(reply):
                self.imap = None
                self.start_imap(MESSAGES)
                self.imap.faults.cue(Fault("UID FETCH", reply=reply, times=None))
                self.refused("SYS/TEMP", reply.split(" ")[-1])
                self.stop()

    def test_an_impossible_listing_ends_the_login(self):
        rows = (("UID 0", "* 1 FETCH (UID 0 RFC822.SIZE 5 FLAGS ())"),
                ("UID beyond 32 bits", "* 1 FETCH (UID 4294967296 RFC822.SIZE 5 FLAGS ())"),
                ("negative size", "* 1 FETCH (UID 1 RFC822.SIZE -5 FLAGS ())"),
                ("huge literal", "* 1 FETCH (UID 1 BODY[] {99999999999999999999}"),
                ("no parenthesis", "* 1 FETCH UID 1"))
        for name, line in rows:
            with self.subTest(name):
                self.imap = None
                self.start_imap(MESSAGES)
                self.imap.faults.cue(Fault("UID FETCH", say=line, times=None))
                self.refused("SYS/TEMP", "")
                self.stop()

    def test_without_uidvalidity_there_are_no_unique_ids_and_no_login(self):
        self.start_imap(MESSAGES, select_drop={"UIDVALIDITY"})
        self.refused("SYS/PERM", "uidvalidity")

    def test_a_silent_server_is_answered_for_within_login_patience(self):
        for step in ("GREETING", "AUTHENTICATE", "SELECT"):
            with self.subTest(step):
                self.imap = None
                self.start_imap(MESSAGES)
                self.imap.faults.cue(Fault(step, hang="before", times=None))
                self.refused("SYS/TEMP", "", limits={"login_patience": 1})
                self.stop()

    def test_an_opening_that_takes_long_is_there_for_the_next_login(self):
        self.start_imap(MESSAGES, login_latency=2.5)
        client = self.refused("SYS/TEMP", "", limits={"login_patience": 1})
        self.imap.journal.wait("UID FETCH")
        self.imap.options.login_latency = 60
        eventually(lambda: client.log_in(self.USER, self.password).ok, "the opening is found done",
                   timeout=10)
        self.assertEqual(client.stat()[0], 1)
        self.assertEqual(self.imap.accepted(), 1)


class Certificates(DaemonTest):
    """Nothing is sent to a server whose certificate is not right."""

    refused = LoginFailures.refused
    no_credentials_were_sent = LoginFailures.no_credentials_were_sent

    def refused_certificate(self, words, file, **arguments):
        SHARED.certificate(file, **arguments)
        for tls in ("implicit", "starttls"):
            with self.subTest(tls):
                self.imap = None
                self.start_imap(MESSAGES, certificate=file, tls=tls)
                self.refused("SYS/PERM", words)
                self.no_credentials_were_sent()
                self.stop()

    def test_an_untrusted_authority_is_refused(self):
        self.refused_certificate("unknown authority", "unknown-ca", ca=other_ca())

    def test_an_expired_certificate_is_refused(self):
        now = datetime.datetime.now(datetime.timezone.utc)
        self.refused_certificate("expired", "expired", not_before=now - datetime.timedelta(days=30),
                                 not_after=now - datetime.timedelta(days=1))

    def test_a_certificate_of_the_future_is_refused(self):
        now = datetime.datetime.now(datetime.timezone.utc)
        self.refused_certificate("valid", "future", not_before=now + datetime.timedelta(days=1),
                                 not_after=now + datetime.timedelta(days=30))

    def test_a_certificate_for_another_name_is_refused(self):
        self.refused_certificate("other.example.org", "wrong-name", names=("other.example.org",))

    def test_a_name_in_the_common_name_only_is_refused(self):
        self.refused_certificate("", "common-name", names=(), common_name="127.0.0.1")

    def test_the_system_store_does_not_know_the_test_authority(self):
        self.start_imap(MESSAGES)
        account = self.account()
        del account["imap"]["ca_file"]
        self.refused("SYS/PERM", "authority", accounts=[account])
        self.no_credentials_were_sent()

    def test_a_host_name_is_verified_too(self):
        self.start_imap(MESSAGES)
        self.start_daemon([self.account(imap={"host": "localhost"})])
        self.log_in()

    def test_an_address_in_the_configuration_is_dialled_and_verified(self):
        self.start_imap(MESSAGES, address="::1")
        self.start_daemon()
        self.assertEqual(self.log_in().stat()[0], 1)

    def test_a_server_that_speaks_no_tls_is_refused(self):
        self.start_imap(MESSAGES, tls="none")
        account = self.account(imap={"tls": "implicit", "ca_file": SHARED.ca.certificate})
        self.refused("SYS/TEMP", "", accounts=[account])
        self.no_credentials_were_sent()


class StartTls(DaemonTest):
    refused = LoginFailures.refused
    no_credentials_were_sent = LoginFailures.no_credentials_were_sent

    def test_starttls_encrypts_before_anything_secret_is_said(self):
        self.start_imap(MESSAGES, tls="starttls")
        self.start_daemon()
        self.assertEqual(self.log_in().stat()[0], 1)
        for entry in self.imap.journal.entries():
            self.assertEqual(entry.encrypted, entry.name not in ("CAPABILITY", "STARTTLS") or
                             entry.encrypted, entry.text)
        self.assertTrue(self.imap.journal.entries("SELECT")[0].encrypted)

    def test_a_server_without_starttls_is_refused(self):
        self.start_imap(MESSAGES, tls="none")
        account = self.account(imap={"tls": "starttls", "ca_file": SHARED.ca.certificate})
        self.refused("SYS/PERM", "starttls", accounts=[account])
        self.no_credentials_were_sent()

    def test_octets_behind_the_ok_to_starttls_are_an_attack(self):
        self.start_imap(MESSAGES, tls="starttls")
        self.imap.faults.cue(Fault("STARTTLS", times=None,
                                   say_after="* CAPABILITY IMAP4rev1 LOGINDISABLED"))
        self.start_daemon()
        self.assert_err(self.connect().log_in(self.USER, self.password), "SYS/TEMP")
        self.no_credentials_were_sent()


class Addresses(DaemonTest):
    """`localhost` has an IPv6 and an IPv4 address; the server listens on one of them."""

    def setUp(self):
        super().setUp()
        self.wrapper = []
        found = {info[0] for info in socket.getaddrinfo("localhost", 143, 0, socket.SOCK_STREAM)}
        if found == {socket.AF_INET, socket.AF_INET6}:
            return
        if os.geteuid() != 0:
            self.skipTest("localhost has one address here, and only root can give the daemon "
                          "another /etc/hosts")
        hosts = os.path.join(self.folder, "hosts")
        with open(hosts, "w", encoding="ascii") as file:
            file.write("127.0.0.1 localhost\n::1 localhost\n")
        os.chmod(hosts, 0o644)
        self.wrapper = ["unshare", "--mount", "sh", "-c",
                        'mount --bind "$0" /etc/hosts && exec "$@"', hosts]

    def start_daemon(self, *arguments, **settings):
        return super().start_daemon(*arguments, wrapper=self.wrapper, **settings)

    def test_the_other_address_is_tried_when_one_is_refused(self):
        for address in ("127.0.0.1", "::1"):
            with self.subTest(address):
                self.imap = None
                self.start_imap(MESSAGES, address=address)
                self.start_daemon([self.account(imap={"host": "localhost"})])
                self.assertEqual(self.log_in().stat()[0], 1)
                self.stop()

    def test_an_address_family_can_be_chosen(self):
        for address, family, other in (("127.0.0.1", "ipv4", "ipv6"), ("::1", "ipv6", "ipv4")):
            with self.subTest(family):
                self.imap = None
                self.start_imap(MESSAGES, address=address)
                self.start_daemon([self.account(
                    imap={"host": "localhost", "address_family": family})])
                self.assertEqual(self.log_in().stat()[0], 1)
                self.stop()
                self.start_daemon([self.account(
                    imap={"host": "localhost", "address_family": other})])
                self.assert_err(self.connect().log_in(self.USER, self.password), "SYS/TEMP")
                self.stop()


if __name__ == "__main__":
    main()
