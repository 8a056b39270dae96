#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""`packetboat login`: why a sign-in fails is said in plain words, and whatever happens to one, the
sign-in that was there before goes on. (That each way to a token works is in test_oauth_flows.py.)
"""

import os
import signal
import socket
import urllib.parse

from harness import SHARED, eventually, main
from messages import message
from oauth import OAuthTest
from outlook import Fault, Trouble

LETTERS = [message("signed in", b"Hello.\r\n")]


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


class SignInTest(OAuthTest):
    def setUp(self):
        super().setUp()
        self.start_identity(interval=1)
        self.start_outlook(LETTERS)

    def log_in_by(self, *options, person=None):
        """A tool that has been given what it asked for; `person` may be None: Cancel."""
        tool = self.tool("login", self.USER, *options, interactive="--paste" in options)
        if "--device" in options:
            self.browser.enter_code(tool.line(), tool.line(), person)
        elif "--paste" in options:
            tool.answer(self.browser.press(tool.line(), person))
        else:
            self.browser.sign_in(tool.line(), person)
        return tool

    def assert_failed(self, tool, *words):
        """It fails, for a reason with these words, whatever the terminal's width breaks."""
        status, rest, complaints = tool.finish()
        self.assertEqual((status, rest), (1, ""), complaints)
        said = " ".join(complaints.split())
        for word in words:
            self.assertIn(word, said)

    def assert_mail_arrives(self):
        client = self.log_in()
        self.assertEqual(client.retrieve(1)[1], LETTERS[0])
        self.assert_ok(self.quit(client))


class Check(SignInTest):
    """The new token must open the mailbox before it is kept."""

    def setUp(self):
        super().setUp()
        self.start_daemon([self.oauth_account()])

    def assert_nothing_was_stored(self):
        self.assertEqual(self.status()["state"], "never-signed-in")
        self.assertEqual(os.listdir(os.path.join(self.daemon.folder, "state", "tokens")), [])

    def test_another_person(self):
        self.directory.add_person("boss@example.org")
        self.assert_failed(self.log_in_by(person="boss@example.org"),
                           f"belongs to boss@example.org, the mailbox is {self.USER}",
                           f"Sign in as {self.USER}", "Add-MailboxPermission",
                           "Nothing was stored")
        self.assert_nothing_was_stored()

    def test_imap_is_off(self):
        self.mailbox.imap_enabled = False
        self.assert_failed(self.log_in_by(person=self.USER), "Set-CASMailbox",
                           "Nothing was stored")
        self.assert_nothing_was_stored()

    def test_a_folder_that_is_not_there(self):
        self.reload({'password_hash = "': 'folder = "Nowhere"; password_hash = "'})
        self.assert_failed(self.log_in_by(person=self.USER), '"Nowhere"', "`folder`")
        self.assert_nothing_was_stored()

    def test_the_wrong_scope(self):
        self.application.permissions.add("POP.AccessAsUser.All")
        self.reload({"oauth = {": 'oauth = { scope = '
                     '"https://outlook.office.com/POP.AccessAsUser.All offline_access";'})
        self.assert_failed(self.log_in_by(person=self.USER), "Wrong scope",
                           "https://outlook.office.com/IMAP.AccessAsUser.All offline_access")
        self.assert_nothing_was_stored()

    def test_a_mail_server_that_is_not_there_now(self):
        self.imap.faults.cue(Fault("GREETING", cut="before", times=None))
        self.assert_failed(self.log_in_by(person=self.USER), "try again", "Nothing was stored")
        self.assert_nothing_was_stored()

    def test_a_mail_server_that_is_not_trusted(self):
        self.reload({f'ca_file = "{SHARED.ca.certificate}";\n\t\t}};\n\t\toauth':
                     f'ca_file = "{SHARED.certificate().certificate}";\n\t\t}};\n\t\toauth'})
        self.assert_failed(self.log_in_by(person=self.USER), "cannot be trusted",
                           "packetboat doctor")
        self.assert_nothing_was_stored()

    def test_a_sign_in_that_cannot_be_kept(self):
        tokens = os.path.join(self.daemon.folder, "state", "tokens")
        os.chmod(tokens, 0o500)
        try:
            self.assert_failed(self.log_in_by(person=self.USER), "cannot be kept")
        finally:
            os.chmod(tokens, 0o700)
        self.sign_in()
        self.assert_mail_arrives()

    def test_the_session_is_closed_properly(self):
        """A connection without LOGOUT goes on counting against the mailbox."""
        self.sign_in()
        self.assertIn("LOGOUT", self.imap.journal.texts()[-1])


