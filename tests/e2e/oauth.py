# SPDX-License-Identifier: ISC
"""Signing in, for tests: an identity provider, a person with a browser, and the tool.

    class SomeTest(OAuthTest):
        def test_a_message_arrives_with_a_token(self):
            self.start_outlook([b"Subject: x\\r\\n\\r\\nhello\\r\\n"])
            self.start_daemon([self.oauth_account()])
            self.sign_in()
            client = self.log_in()
"""

import html
import json
import os
import re
import subprocess
import threading
import urllib.error
import urllib.parse
import urllib.request

from harness import CEILING, SHARED, DaemonTest, build_folder, give_away, scrypt
from outlook import Directory, Identity, Settings, Store

IMAP_SCOPE = "https://outlook.office.com/IMAP.AccessAsUser.All offline_access"
APP_SCOPE = "https://outlook.office365.com/.default"


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_arguments, **_keywords):
        return None


class Browser:
    """A person's, by script: looks at pages, presses one button, follows where it is sent."""

    def __init__(self):
        self._opener = urllib.request.build_opener(
            urllib.request.HTTPSHandler(context=SHARED.client_context()),
            urllib.request.ProxyHandler({}), _NoRedirect)

    def open(self, url, form=None):
        """(status, text, where it sends us or None)"""
        body = urllib.parse.urlencode(form).encode() if form is not None else None
        try:
            with self._opener.open(url, body, timeout=CEILING) as answer:
                return answer.status, answer.read().decode("utf-8", "replace"), None
        except urllib.error.HTTPError as error:
            with error:
                text = error.read().decode("utf-8", "replace")
                return error.code, text, error.headers["Location"]

    def press(self, url, person):
        """The button of a person, or Cancel (None), on the page of the authorization endpoint;
        where the browser ends, without going there."""
        status, text, _ = self.open(url)
        if status != 200:
            raise AssertionError(f"no page to sign in: {status} {text}")
        action = html.unescape(re.search(r'<form method="post" action="([^"]+)"', text).group(1))
        form = {"cancel": "yes"} if person is None else {"person": person}
        if person is not None and f'value="{html.escape(person)}"' not in text:
            raise AssertionError(f"no button for {person}:\n{text}")
        status, text, address = self.open(urllib.parse.urljoin(url, action), form)
        if address is None:
            raise AssertionError(f"the browser is sent nowhere: {status} {text}")
        return address

    def sign_in(self, url, person):
        """The same, and goes there; the page that it ends at."""
        return self.open(self.press(url, person))[1]

    def enter_code(self, url, user_code, person):
        """The page for device codes; `person` None: Cancel. The page that it ends at."""
        form = {"user_code": user_code}
        form.update({"cancel": "yes"} if person is None else {"person": person})
        status, text, _ = self.open(url, form)
        if status != 200:
            raise AssertionError(f"{status} {text}")
        return text


class Tool:
    """packetboat, talking to a daemon; its output can be read line by line."""

    def __init__(self, socket, *arguments, interactive=False, environment=None):
        program = os.path.join(build_folder(), "daemon", "packetboat")
        kept = {name: value for name, value in os.environ.items()
                if name not in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY", "RUNTIME_DIRECTORY")}
        self.process = subprocess.Popen(
            [program, "--socket", socket, *arguments], text=True,
            stdin=subprocess.PIPE if interactive else subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**kept, **(environment or {})})
        self.complaints = ""
        self._reader = threading.Thread(target=self._read_complaints, daemon=True)
        self._reader.start()

    def _read_complaints(self):
        self.complaints = self.process.stderr.read()

    def line(self):
        """The next line of its output; there must be one."""
        line = self.process.stdout.readline()
        if not line:
            self.process.wait(CEILING)
            self._reader.join()
            raise AssertionError(f"packetboat said no more: {self.complaints}")
        return line.rstrip("\n")

    def answer(self, text):
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def finish(self):
        """(exit status, what is left of its output, what it said on stderr)"""
        rest = self.process.stdout.read()
        status = self.process.wait(CEILING)
        self._reader.join()
        self.close()
        return status, rest, self.complaints

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self._reader.join()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()


