#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""What ./quickstart does once everything is built: the demonstration, or a real server's mail."""

import contextlib
import email
import email.policy
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading

TESTS = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(TESTS)
sys.path.insert(0, os.path.join(TESTS, "e2e"))

from harness import SHARED, Daemon, configuration  # noqa: E402
from outlook import Server, Store, samples         # noqa: E402

PROGRAM = os.path.join(ROOT, "build", "daemon", "packetboatd")
USER, PASSWORD = "ada@example.org", "demo"
POP3_PORT = 1110
MADE_BY = "// Made by ./quickstart --imap. See packetboat.conf(5) for all settings."


class Failed(Exception):
    """What went wrong, for people."""


class Screen:
    """Colours in a terminal, none in a pipe."""

    def __init__(self):
        self.colours = (sys.stdout.isatty() and "NO_COLOR" not in os.environ and
                        os.environ.get("TERM", "dumb") != "dumb")

    def paint(self, code, text):
        return f"\x1b[{code}m{text}\x1b[0m" if self.colours else text

    def bold(self, text):
        return self.paint("1", text)

    def dim(self, text):
        return self.paint("2", text)

    def step(self, text):
        print(f"{self.paint('32', '✓') if self.colours else '-'} {text}", flush=True)

    def command(self, text):
        print(f"    {self.paint('36', text)}")

    def letter(self, octets):
        """A message in a frame."""
        message = email.message_from_bytes(octets, policy=email.policy.default)
        lines = [f"{self.bold(name + ':')} {message[name]}"
                 for name in ("From", "To", "Subject", "Date") if message[name]]
        body = message.get_body(("plain",))
        lines += ["", *(body.get_content() if body is not None else "").rstrip("\n").split("\n")]
        bar = self.dim("│") if self.colours else "|"
        print()
        for line in lines:
            print(f"  {bar} {line}")
        print()


def is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False


@contextlib.contextmanager
def demonstration(port):
    """A mailbox with a few letters, and a daemon in front of it; yields the POP3 port."""
    folder = tempfile.mkdtemp(prefix="packetboat-demonstration-")
    os.chmod(folder, 0o755)
    store = Store()
    inbox = store.add_user(USER, PASSWORD).inbox
    for octets, when in samples.letters(USER):
        inbox.append(octets, internaldate=when)
    server = Server(store, None, *SHARED.certificate())
    try:
        server.start()
        os.mkdir(os.path.join(folder, "state"))
        daemon = Daemon(folder, {
            "state_directory": os.path.join(folder, "state"),
            "listeners": [{"address": "127.0.0.1", "port": port}],
            "accounts": [{"user": "*", "auth": "passthrough", "imap": {
                "host": server.address, "port": server.port, "ca_file": SHARED.ca.certificate}}],
        }, build=os.path.join(ROOT, "build"))
        try:
            yield server, daemon
        finally:
            daemon.stop()
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


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


def demonstrate(screen, stay):
    with demonstration(POP3_PORT if stay and is_free(POP3_PORT) else 0) as (server, daemon):
        screen.step(f"A demonstration mailbox speaks IMAP over TLS on 127.0.0.1:{server.port}")
        try:
            daemon.start()
            port = daemon.port()
            screen.step(f"packetboatd speaks POP3 on 127.0.0.1:{port}")
            octets = fetch(port, 1)
        except (AssertionError, Failed):
            if daemon.log is not None:
                print(daemon.log.text(), file=sys.stderr)
            raise
        screen.step("curl fetched message 1 through it:")
        screen.letter(octets)
        if stay:
            settings(screen, port, USER, PASSWORD)
            print(screen.bold("Running; Ctrl-C stops it."), flush=True)
            wait_for_interrupt(daemon)
    if stay:
        return
    print("What to do next:")
    screen.command("./quickstart --stay")
    print("      the same, left running, to be tried with a mail client")
    screen.command("./quickstart --imap imap.example.org you@example.org")
    print("      your own mail, from a real server")
    screen.command("less README.md")
    print()
    print(screen.bold(f"It works: a message of {len(octets)} octets came in by IMAP and out by POP3."))