class Refusals(SignInTest):
    """What the identity provider has against it."""

    def setUp(self):
        super().setUp()
        self.start_daemon([self.oauth_account()])

    def test_the_person_cancels(self):
        for options in ((), ("--paste",), ("--device",)):
            with self.subTest(options):
                self.assert_failed(self.log_in_by(*options))
        self.assertEqual(self.asked("token authorization_code"), 0)

    def test_either_spelling_of_a_refused_code(self):
        for error in ("authorization_declined", "access_denied"):
            with self.subTest(error):
                self.identity.faults.cue(Trouble("token device_code", error=error))
                tool = self.tool("login", self.USER, "--device")
                self.assert_failed_after(tool, 2, error)

    def assert_failed_after(self, tool, lines, *words):
        for _ in range(lines):
            tool.line()
        self.assert_failed(tool, *words)

    def test_an_administrator_must_consent(self):
        self.identity.faults.cue(Trouble("authorize", error=90094))
        self.assert_failed(self.log_in_by(person=self.USER), "90094", "administrator")

    def test_public_client_flows_are_not_allowed(self):
        self.application.public_flows = False
        self.assert_failed(self.log_in_by("--device", person=self.USER), "7000218",
                           "public client flows")

    def test_the_redirect_is_not_registered(self):
        self.application.redirect_uris = ("http://localhost/elsewhere",)
        tool = self.tool("login", self.USER)
        status, page, address = self.browser.open(tool.line())
        self.assertNotEqual(status, 200)
        self.assertIn("50011", page)
        self.assertIsNone(address)
        tool.close()

    def test_an_unknown_application(self):
        self.reload({self.application.client_id: "00000000-0000-0000-0000-000000000000"})
        tool = self.tool("login", self.USER, "--device")
        self.assert_failed(tool, "700016")

    def test_conditional_access(self):
        self.identity.faults.cue(Trouble("token authorization_code", error=53003))
        self.assert_failed(self.log_in_by(person=self.USER), "53003", "Conditional Access",
                           "correlation id")
        line = self.daemon.log.wait("sign-in-failed")
        self.assertEqual(line.fields["aadsts"], "53003")
        self.assertTrue(line.fields["trace_id"])
        self.assertTrue(line.fields["correlation_id"])

    def test_the_provider_goes_away(self):
        self.identity.faults.cue(Trouble("token authorization_code", cut="before", times=None))
        self.assert_failed(self.log_in_by(person=self.USER), "packetboat login")

    def test_the_provider_is_not_trusted(self):
        self.reload({"oauth = {": "oauth = { ", SHARED.ca.certificate:
                     SHARED.certificate("another").certificate})
        tool = self.tool("login", self.USER, "--device")
        self.assert_failed(tool, "certificate")