class OAuthTest(DaemonTest):
    """A test with an identity provider: `identity`, and `directory` with the tenant of the test's
    domain, its one person, and `application`, which people may use."""

    DOMAIN = "example.org"

    def setUp(self):
        super().setUp()
        self.identity = None
        self.browser = Browser()
        self.directory = Directory()
        self.tenant = self.directory.add_tenant(self.DOMAIN)
        self.person = self.directory.add_person(self.USER)
        self.application = self.directory.add_application(self.tenant)

    def _dump(self):
        if self.identity is not None:
            for entry in self.identity.journal.entries()[-100:]:
                print(f"identity {entry.connection}: {entry.text[:300]} -> {entry.status} "
                      f"{entry.error}")
        super()._dump()

    def _end(self):
        try:
            if self.identity is not None:
                self.identity.stop()
                self.secrets.update(self.identity.tokens.texts())
                if self.identity.crashes:
                    self.fail(f"the identity provider broke: {self.identity.crashes!r}")
        finally:
            super()._end()

    def start_identity(self, names=None, **settings):
        """`names`: for whom its certificate is, if not for this machine."""
        pair = (SHARED.certificate() if names is None else
                SHARED.certificate("identity-of-" + names[0], names=names))
        self.identity = Identity(self.directory, Settings(**settings), *pair).start()
        return self.identity

    def start_outlook(self, messages=(), user=None, **options):
        """Identity provider and IMAP server, which takes tokens only; `messages` are in the
        mailbox of `user`."""
        if self.identity is None:
            self.start_identity()
        options.setdefault("passwords", False)
        return self.start_imap(messages, user=user, identity=self.identity,
                               store=options.pop("store", None) or Store(), **options)

    @property
    def mailbox(self):
        """The account at the IMAP server, to be told who may open it."""
        return self.imap.store.find_account(self.USER)

    def oauth_account(self, server=None, oauth=None, **settings):
        """An account whose person signs in; keyword arguments override, and those in `oauth` one by
        one (None leaves one out)."""
        base = self.account(server, imap=settings.pop("imap", {}))
        own = {"client_id": self.application.client_id, "tenant": self.DOMAIN,
               "authority": self.identity.authority, "ca_file": SHARED.ca.certificate,
               **(oauth or {})}
        return {"user": self.USER, "password_hash": scrypt(self.password),
                "provider": "office365", "auth": "oauth2", "imap": base["imap"],
                "oauth": {name: value for name, value in own.items() if value is not None},
                **settings}

    def app_account(self, server=None, oauth=None, **settings):
        """An account that an application of its own opens, with its secret; Exchange knows it and
        lets it open the mailbox."""
        application = self.directory.add_application(self.tenant, audience="single",
                                                     roles={"IMAP.AccessAsApp"})
        secret = application.add_secret(f"s3cr3t+/=&% {os.urandom(8).hex()}")
        self.secrets.add(secret)
        server = server or self.imap
        server.store.introduce(application)
        server.store.find_account(self.USER).applications.add(application.client_id)
        self.application = application
        return self.oauth_account(server, {
            "flow": "app", "client_secret_file": self.file("client-secret", secret + "\n"),
            **(oauth or {})}, **settings)

    def file(self, name, text):
        """A file that only the daemon can read."""
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, 0o600)
        give_away(path)
        return path

    # The tool.

    def tool(self, *arguments, **keywords):
        tool = Tool(self.daemon.control_socket, *arguments, **keywords)
        self.addCleanup(tool.close)
        return tool

    def run_tool(self, *arguments):
        """(exit status, output, stderr)"""
        return self.tool(*arguments).finish()

    def status(self, user=None):
        """What `packetboat status --json` says of an account."""
        status, output, complaints = self.run_tool("status", "--json")
        self.assertEqual(status, 0, complaints)
        accounts = json.loads(output)["accounts"]
        return next(one for one in accounts if one["user"] == (user or self.USER))

    def sign_in(self, user=None, person=None, way="paste"):
        """The quickest way, or "browser" or "device"."""
        user = user or self.USER
        person = person or user
        if way == "device":
            tool = self.tool("login", user, "--device")
            self.browser.enter_code(tool.line(), tool.line(), person)
        elif way == "paste":
            tool = self.tool("login", user, "--paste", interactive=True)
            tool.answer(self.browser.press(tool.line(), person))
        else:
            tool = self.tool("login", user)
            self.browser.sign_in(tool.line(), person)
        status, rest, complaints = tool.finish()
        self.assertEqual((status, rest), (0, f"signed in: {user}\n"), complaints)

    def asked(self, name="token refresh_token"):
        """How often the identity provider was asked that."""
        return self.identity.journal.count(name)
