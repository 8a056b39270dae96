#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Every way to a token, each ending with a message retrieved over POP3."""

import os
import stat
import urllib.parse

from harness import SHARED, main
from messages import message
from oauth import IMAP_SCOPE, OAuthTest
from outlook import Fault, Trouble

LETTER = message("carried by token", b".a line with a dot\r\n")


class FlowsTest(OAuthTest):
    def assert_mail_arrives(self, user=None):
        client = self.log_in(user)
        status, octets = client.retrieve(1)
        self.assertTrue(status.ok, status)
        self.assertEqual(octets, LETTER)
        self.assert_ok(self.quit(client))

    def assert_no_passwords(self):
        """Neither in a LOGIN nor in AUTHENTICATE PLAIN, though the server lists it."""
        said = [text for text in self.imap.journal.texts()
                if text.startswith(("LOGIN", "AUTHENTICATE")) and "BEARER" not in text.upper()]
        self.assertTrue(all(text.startswith("AUTHENTICATE XOAUTH2") for text in said), said)


class People(FlowsTest):
    def setUp(self):
        super().setUp()
        self.start_identity(interval=1)
        self.start_outlook([LETTER])

    def test_browser(self):
        self.start_daemon([self.oauth_account()])
        self.sign_in(way="browser")
        self.assert_mail_arrives()
        self.assert_no_passwords()

    def test_the_browser_is_told_to_go_back(self):
        self.start_daemon([self.oauth_account()])
        tool = self.tool("login", self.USER)
        url = tool.line()
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))
        self.assertEqual((query["response_type"], query["code_challenge_method"]), ("code", "S256"))
        self.assertEqual(query["login_hint"], self.USER)
        address = self.browser.press(url, self.USER)
        self.assertTrue(address.startswith("http://localhost:"), address)
        self.assertEqual(self.browser.open(urllib.parse.urljoin(address, "/favicon.ico"))[0], 404)
        status, page, _ = self.browser.open(address)
        self.assertEqual(status, 200)
        self.assertRegex(page.lower(), "signed in|go back|close")
        self.assertNotIn(query["state"], page)
        self.assertEqual(tool.finish()[0], 0)

    def test_paste(self):
        self.start_daemon([self.oauth_account()])
        self.sign_in(way="paste")
        self.assertTrue(self.identity.journal.texts("authorize")[0].count("nativeclient"),
                        "a page that exists is what people copy the address of")
        self.assert_mail_arrives()

    def test_paste_of_a_bare_code(self):
        self.start_daemon([self.oauth_account()])
        tool = self.tool("login", self.USER, "--paste", interactive=True)
        address = self.browser.press(tool.line(), self.USER)
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(address).query)
        tool.answer(query["code"][0])
        status, rest, complaints = tool.finish()
        self.assertEqual((status, rest), (0, f"signed in: {self.USER}\n"), complaints)
        self.assert_mail_arrives()

    def test_device(self):
        self.start_daemon([self.oauth_account()])
        self.sign_in(way="device")
        self.assert_mail_arrives()
        self.assert_no_passwords()

    def test_device_codes_are_waited_for(self):
        """authorization_pending, slow_down, a request that is lost: none of them is the end."""
        self.start_daemon([self.oauth_account()])
        tool = self.tool("login", self.USER, "--device")
        url, user_code = tool.line(), tool.line()
        self.identity.journal.wait("token device_code")
        self.identity.faults.cue(Trouble("token device_code", cut="before"))
        self.identity.journal.wait("token device_code", count=2)
        self.browser.enter_code(url, user_code, self.USER)
        status, rest, complaints = tool.finish()
        self.assertEqual((status, rest), (0, f"signed in: {self.USER}\n"), complaints)
        errors = [entry.error for entry in self.identity.journal.entries("token device_code")]
        self.assertIn("authorization_pending", errors)
        self.assertNotIn("slow_down", errors)
        self.assert_mail_arrives()

    def test_a_shared_mailbox_is_opened_by_one_who_may(self):
        shared = self.imap.store.add_user("shared@example.org")
        shared.inbox.append(LETTER)
        shared.delegates.add(self.USER)
        self.start_daemon([self.oauth_account(mailbox="shared@example.org")])
        self.sign_in()
        self.assert_mail_arrives()

    def test_everybody_of_a_domain_signs_in_alone(self):
        self.directory.add_person("bob@example.org")
        self.imap.store.add_user("bob@example.org").inbox.append(LETTER)
        account = self.oauth_account(user="*@example.org", attention_message=False)
        hashes = "".join(f"{name}:{account['password_hash']}\n"
                         for name in (self.USER, "bob@example.org"))
        del account["password_hash"]
        account["password_file"] = self.file("passwords", hashes)
        self.start_daemon([account])
        self.sign_in("bob@example.org")
        self.assert_mail_arrives("bob@example.org")
        self.assert_err(self.connect().log_in(self.USER, self.password), "AUTH")
        self.sign_in(self.USER)
        self.assert_mail_arrives(self.USER)

    def test_a_server_without_initial_responses(self):
        self.imap.options.drop = {"SASL-IR"}
        self.start_daemon([self.oauth_account()])
        self.sign_in()
        self.assert_mail_arrives()
        self.assertEqual(set(self.imap.journal.texts("AUTHENTICATE")), {"AUTHENTICATE XOAUTH2 ***"})

    def test_a_server_that_offers_oauthbearer_alone(self):
        self.imap.options.drop = {"AUTH=XOAUTH2"}
        self.imap.options.extra = ("AUTH=OAUTHBEARER",)
        self.start_daemon([self.oauth_account()])
        self.sign_in()
        self.assert_mail_arrives()

    def test_a_long_token(self):
        self.identity.settings.token_octets = 7000
        self.start_daemon([self.oauth_account()])
        self.sign_in()
        self.assert_mail_arrives()

    def test_a_confidential_client(self):
        self.application.confidential = True
        self.application.public_flows = False
        secret = self.application.add_secret("s3cr3t+/=&%~ ü of the app")
        self.secrets.add(secret)
        self.start_daemon([self.oauth_account(oauth={
            "client_secret_file": self.file("client-secret", secret + "\n")})])
        self.sign_in(way="browser")
        self.assert_mail_arrives()
        self.sign_in(way="device")
        self.assert_mail_arrives()

    def test_endpoints_that_are_not_laid_out_like_microsofts(self):
        base = f"{self.identity.authority}/{self.DOMAIN}/oauth2/v2.0"
        self.start_daemon([self.oauth_account(provider="custom", oauth={
            "tenant": None, "authority": None, "token_endpoint": f"{base}/token",
            "authorize_endpoint": f"{base}/authorize", "scope": IMAP_SCOPE})])
        self.sign_in(way="browser")
        self.assert_mail_arrives()
        status, _, complaints = self.run_tool("login", self.USER, "--device")
        self.assertEqual(status, 1)
        self.assertIn("device", complaints)


