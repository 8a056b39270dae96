# SPDX-License-Identifier: ISC
"""The server by hand: arguments, and a line that says where it listens."""

import argparse
import dataclasses
import os
import signal
import sys
import threading
import time

from . import samples
from .faults import Fault
from .options import SIZES, Options
from .server import TLS, Server
from .store import Generated, Store

_DESCRIPTION = """\
An IMAP server on loopback that looks like Exchange Online's and misbehaves on cue. Everything is
in memory. When it listens it prints one line: `listening ADDRESS PORT`."""

_EPILOGUE = """\
Faults: a command and properties of outlook/faults.py, for instance
  --fault 'UID EXPUNGE cut=before'              hang up, nothing done
  --fault 'UID EXPUNGE cut=after reset=yes'     do it, then reset the connection
  --fault 'UID FETCH cut_literal=1000'          end a body after 1,000 octets
  --fault 'SELECT times=always reply="BAD User is authenticated but not connected."'
Try it: openssl s_client -quiet -connect 127.0.0.1:PORT"""


def _parser():
    parser = argparse.ArgumentParser(
        prog="outlook", description=_DESCRIPTION, epilog=_EPILOGUE,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--address", default="127.0.0.1", help="default: 127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="default: any free one")
    parser.add_argument("--tls", choices=TLS, default="implicit")
    parser.add_argument("--certificate", metavar="PEM", help="needed with TLS")
    parser.add_argument("--private-key", metavar="PEM")
    parser.add_argument("--user", default="ada@example.org", help="default: ada@example.org")
    parser.add_argument("--password-file", metavar="FILE",
                        help="its first line is the password; default: the password is `demo`")
    parser.add_argument("--messages", type=int, default=4, metavar="N",
                        help="demonstration messages to begin with (4)")
    parser.add_argument("--generate", type=int, action="append", default=[], metavar="OCTETS",
                        help="add one message of this size; can be repeated")
    parser.add_argument("--drop", action="append", default=[], metavar="CAPABILITY",
                        help="UIDPLUS, MOVE, SASL-IR, LITERAL+, ID, ...; can be repeated")
    parser.add_argument("--special-use", action="store_true", help="show \\Trash in LIST")
    parser.add_argument("--read-only", action="store_true")
    parser.add_argument("--sizes", choices=SIZES, default="estimate", help="what RFC822.SIZE says")
    parser.add_argument("--bodies", choices=("literal", "quoted", "nil"), default="literal")
    parser.add_argument("--uidvalidity", type=int, default=170534)
    parser.add_argument("--latency", type=float, default=0.0, metavar="SECONDS",
                        help="before each command")
    parser.add_argument("--rate", type=int, default=0, metavar="OCTETS",
                        help="of bodies, a second")
    parser.add_argument("--chunk", type=int, default=0, metavar="OCTETS", help="in one write")
    parser.add_argument("--fault", action="append", default=[], metavar="FAULT",
                        help="see below; can be repeated")
    parser.add_argument("--journal", action="store_true",
                        help="print every command, passwords masked")
    return parser


def _store(options):
    password = b"demo"
    if options.password_file:
        with open(options.password_file, "rb") as file:
            password = file.readline().rstrip(b"\r\n")
    store = Store(options.uidvalidity)
    inbox = store.add_user(options.user, password).inbox
    letters = samples.letters(options.user)
    for number in range(options.messages):
        octets, when = letters[number % len(letters)]
        inbox.append(octets, internaldate=when)
    for octets in options.generate:
        inbox.append(Generated(octets))
    return store


def _print_journal(journal):
    shown = 0
    while True:
        entries = journal.entries()
        for entry in entries[shown:]:
            print(f"{entry.connection}: {entry.text}", flush=True)
        shown = len(entries)
        time.sleep(0.2)


def main(arguments=None):
    parser = _parser()
    given = parser.parse_args(arguments)
    if given.tls != "none" and not (given.certificate and given.private_key):
        parser.error("TLS needs --certificate and --private-key (tests/certs/make_certs.py makes "
                     "them); or say --tls none")
    known = {field.name for field in dataclasses.fields(Options)}
    options = Options(**{key: value for key, value in vars(given).items() if key in known})
    options.drop = set(given.drop)
    try:
        faults = [Fault.parse(text) for text in given.fault]
        server = Server(_store(given), options, given.certificate, given.private_key, given.tls,
                        given.address, given.port)
        for fault in faults:
            server.faults.cue(fault)
        server.start()
    except (OSError, ValueError) as error:
        print(f"outlook: {error}", file=sys.stderr)
        return 1
    print(f"listening {server.address} {server.port}", flush=True)
    if given.journal:
        threading.Thread(target=_print_journal, args=(server.journal,), daemon=True).start()
    signal.signal(signal.SIGTERM, lambda *_: os.kill(os.getpid(), signal.SIGINT))
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        server.stop()
    return 0
