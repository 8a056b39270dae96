# SPDX-License-Identifier: ISC
"""Somebody's own mail: a configuration in ~/.config/packetboat, and the daemon in front of it."""

import json
import os
import poplib
import re
import secrets
import signal
import subprocess
import sys
import threading

from harness import Log, configuration

from screen import DAEMON, POP3_PORT, TOOL, Failed, free_port, hash_of, is_free, shown

MADE_BY = "// Made by ./quickstart. See packetboat.conf(5) for all settings."
STARTS_WITHIN = 30   # seconds; a ceiling

# Whose domains are personal accounts; everybody else has an organisation.
_PERSONAL = re.compile(r"@(outlook|hotmail|live|msn|passport)\.[a-z.]+$", re.IGNORECASE)
_CLIENT_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", re.IGNORECASE)
_TENANT = re.compile(r"[A-Za-z0-9.-]+$")

_WHAT_IT_TAKES = """\
Microsoft lets in applications that were registered. Their client ID is no secret, and all that is
needed here. To register one, which takes an Azure or Microsoft 365 account, once:
  1. https://entra.microsoft.com: App registrations, New registration.
     Account types: {accounts}
     Redirect URI: "Public client/native", http://localhost
  2. API permissions: Microsoft Graph, Delegated: IMAP.AccessAsUser.All, offline_access
{device}  {last}. copy the "Application (client) ID" from the overview
{mailbox}
SIGNING-IN.md has every step, and what else there may be to do."""

# Signing in with a code, which is done where there is no browser, takes one more.
_FOR_DEVICE = """\
  3. Authentication: "Allow public client flows": Yes (for signing in with a code)
"""

_IMAP_AT_OUTLOOK = """\
And programs must be let in: outlook.com, Settings, Mail, Forwarding and IMAP, "Let devices and
apps use IMAP"."""
_IMAP_AT_OFFICE = """\
And an administrator may have to consent to it, and to turn IMAP on for the mailbox."""


def is_personal(user):
    return _PERSONAL.search(user) is not None


def home(variable, fallback):
    return os.environ.get(variable) or os.path.join(os.path.expanduser("~"), fallback)