class Refusals(FlowsTest):
    """Sign-ins that come to nothing leave nothing."""

    def setUp(self):
        super().setUp()
        self.start_identity(interval=1)
        self.start_outlook([LETTER])
        self.start_daemon([self.oauth_account(attention_message=False)])

    def assert_failed(self, tool, *words):
        status, rest, complaints = tool.finish()
        self.assertEqual((status, rest), (1, ""), complaints)
        for word in words:
            self.assertIn(word, complaints)
        self.assertEqual(self.status()["state"], "never-signed-in")
        self.assert_err(self.connect().log_in(self.USER, self.password), "AUTH")
        return complaints

    def test_cancel_in_the_browser(self):
        tool = self.tool("login", self.USER)
        status, page, _ = self.browser.open(self.browser.press(tool.line(), None))
        self.assertEqual(status, 200)
        self.assertNotIn("AADSTS", page)
        self.assert_failed(tool)

    def test_cancel_at_the_device_page(self):
        tool = self.tool("login", self.USER, "--device")
        self.browser.enter_code(tool.line(), tool.line(), None)
        self.assert_failed(tool)

    def test_a_device_code_that_nobody_enters(self):
        self.identity.settings.device_seconds = 2
        tool = self.tool("login", self.USER, "--device")
        for _ in ("the address", "the code"):
            tool.line()
        self.assert_failed(tool)

    def test_an_answer_that_belongs_to_another_sign_in(self):
        tool = self.tool("login", self.USER, "--paste", interactive=True)
        address = self.browser.press(tool.line(), self.USER)
        tool.answer(address.replace("state=", "state=x"))
        self.assert_failed(tool)
        self.assertEqual(self.asked("token authorization_code"), 0)

    def test_nonsense_in_place_of_an_address(self):
        tool = self.tool("login", self.USER, "--paste", interactive=True)
        tool.line()
        tool.answer("what do you mean?")
        self.assert_failed(tool)
        self.assertEqual(self.asked("token authorization_code"), 0)

    def test_a_sign_in_that_lasts_an_hour_is_none(self):
        self.identity.faults.cue(Trouble("token", omit="refresh_token", times=None))
        tool = self.tool("login", self.USER, "--paste", interactive=True)
        tool.answer(self.browser.press(tool.line(), self.USER))
        self.assert_failed(tool)

    def test_a_mailbox_that_cannot_be_tried_now(self):
        self.imap.faults.cue(Fault("SELECT", reply="NO Server Unavailable. 15", times=None))
        tool = self.tool("login", self.USER, "--paste", interactive=True)
        tool.answer(self.browser.press(tool.line(), self.USER))
        self.assert_failed(tool)

    def test_a_tool_that_goes_away_cancels(self):
        tool = self.tool("login", self.USER, "--device")
        tool.line()
        tool.close()
        self.identity.journal.clear()
        self.assert_err(self.connect().log_in(self.USER, self.password), "AUTH")
        self.assertEqual(self.status()["state"], "never-signed-in")


