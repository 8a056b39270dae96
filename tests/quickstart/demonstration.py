# SPDX-License-Identifier: ISC
"""The demonstration: a simulated Outlook.com, and Packetboat in front of it."""

import contextlib
import html
import json
import os
import re
import shutil
import ssl
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.parse
import urllib.request

from harness import SHARED, Daemon
from outlook import Directory, Identity, Options, Server, Store, samples

from screen import BUILD, TOOL, Failed, free_port, hash_of

USER, PASSWORD = "demo@outlook.example", "demo"


class Demonstration:
    """`server` is the mailbox, `identity` where one signs in, `daemon` Packetboat."""

    def __init__(self, folder, port):
        directory = Directory()
        directory.add_person(USER)
        application = directory.add_application(directory.consumers)
        self.identity = Identity(directory, None, *SHARED.certificate())
        store = Store()
        inbox = store.add_user(USER).inbox
        for octets, when in samples.letters(USER):
            inbox.append(octets, internaldate=when)
        self.server = Server(store, Options(passwords=False), *SHARED.certificate(),
                             identity=self.identity)
        self.daemon = None
        self._folder = folder
        self._port = port
        self._client_id = application.client_id

    def start(self):
        self.identity.start()
        pages = self.identity.serve_pages()
        self.server.start()
        for name in ("state", "run"):
            os.mkdir(os.path.join(self._folder, name), 0o700)
        self.daemon = Daemon(self._folder, {
            "state_directory": os.path.join(self._folder, "state"),
            "runtime_directory": os.path.join(self._folder, "run"),
            "listeners": [{"address": "127.0.0.1", "port": self._port}],
            "accounts": [{
                "user": USER, "password_hash": hash_of(PASSWORD), "provider": "outlook",
                "imap": {"host": self.server.address, "port": self.server.port,
                         "ca_file": SHARED.ca.certificate},
                "oauth": {"client_id": self._client_id, "authority": self.identity.authority,
                          # No browser trusts the certificate that was made for this.
                          "authorize_endpoint": f"{pages}/consumers/oauth2/v2.0/authorize",
                          "ca_file": SHARED.ca.certificate},
            }],
        }, build=BUILD)
        self.daemon.start()

    def stop(self):
        if self.daemon is not None:
            self.daemon.stop()
        self.server.stop()
        self.identity.stop()

    def tool(self, *arguments):
        """The command line."""
        return [TOOL, "--socket", self.daemon.control_socket, *arguments]


@contextlib.contextmanager
def running(port):
    folder = tempfile.mkdtemp(prefix="packetboat-demonstration-")
    os.chmod(folder, 0o755)
    demonstration = Demonstration(folder, port)
    try:
        demonstration.start()
        yield demonstration
    except (AssertionError, Failed):
        if demonstration.daemon is not None and demonstration.daemon.log is not None:
            print(demonstration.daemon.log.text(), file=sys.stderr)
        raise
    finally:
        demonstration.stop()
        shutil.rmtree(folder, ignore_errors=True)


def press_the_button(url):
    """Does what a person does in the browser: looks at the page, presses the button on it, and is
    sent back to `packetboat login`, which waits for that."""
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}),
        urllib.request.HTTPSHandler(context=ssl.create_default_context(
            cafile=SHARED.ca.certificate)))
    with opener.open(url, timeout=30) as answer:
        page = answer.read().decode()
    action = html.unescape(re.search(r'action="([^"]+)"', page).group(1))
    form = urllib.parse.urlencode({"person": USER}).encode()
    with opener.open(urllib.parse.urljoin(url, action), form, timeout=30) as answer:
        answer.read()


def sign_in(demonstration):
    # A browser that is here must not open: nobody is asked to do anything.
    environment = {name: value for name, value in os.environ.items()
                   if name not in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY")}
    with subprocess.Popen(demonstration.tool("login", USER), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          env=environment) as process:
        url = process.stdout.readline().strip()
        try:
            if url:
                press_the_button(url)
        except urllib.error.URLError as error:
            process.kill()
            raise Failed(f"the page to sign in at does not answer: {error}") from None
        _, complaints = process.communicate(timeout=60)
        if process.returncode != 0:
            raise Failed(f"packetboat login: {complaints.strip()}")


def fetch(port, msgno):
    """A message, by curl; its password does not stand on the command line."""
    done = subprocess.run(
        ["curl", "--silent", "--show-error", "--max-time", "30", "--config", "-",
         f"pop3://127.0.0.1:{port}/{msgno}"],
        input=f'user = "{USER}:{PASSWORD}"\n'.encode(), stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, check=False)
    if done.returncode != 0:
        raise Failed(f"curl could not fetch a message: {done.stderr.decode().strip()}")
    return done.stdout


def _introduce(screen, demonstration):
    screen.step("A demonstration mailbox speaks IMAP over TLS on 127.0.0.1:"
                f"{demonstration.server.port}; it takes no passwords, as Outlook.com")
    port = demonstration.daemon.port()
    screen.step(f"packetboatd speaks POP3 on 127.0.0.1:{port}")
    return port


def _fetch_one(screen, port):
    octets = fetch(port, 1)
    screen.step("curl fetched message 1 through it:")
    screen.letter(octets)
    return octets


def demonstrate(screen):
    with running(0) as demonstration:
        port = _introduce(screen, demonstration)
        sign_in(demonstration)
        screen.step(f"`packetboat login {USER}` signed in; the one button on the page\n"
                    f"  that it shows, \"Sign in as {USER}\", was pressed by this script")
        octets = _fetch_one(screen, port)
    screen.say("What to do next:")
    screen.command("./quickstart", "--stay")
    screen.say("      the same, left running: you sign in, and try a mail client")
    screen.command("./quickstart", "you@outlook.com")
    screen.say("      your own mail, from Outlook.com or Microsoft 365")
    screen.command("./quickstart", "--imap", "imap.example.org", "you@example.org")
    screen.say("      your own mail, from a server that takes passwords")
    screen.command("less", "README.md")
    screen.say()
    screen.say(screen.bold(f"It works: a message of {len(octets)} octets came in by IMAP, with a "
                           "token, and out by POP3."))


def stay(screen):
    with running(free_port()) as demonstration:
        port = _introduce(screen, demonstration)
        screen.say()
        screen.say("Now sign in, as you would to Outlook.com. In another terminal:")
        command = demonstration.tool("login", USER)
        # That terminal is somewhere else.
        screen.command(*command)
        screen.say(f"It opens a page with one button, \"Sign in as {USER}\". (Without a browser "
                   "here,\nopen the address that it prints.) Press it, and this goes on.")
        try:
            _wait(demonstration, lambda: _is_signed_in(demonstration))
            screen.say()
            screen.step("You are signed in.")
            _fetch_one(screen, port)
            screen.settings(port, USER, PASSWORD)
            screen.say(screen.bold("Running; Ctrl-C stops it."))
            _wait(demonstration, lambda: False)
        except KeyboardInterrupt:
            screen.say()


def _is_signed_in(demonstration):
    done = subprocess.run(demonstration.tool("status", "--json"), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        return False
    return any(account["user"] == USER and account["state"] == "ok"
               for account in json.loads(done.stdout)["accounts"])


def _wait(demonstration, is_over):
    while not is_over():
        if not demonstration.daemon.is_running():
            raise Failed("packetboatd ended by itself")
        threading.Event().wait(0.5)