class Place:
    """Where things are."""

    def __init__(self):
        self.file = os.path.join(home("XDG_CONFIG_HOME", ".config"), "packetboat",
                                 "packetboat.conf")
        self.state = os.path.join(home("XDG_STATE_HOME", ".local/state"), "packetboat")
        self.runtime = os.path.join(self.state, "run")

    def make(self, text):
        """Makes the configuration, which nobody else may read."""
        os.makedirs(os.path.dirname(self.file), mode=0o700, exist_ok=True)
        descriptor = os.open(self.file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w", encoding="utf-8") as new:
            new.write(MADE_BY + "\n" + text)

    def make_folders(self):
        for folder in (self.state, self.runtime):
            os.makedirs(folder, mode=0o700, exist_ok=True)

    def daemon(self, *arguments):
        """The daemon's command line."""
        command = [DAEMON, "-c", self.file, *arguments]
        return [*command, "--allow-root"] if os.geteuid() == 0 else command

    def check(self, made):
        """What is wrong with the configuration is shown; if it was made here, it does not stay."""
        done = subprocess.run(self.daemon("--check-config"), stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode != 0:
            if made:
                os.unlink(self.file)
            raise Failed(done.stdout.strip())

    def holds(self, user):
        """Whether there is an account of that name."""
        done = subprocess.run(self.daemon("--dump-config"), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, check=False)
        names = re.findall(r'^\s*(?:\{\s*)?user = "((?:[^"\\]|\\.)*)";', done.stdout, re.MULTILINE)
        return user.lower() in (name.lower() for name in names)

    def says(self, name, value):
        """Whether a setting of that name has that value."""
        done = subprocess.run(self.daemon("--dump-config"), stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, check=False)
        values = re.findall(rf'\b{name} = "([^"]*)";', done.stdout)
        return value.lower() in (one.lower() for one in values)


# A server that takes passwords.

def split_host(text):
    """HOST, HOST:PORT or [ADDRESS]:PORT; an IPv6 address may stand alone."""
    if text.startswith("["):
        host, _, port = text[1:].partition("]")
        port = port.lstrip(":")
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    else:
        host, port = text, ""
    if not host or port and not (port.isdecimal() and 0 < int(port) < 65536):
        raise Failed(f"{text}: no host, or no port")
    return host, int(port or 993)


def _refuse_controls(*texts):
    if any(ord(character) < 32 for text in texts for character in text):
        raise Failed("control characters in a name")


def _base(place, port):
    return {"state_directory": place.state, "runtime_directory": place.runtime,
            "listeners": [{"address": "127.0.0.1", "port": port}]}


def with_password(screen, where, user):
    host, port = split_host(where)
    _refuse_controls(where, user)
    place = Place()
    # Whoever is trying something out can have a deleted message back.
    text = configuration({**_base(place, POP3_PORT), "accounts": [{
        "user": user, "auth": "passthrough", "delete": "trash",
        "imap": {"host": host, "port": port}}]})
    made = not os.path.exists(place.file)
    if made:
        place.make(text)
    else:
        with open(place.file, encoding="utf-8") as existing:
            if existing.read() != MADE_BY + "\n" + text:
                raise Failed(f"{place.file} is there already, and is for something else.\nUse it "
                             f"with `{shown(DAEMON)} -c {place.file}`, or move it away.")
    place.make_folders()
    place.check(made)
    if not is_free(POP3_PORT):
        raise Failed(f"port {POP3_PORT} on 127.0.0.1 is taken. Is Packetboat running already? "
                     f"Otherwise choose another port in {place.file}.")
    screen.step(f"Configuration: {place.file}" + ("" if made else " (was there already)"))
    screen.say()
    screen.settings(POP3_PORT, user, f"the one for {host}")
    screen.say("Messages that the mail client deletes are moved to the trash folder at the server.")
    screen.say(screen.bold("The daemon's log follows; Ctrl-C stops it."))
    return _run_in_foreground(place.daemon())


def _run_in_foreground(command):
    """Ctrl-C goes to the daemon too, which stops by itself; its exit status is ours."""
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as process:
        signal.signal(signal.SIGTERM, lambda *_: process.terminate())
        return _outlive(process)


def _outlive(process):
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue


# Outlook.com and Microsoft 365.

def new_password():
    """Letters and digits that nobody takes for others, 80 bits."""
    alphabet = "abcdefghjkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(alphabet) for _ in range(4)) for _ in range(4))


def _ask(screen, question, default, pattern, what):
    """Asks until the answer looks like one."""
    while True:
        shown_default = f" [{default}]" if default else ""
        answer = input(screen.bold(f"{question}{shown_default}: ")).strip() or default
        if pattern.match(answer):
            return answer
        screen.say(f"That is not {what}.")


def _what_it_takes(personal, device):
    return _WHAT_IT_TAKES.format(
        accounts=("one that includes personal Microsoft accounts" if personal else
                  "this organizational directory only"),
        device=_FOR_DEVICE if device else "", last=4 if device else 3,
        mailbox=_IMAP_AT_OUTLOOK if personal else _IMAP_AT_OFFICE)


def _find_out(screen, user, client_id, tenant, device):
    """The client ID and the tenant, asked for unless they were given; the tenant of a personal
    account is None."""
    personal = is_personal(user)
    if client_id is None:
        screen.say(_what_it_takes(personal, device))
        if not sys.stdin.isatty():
            raise Failed("a client ID is needed: --client-id ID")
        screen.say()
        client_id = _ask(screen, "Client ID", "", _CLIENT_ID,
                         "an ID of the form 11111111-2222-3333-4444-555555555555")
    elif not _CLIENT_ID.match(client_id):
        raise Failed(f"{client_id} is not an ID of the form 11111111-2222-3333-4444-555555555555")
    if personal:
        if tenant is not None:
            raise Failed("personal accounts have no tenant of their own: leave --tenant out")
        return client_id, None
    # Whatever the application is registered for, it knows the organisation that the person is of.
    domain = user.rpartition("@")[2].lower()
    if tenant is None and sys.stdin.isatty():
        screen.say("The organisation (tenant) that you are of: one of its domains, or its "
                   "\"Directory (tenant) ID\".")
        tenant = _ask(screen, "Tenant", domain, _TENANT, "a tenant")
    return client_id, tenant or domain


def _make_account(screen, place, user, client_id, tenant, device):
    """Makes the configuration; returns the password for the mail client."""
    client_id, tenant = _find_out(screen, user, client_id, tenant, device)
    password = new_password()
    oauth = {"client_id": client_id, **({"tenant": tenant} if tenant else {})}
    place.make(configuration({**_base(place, free_port()), "accounts": [{
        "user": user, "password_hash": hash_of(password),
        "provider": "outlook" if is_personal(user) else "office365",
        # Whoever is trying something out can have a deleted message back.
        "delete": "trash", "oauth": oauth}]}))
    place.make_folders()
    place.check(made=True)
    screen.step(f"Configuration: {place.file}")
    screen.step(f"Password for the mail client: {screen.bold(password)}\n"
                "  (this is shown once; it opens Packetboat on this machine, nothing else)")
    return password


class _Running:
    """The daemon, whose log is kept until it may be shown."""

    def __init__(self, place):
        # Ctrl-C is not for the daemon: who cancels signing in shall see that, not that it ended.
        self.process = subprocess.Popen(place.daemon(), stdin=subprocess.DEVNULL,
                                        stderr=subprocess.PIPE, start_new_session=True)
        self.log = Log(self.process.stderr)
        self._shown = 0
        self._shows = None
        self._is_over = threading.Event()

    def wait_until_ready(self):
        try:
            self.log.wait("ready", timeout=STARTS_WITHIN)
        except AssertionError:
            raise Failed("packetboatd does not start:\n" + self.log.text()) from None

    def port(self):
        """Of POP3 without TLS; None if the configuration has no such listener."""
        ports = [int(line.fields["port"]) for line in self.log.lines("listening")
                 if line.fields["tls"] == "none"]
        return ports[0] if ports else None

    def show_log(self):
        """What it said so far, and from now on what it says."""
        shows = threading.Thread(target=self._show, daemon=True)
        shows.start()
        self._shows = shows  # that can be joined

    def _show(self):
        while not self._is_over.wait(0.2):
            self._show_new()

    def _show_new(self):
        lines = self.log.text().split("\n")
        for line in lines[self._shown:]:
            print(line, file=sys.stderr, flush=True)
        self._shown = len(lines)

    def stop(self):
        """Its exit status; if the log is shown, up to its end."""
        if self.process.poll() is None:
            self.process.terminate()
        code = _outlive(self.process)
        if self._shows is not None:
            self._is_over.set()
            self._shows.join()
            self._shows = None
            self.log.join()
            self._show_new()
        return code


def _tool(place, *arguments, **keywords):
    return subprocess.run([TOOL, "-c", place.file, *arguments], check=False, **keywords)


def _sign_in(screen, place, user, device):
    words = ["login", user, *(["--device"] if device else [])]
    screen.say()
    screen.say(f"Sign in as {user}:")
    screen.command(shown(TOOL), "-c", place.file, *words)
    try:
        code = _tool(place, *words).returncode
    except KeyboardInterrupt:
        code = 130
    if code != 0:
        raise Failed(f"nobody is signed in. The configuration stays:\n  {place.file}\n"
                     "Correct it if need be, and run the same command again. SIGNING-IN.md "
                     "explains what\ncan be wrong.")


def _check(screen, place, user, port, password):
    """Opens the mailbox, and if the password is known a session, as a mail client does."""
    done = _tool(place, "doctor", user, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                 stderr=subprocess.STDOUT, text=True)
    if done.returncode != 0:
        raise Failed("the mailbox does not open:\n" + done.stdout.strip())
    if password is None:
        screen.step("The mailbox opens.")
        return
    try:
        client = poplib.POP3("127.0.0.1", port, timeout=60)
        client.user(user)
        client.pass_(password)
        count, octets = client.stat()
        client.quit()
    except (poplib.error_proto, OSError) as error:
        raise Failed(f"the mailbox opens, but not over POP3: {error}") from None
    screen.step(f"The mailbox opens: {count} messages, {octets} octets.")


def with_sign_in(screen, user, client_id=None, tenant=None, device=False):
    _refuse_controls(user)
    place = Place()
    password = None
    device = device or not any(os.environ.get(name)
                               for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY"))
    if not os.path.exists(place.file):
        password = _make_account(screen, place, user, client_id, tenant, device)
    else:
        place.check(made=False)
        if not place.holds(user):
            raise Failed(f"{place.file} is there already, and has no account {user}.\nAdd one "
                         "(SIGNING-IN.md shows how), or move the file away.")
        for name, value in (("client_id", client_id), ("tenant", tenant)):
            if value is not None and not place.says(name, value):
                raise Failed(f"{place.file} is there already, and does not say\n{name} = "
                             f"\"{value}\". Correct it there, or move the file away.")
        screen.step(f"Configuration: {place.file} (was there already)")
    running = _Running(place)
    # The window may be closed, too.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: running.process.terminate())
    try:
        running.wait_until_ready()
        if not _is_signed_in(place, user):
            _sign_in(screen, place, user, device)
        _check(screen, place, user, running.port(), password)
        return _serve(screen, running, user, password)
    finally:
        running.stop()


def _serve(screen, running, user, password):
    screen.say()
    screen.settings(running.port() or "?", user,
                    password or "the one that was shown when the file was made")
    if password is None:
        screen.say(f"(Is it lost? `{shown(TOOL)} passwd` prints a new one's hash, for "
                   "`password_hash`.)\n")
    screen.say("Messages that the mail client deletes go where `delete` in the configuration says.")
    try:
        screen.say(screen.bold("The daemon's log follows; Ctrl-C stops it."))
        running.show_log()
        running.process.wait()
    except KeyboardInterrupt:
        pass
    return running.stop()


def _is_signed_in(place, user):
    done = _tool(place, "status", "--json", stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                 stderr=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise Failed(done.stderr.strip())
    return any(account["user"].lower() == user.lower() and
               account["state"] in ("ok", "failing", "backing-off")
               for account in json.loads(done.stdout)["accounts"])
