# SPDX-License-Identifier: ISC
"""What ./quickstart shows, and what it runs."""

import email
import email.policy
import os
import shlex
import socket
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.abspath(os.environ.get("PACKETBOAT_BUILD", os.path.join(ROOT, "build")))
DAEMON = os.path.join(BUILD, "daemon", "packetboatd")
TOOL = os.path.join(BUILD, "daemon", "packetboat")
POP3_PORT = 1110


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

    def say(self, text=""):
        print(text, flush=True)

    def command(self, *words):
        print(f"    {self.paint('36', shlex.join(words))}", flush=True)

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
        print(flush=True)

    def settings(self, port, user, password):
        print("Settings for the mail client:")
        for name, value in (("Account type", "POP3"), ("Server", "127.0.0.1"), ("Port", port),
                            ("Encryption", "none (it does not leave this machine)"),
                            ("User name", user), ("Password", password)):
            print(f"  {name + ':':14} {self.bold(str(value))}")
        print()
        print("Or by hand:")
        self.command("curl", "--user", user, f"pop3://127.0.0.1:{port}/")
        print(flush=True)


def shown(path):
    """A path as one types it here."""
    relative = os.path.relpath(path)
    return path if relative.startswith("..") else relative


def is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
            return True
        except OSError:
            return False


def free_port():
    """The usual one, or if somebody has it one of those behind it."""
    for port in range(POP3_PORT, POP3_PORT + 100):
        if is_free(port):
            return port
    raise Failed(f"no port from {POP3_PORT} on is free on 127.0.0.1")


def hash_of(password):
    """For `password_hash`; the password does not stand on the command line."""
    done = subprocess.run([TOOL, "passwd"], input=password + "\n", stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise Failed(done.stderr.strip())
    return done.stdout.strip()