class Redirects(SignInTest):
    """Where the browser ends."""

    def start(self, redirect_uri, registered):
        self.application.redirect_uris = (registered,)
        self.start_daemon([self.oauth_account(oauth={"redirect_uri": redirect_uri})])

    def test_a_port_and_a_path_of_the_account_s_own(self):
        port = free_port()
        self.start(f"http://localhost:{port}/cb", "http://localhost/cb")
        tool = self.tool("login", self.USER)
        address = self.browser.press(tool.line(), self.USER)
        self.assertTrue(address.startswith(f"http://localhost:{port}/cb?"), address)
        self.assertEqual(self.browser.open(address)[0], 200)
        self.assertEqual(tool.finish()[:2], (0, f"signed in: {self.USER}\n"))
        self.assert_mail_arrives()

    def test_a_path_alone(self):
        self.start("http://localhost/cb", "http://localhost/cb")
        tool = self.tool("login", self.USER)
        address = self.browser.press(tool.line(), self.USER)
        self.assertRegex(address, r"http://localhost:[0-9]+/cb\?")
        self.assertEqual(self.browser.open(address)[0], 200)
        self.assertEqual(tool.finish()[:2], (0, f"signed in: {self.USER}\n"))

    def test_a_page_elsewhere_is_copied_from(self):
        page = "https://login.microsoftonline.com/common/oauth2/nativeclient"
        self.start(page, page)
        tool = self.tool("login", self.USER, interactive=True)
        address = self.browser.press(tool.line(), self.USER)
        self.assertTrue(address.startswith(page + "?"), address)
        tool.answer(address)
        self.assertEqual(tool.finish()[:2], (0, f"signed in: {self.USER}\n"))

    def test_somebody_else_s_answer_at_the_door(self):
        """Any page can send a browser to http://localhost:PORT/."""
        self.start_daemon([self.oauth_account()])
        tool = self.tool("login", self.USER)
        address = urllib.parse.urlsplit(self.browser.press(tool.line(), self.USER))
        query = urllib.parse.parse_qs(address.query)
        forged = urllib.parse.urlencode({"code": query["code"][0], "state": "x" * 43})
        page = self.browser.open(address._replace(query=forged).geturl())[1]
        self.assertNotIn("x" * 43, page)
        self.assert_failed(tool, "another sign-in")
        self.assertEqual(self.asked("token authorization_code"), 0)


class Again(SignInTest):
    """There was a sign-in already."""

    def setUp(self):
        super().setUp()
        self.start_daemon([self.oauth_account()])
        self.sign_in()

    def test_one_that_fails_leaves_the_old_one(self):
        self.directory.add_person("boss@example.org")
        self.assert_failed(self.log_in_by(person="boss@example.org"), "boss@example.org")
        self.assert_failed(self.log_in_by("--device"))
        self.assertEqual(self.status()["state"], "ok")
        self.assert_mail_arrives()

    def test_a_hold_ends(self):
        self.identity.tokens.revoke(self.person)
        self.identity.tokens.revoke_access(self.person)
        client = self.connect()
        client.log_in(self.USER, self.password)
        client.close()
        self.assertEqual(self.status()["state"], "sign-in-needed")
        self.sign_in(way="browser")
        self.assertEqual(self.status()["state"], "ok")
        self.assert_mail_arrives()

    def test_the_new_one_counts(self):
        self.identity.tokens.revoke(self.person)
        self.sign_in(way="paste")
        self.stop()
        self.daemon.start()
        eventually(lambda: self.status()["state"] == "ok", "the file is read")
        self.assert_mail_arrives()

    def test_two_at_once(self):
        tools = [self.tool("login", self.USER, "--device") for _ in range(2)]
        for tool in tools:
            self.browser.enter_code(tool.line(), tool.line(), self.USER)
        for tool in tools:
            self.assertEqual(tool.finish()[:2], (0, f"signed in: {self.USER}\n"))
        self.assert_mail_arrives()

    def test_ctrl_c(self):
        for options in ((), ("--device",)):
            with self.subTest(options):
                tool = self.tool("login", self.USER, *options)
                tool.line()
                tool.process.send_signal(signal.SIGINT)
                status, _, complaints = tool.finish()
                self.assertEqual(status, 1)
                self.assertIn("cancelled", complaints)
        self.assertEqual(self.status()["state"], "ok")
        self.assert_mail_arrives()

    def test_a_sign_in_in_the_middle_does_not_keep_the_daemon_from_stopping(self):
        tools = [self.tool("login", self.USER, "--device"), self.tool("login", self.USER)]
        for tool in tools:
            tool.line()
        self.assertEqual(self.stop(), 0)
        for tool in tools:
            self.assertNotEqual(tool.finish()[0], 0)


if __name__ == "__main__":
    main()