class PersonalAccounts(FlowsTest):
    """Outlook.com: tokens that say nothing of themselves."""

    USER = "carol@outlook.example"

    def test_a_personal_account(self):
        self.start_identity(interval=1)
        self.start_outlook([LETTER])
        self.start_daemon([self.oauth_account(provider="outlook", oauth={"tenant": None})])
        self.sign_in(way="device")
        self.assert_mail_arrives()
        self.assertIn("/consumers/", self.identity.journal.texts("devicecode")[0])


class TheApplicationItself(FlowsTest):
    def setUp(self):
        super().setUp()
        self.start_outlook([LETTER])

    def certificate_account(self, algorithm):
        account = self.app_account(oauth={"assertion_algorithm": algorithm})
        pair = SHARED.certificate("app", key="RSA")
        self.application.certificates = (pair.certificate,)
        self.application.secrets.clear()
        del account["oauth"]["client_secret_file"]
        account["oauth"].update(certificate=pair.certificate, private_key=pair.private_key)
        return account

    def test_a_secret(self):
        self.start_daemon([self.app_account()])
        self.assert_mail_arrives()
        self.assert_mail_arrives()
        self.assertEqual(self.asked("token client_credentials"), 1)
        self.assert_no_passwords()

    def test_a_certificate(self):
        for algorithm in ("PS256", "RS256"):
            with self.subTest(algorithm):
                self.start_daemon([self.certificate_account(algorithm)])
                self.assert_mail_arrives()
                self.stop()

    def test_one_token_serves_all_its_mailboxes(self):
        account = self.app_account()
        account["user"] = "*@example.org"
        names = [f"box{number}@example.org" for number in range(5)]
        hashes = []
        for name in names:
            box = self.imap.store.add_user(name)
            box.inbox.append(LETTER)
            box.applications.add(self.application.client_id)
            hashes.append(f"{name}:{account['password_hash']}\n")
        del account["password_hash"]
        account["password_file"] = self.file("passwords", "".join(hashes))
        self.start_daemon([account])
        for name in names:
            self.assert_mail_arrives(name)
        self.assertEqual(self.asked("token client_credentials"), 1)

    def test_its_token_is_not_on_disk(self):
        self.start_daemon([self.app_account()])
        self.assert_mail_arrives()
        self.stop()
        for folder, _, files in os.walk(os.path.join(self.daemon.folder, "state")):
            for file in files:
                path = os.path.join(folder, file)
                self.assertEqual(stat.S_IMODE(os.stat(path).st_mode) & 0o077, 0, path)

    def test_nobody_signs_it_in(self):
        self.start_daemon([self.app_account()])
        status, rest, complaints = self.run_tool("login", self.USER)
        self.assertEqual((status, rest), (1, ""))
        self.assertIn("doctor", complaints)


if __name__ == "__main__":
    main()
