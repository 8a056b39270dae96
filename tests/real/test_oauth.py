# SPDX-License-Identifier: ISC
"""Signing in at an identity provider that nobody here wrote, and reading mail with its tokens from
Dovecot: each flow ends with a message retrieved over POP3."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

_TESTS = pathlib.Path(__file__).resolve().parent.parent
for _folder in (_TESTS / "e2e", _TESTS / "certs", _TESTS):
    sys.path.insert(0, str(_folder))

import browser  # noqa: E402  pylint: disable=wrong-import-position
import dovecot  # noqa: E402  pylint: disable=wrong-import-position
import harness  # noqa: E402  pylint: disable=wrong-import-position
import make_certs  # noqa: E402  pylint: disable=wrong-import-position
import provider as identity  # noqa: E402  pylint: disable=wrong-import-position
from oauth import Tool  # noqa: E402  pylint: disable=wrong-import-position
from pop3 import Pop3  # noqa: E402  pylint: disable=wrong-import-position
from real import lacking, main, retrieved  # noqa: E402  pylint: disable=wrong-import-position

DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
PASSWORD = "local secret"
APP_SECRET = "s3cr3t+/=&% of the app"
APP_MAILBOX = "shared@example.test"
MESSAGE = b"From: a@example.test\r\nSubject: carried\r\n\r\n.dot\r\nby token\r\n"

PUBLIC = {"client_id": "packetboat", "token_endpoint_auth_method": "none",
          "application_type": "native",
          "grant_types": [DEVICE_CODE, "refresh_token", "authorization_code"],
          "redirect_uris": ["http://localhost/"], "response_types": ["code"]}
APP = {"grant_types": ["client_credentials"], "redirect_uris": [], "response_types": []}
WITH_SECRET = {**APP, "client_id": "app-secret", "client_secret": APP_SECRET,
               "token_endpoint_auth_method": "client_secret_post"}
DOVECOT = {**APP, "client_id": "dovecot", "client_secret": "dovecot-secret",
           "token_endpoint_auth_method": "client_secret_post"}


def with_certificate(algorithm, certificate):
    return {**APP, "client_id": f"app-{algorithm}", "token_endpoint_auth_method": "private_key_jwt",
            "token_endpoint_auth_signing_alg": algorithm, "certificate_file": certificate}


class OAuthTest(unittest.TestCase):
    """Class fixtures: `op`, `imap`, `socket`, `daemon`. Every test has a mailbox of its own."""

    token_seconds = 3600
    mechanisms = "xoauth2 oauthbearer"
    opaque = False

    @classmethod
    def setUpClass(cls):
        cls.missing = dovecot.installed() or identity.installed() or browser.installed()
        if cls.missing:
            return
        cls.root = pathlib.Path(tempfile.mkdtemp(prefix="packetboat-oauth-"))
        cls.root.chmod(0o755)
        cls.addClassCleanup(shutil.rmtree, cls.root, ignore_errors=True)
        cls.certificate = cls._make_certificate()
        cls.op = identity.Provider(
            cls.root / "provider", app_mailbox=APP_MAILBOX, opaque=cls.opaque,
            token_seconds=cls.token_seconds,
            clients=[PUBLIC, WITH_SECRET, DOVECOT,
                     *(with_certificate(algorithm, cls.certificate.certificate)
                       for algorithm in ("PS256", "RS256"))]).start()
        cls.addClassCleanup(cls.op.stop)
        cls.imap = dovecot.TokenImapServer(cls.root / "imap", cls.op, cls.mechanisms, cls.opaque)
        cls.imap.start()
        cls.addClassCleanup(cls.imap.stop)

    @classmethod
    def _make_certificate(cls):
        folder = cls.root / "app"
        folder.mkdir()
        pair = make_certs.make_cert(make_certs.make_ca(str(folder)), str(folder), file="app",
                                    days=365, key="RSA")
        (folder / "secret").write_text(APP_SECRET + "\n", encoding="utf-8")
        (folder / "secret").chmod(0o600)
        dovecot.hand_over(folder)
        return pair

    def setUp(self):
        if self.missing:
            lacking(self, self.missing)
        self.folder = self.root / self._testMethodName
        self.user = f"{self._testMethodName}@example.test"
        self.daemon = None

    def run(self, result=None):
        before = 0 if result is None else len(result.failures) + len(result.errors)
        super().run(result)
        if result is not None and len(result.failures) + len(result.errors) > before:
            for name, log in (("provider", self.op.log), ("IMAP", self.imap.log),
                              ("daemon", lambda: self.daemon.log.text() if self.daemon else "")):
                print(f"\n--- {self.id()}: {name}\n{log()[-8000:]}", file=sys.stderr)

    # The daemon.

    def start_daemon(self, mailbox=None, account=None, **oauth):
        for name in ("state", "run"):
            (self.folder / name).mkdir(parents=True)
        endpoints = dict(self.op.endpoints)
        if oauth.get("flow") == "app":
            del endpoints["authorize_endpoint"], endpoints["device_endpoint"]
        hash_ = subprocess.run(
            [os.path.join(harness.build_folder(), "daemon", "packetboat"), "passwd"],
            input=PASSWORD + "\n", capture_output=True, text=True, check=True).stdout.strip()
        self.socket = str(self.folder / "run" / "control.sock")
        self.daemon = harness.Daemon(str(self.folder), {
            "state_directory": str(self.folder / "state"),
            "runtime_directory": str(self.folder / "run"),
            "listeners": [{"address": "127.0.0.1", "port": 0}],
            "log": {"level": "debug"},
            "limits": {"drain": 2},
            "accounts": [{
                "user": self.user, "password_hash": hash_, "mailbox": mailbox or self.user,
                "provider": "custom", "auth": "oauth2",
                "imap": {"host": "localhost", "port": self.imap.tls_port, "ca_file": self.imap.ca},
                "oauth": {"client_id": "packetboat", "scope": identity.SCOPE,
                          **endpoints, **oauth},
                **(account or {})}]})
        self.daemon.start()
        self.addCleanup(self.stop_daemon)

    def stop_daemon(self):
        if self.daemon.process is None or self.daemon.process.poll() is not None:
            return
        status = self.daemon.stop()
        self.assertEqual(status, 0)
        self.assertEqual(self.daemon.complaints([PASSWORD, APP_SECRET]), [])

    def tool(self, *arguments, **keywords):
        tool = Tool(self.socket, "login", self.user, *arguments, **keywords)
        self.addCleanup(tool.close)
        return tool

    def sign_in(self, login=None):
        """By device code, the quickest without a browser."""
        tool = self.tool("--device")
        self.op.approve(tool.line(), login or self.user, tool.line())
        status, rest, complaints = tool.finish()
        self.assertEqual((status, rest), (0, f"signed in: {self.user}\n"), complaints)

    # Mail.

    def log_in(self):
        client = Pop3("127.0.0.1", self.daemon.port("none"))
        self.addCleanup(client.close)
        reply = client.log_in(self.user, PASSWORD)
        self.assertTrue(reply.ok, reply)
        return client

    def assert_mail_arrives(self, mailbox=None):
        """A message is delivered, retrieved and deleted."""
        self.imap.deliver(mailbox or self.user, [MESSAGE])
        client = self.log_in()
        self.assertEqual(client.retrieve(1)[1], retrieved(MESSAGE))
        self.assertTrue(client.command("DELE 1").ok)
        self.assertTrue(client.command("QUIT").ok)
        client.close()
        self.assertEqual(self.imap.files(mailbox or self.user), [])


class FlowsTest(OAuthTest):
    def test_browser(self):
        self.start_daemon()
        tool = self.tool()
        with browser.Browser(self.folder / "browser") as chromium:
            chromium.go(tool.line())
            chromium.type("input[name=login]", self.user)
            chromium.type("input[name=password]", "any")
            chromium.press("button[type=submit]")
            chromium.wait_for_text("Authorize")
            chromium.press("button[type=submit]")
            status, rest, complaints = tool.finish()
            self.assertEqual((status, rest), (0, f"signed in: {self.user}\n"), complaints)
            chromium.wait_for_text("go back")
        self.assert_mail_arrives()

    def test_browser_says_no(self):
        self.start_daemon()
        tool = self.tool()
        with browser.Browser(self.folder / "browser") as chromium:
            chromium.go(tool.line())
            chromium.press("a[href$=abort]")
            status, rest, complaints = tool.finish()
        self.assertEqual((status, rest), (1, ""), complaints)
        self.assertEqual(os.listdir(self.folder / "state" / "tokens"), [])

    def test_device(self):
        self.start_daemon()
        self.sign_in()
        self.assert_mail_arrives()

    def test_paste(self):
        self.start_daemon()
        tool = self.tool("--paste", interactive=True)
        tool.answer(self.op.approve(tool.line(), self.user, visit=False))
        status, rest, complaints = tool.finish()
        self.assertEqual((status, rest), (0, f"signed in: {self.user}\n"), complaints)
        self.assert_mail_arrives()

    def test_somebody_else_signs_in(self):
        self.start_daemon()
        tool = self.tool("--device")
        self.op.approve(tool.line(), "mallory@example.test", tool.line())
        status, rest, complaints = tool.finish()
        self.assertEqual((status, rest), (1, ""), complaints)
        self.assertIn("mallory@example.test", complaints)
        self.assertEqual(os.listdir(self.folder / "state" / "tokens"), [])

    def assert_app_works(self, **oauth):
        self.start_daemon(APP_MAILBOX, flow="app", scope=identity.APP_SCOPE, **oauth)
        self.assert_mail_arrives(APP_MAILBOX)
        before = self.op.granted("client_credentials")
        self.log_in()
        self.assertEqual(self.op.granted("client_credentials"), before)

    def test_app_with_a_secret(self):
        self.assert_app_works(client_id="app-secret",
                              client_secret_file=str(self.root / "app" / "secret"))

    def test_app_with_a_certificate(self):
        self.assert_app_works(client_id="app-PS256", certificate=self.certificate.certificate,
                              private_key=self.certificate.private_key)

    def test_app_with_a_certificate_and_rs256(self):
        self.assert_app_works(client_id="app-RS256", certificate=self.certificate.certificate,
                              private_key=self.certificate.private_key,
                              assertion_algorithm="RS256")


class RefreshTest(OAuthTest):
    """Tokens that have less than ten minutes from the first, so that every login wants a new one."""

    token_seconds = 300

    def test_rotated_tokens_outlive_the_daemon(self):
        self.start_daemon()
        self.sign_in()
        self.assert_mail_arrives()
        before = self.op.granted("refresh_token")
        for _ in range(3):
            self.log_in().close()
        self.assertGreaterEqual(self.op.granted("refresh_token"), before + 3)
        self.stop_daemon()
        self.daemon.start()
        self.assert_mail_arrives()


class OpaqueTest(OAuthTest):
    """Tokens that say nothing of themselves, as consumers' are; the IMAP server asks about them."""

    opaque = True
    mechanisms = "xoauth2"

    def test_opaque_tokens(self):
        self.start_daemon()
        self.sign_in()
        self.assert_mail_arrives()

    def test_somebody_else_signs_in(self):
        self.start_daemon()
        tool = self.tool("--device")
        self.op.approve(tool.line(), "mallory@example.test", tool.line())
        status, rest, complaints = tool.finish()
        self.assertEqual((status, rest), (1, ""), complaints)
        self.assertIn("If somebody else", complaints)


class OAuthBearerTest(OAuthTest):
    mechanisms = "oauthbearer"

    def test_oauthbearer_where_only_that_is_offered(self):
        self.start_daemon()
        self.sign_in()
        self.assert_mail_arrives()


if __name__ == "__main__":
    main()