def wait_for_interrupt(daemon):
    try:
        while daemon.is_running():
            threading.Event().wait(0.5)
    except KeyboardInterrupt:
        print()
        return
    raise Failed("packetboatd ended by itself:\n" + daemon.log.text())


def settings(screen, port, user, password):
    print("Settings for the mail client:")
    for name, value in (("Account type", "POP3"), ("Server", "127.0.0.1"), ("Port", port),
                        ("Encryption", "none (it does not leave this machine)"),
                        ("User name", user), ("Password", password)):
        print(f"  {name + ':':14} {screen.bold(str(value))}")
    print()
    print("Or by hand:")
    screen.command(f"curl --user {shlex.quote(user)} pop3://127.0.0.1:{port}/")
    print()


def home(variable, fallback):
    return os.environ.get(variable) or os.path.join(os.path.expanduser("~"), fallback)


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


def write_once(file, text):
    """Makes the file, or sees to it that it says the same already."""
    if os.path.exists(file):
        with open(file, encoding="utf-8") as existing:
            if existing.read() != text:
                raise Failed(f"{file} is there already, and is for something else.\nUse it with "
                             f"`{os.path.relpath(PROGRAM)} -c {file}`, or move it away.")
        return False
    os.makedirs(os.path.dirname(file), mode=0o700, exist_ok=True)
    with open(file, "w", encoding="utf-8") as new:
        new.write(text)
    return True


def carry(screen, where, user):
    host, port = split_host(where)
    folder = os.path.join(home("XDG_CONFIG_HOME", ".config"), "packetboat")
    state = os.path.join(home("XDG_STATE_HOME", ".local/state"), "packetboat")
    file = os.path.join(folder, "packetboat.conf")
    text = MADE_BY + "\n" + configuration({
        "state_directory": state,
        "listeners": [{"address": "127.0.0.1", "port": POP3_PORT}],
        # Whoever is trying something out can have a deleted message back.
        "accounts": [{"user": user, "auth": "passthrough", "delete": "trash",
                      "imap": {"host": host, "port": port}}],
    })
    if any(ord(character) < 32 for character in where + user):
        raise Failed("control characters in a name")
    made = write_once(file, text)
    os.makedirs(state, mode=0o700, exist_ok=True)
    command = [PROGRAM, "-c", file]
    if os.geteuid() == 0:
        command.append("--allow-root")
    check = subprocess.run([*command, "--check-config"], stdout=subprocess.PIPE,
                           stderr=subprocess.STDOUT, text=True, check=False)
    if check.returncode != 0:
        if made:
            os.unlink(file)
        raise Failed(check.stdout.strip())
    if not is_free(POP3_PORT):
        raise Failed(f"port {POP3_PORT} on 127.0.0.1 is taken. Is Packetboat running already? "
                     f"Otherwise choose another port in {file}.")
    screen.step(f"Configuration: {file}" + ("" if made else " (was there already)"))
    print()
    settings(screen, POP3_PORT, user, f"the one for {host}")
    print("Messages that the mail client deletes are moved to the trash folder at the server.")
    print(screen.bold("The daemon's log follows; Ctrl-C stops it."), flush=True)
    return run_in_foreground(command)


def run_in_foreground(command):
    """Ctrl-C goes to the daemon too, which stops by itself; its exit status is ours."""
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as process:
        signal.signal(signal.SIGTERM, lambda *_: process.terminate())
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:
                continue


def main(arguments):
    screen = Screen()
    try:
        if arguments[:1] == ["--imap"]:
            return carry(screen, arguments[1], arguments[2])
        demonstrate(screen, arguments == ["--stay"])
        return 0
    except (Failed, AssertionError, OSError) as error:
        print(f"quickstart: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
