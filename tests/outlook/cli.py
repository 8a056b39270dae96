# SPDX-License-Identifier: ISC
"""The servers by hand: arguments, and lines that say where they listen."""

import argparse
import dataclasses
import os
import signal
import sys
import threading
import time

from . import samples
from .faults import Fault
from .identity import Directory, Identity, Settings, Trouble
from .identity.server import ROTATIONS
from .options import SIZES, Options
from .server import TLS, Server
from .store import Generated, Store

_DESCRIPTION = """\
An IMAP server on loopback that looks like Exchange Online's and misbehaves on cue, and with
--identity the endpoints where one signs in and gets tokens for it. Everything is in memory. When
it listens it prints `listening ADDRESS PORT`; with --identity in front of that also `authority
URL`, `client_id ID`, `tenant ID` and `person NAME` for each that has a button."""

_EPILOGUE = """\
Faults: a command and properties of outlook/faults.py, for instance
  --fault 'UID EXPUNGE cut=before'              hang up, nothing done
  --fault 'UID EXPUNGE cut=after reset=yes'     do it, then reset the connection
  --fault 'UID FETCH cut_literal=1000'          end a body after 1,000 octets
  --fault 'SELECT times=always reply="BAD User is authenticated but not connected."'
Troubles: a request and properties of outlook/identity/trouble.py, for instance
  --trouble 'token refresh_token error=53003 times=always'    Conditional Access
  --trouble 'token status=429 retry_after=30'
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
                        help="print every command and request, secrets masked")
    _add_identity(parser.add_argument_group("signing in"))
    return parser


def _add_identity(group):
    group.add_argument("--identity", action="store_true",
                       help="serve /TENANT/oauth2/v2.0/{authorize,token,devicecode} too; passwords "
                       "are refused then, as Exchange Online does")
    group.add_argument("--identity-port", type=int, default=0, metavar="PORT",
                       help="default: any free one")
    group.add_argument("--client-id", default="11111111-2222-3333-4444-555555555555",
                       help="of the application that people may use")
    group.add_argument("--person", action="append", default=[], metavar="NAME",
                       help="somebody else who can sign in, and has a mailbox; can be repeated")
    group.add_argument("--access-seconds", type=float, default=Settings.access_seconds,
                       metavar="SECONDS", help="how long access tokens last (3599)")
    group.add_argument("--rotation", choices=ROTATIONS, default=Settings.rotation,
                       help="what becomes of refresh tokens that were used")
    group.add_argument("--trouble", action="append", default=[], metavar="TROUBLE",
                       help="see below; can be repeated")


def _store(options):
    password = b"demo"
    if options.password_file:
        with open(options.password_file, "rb") as file:
            password = file.readline().rstrip(b"\r\n")
    store = Store(options.uidvalidity)
    for user in (options.user, *options.person):
        inbox = store.add_user(user, password).inbox
        letters = samples.letters(user)
        for number in range(options.messages):
            octets, when = letters[number % len(letters)]
            inbox.append(octets, internaldate=when)
        for octets in options.generate:
            inbox.append(Generated(octets))
    return store


def _identity(options):
    """The identity provider: everybody is in one organisation, that of the first user's domain."""
    directory = Directory()
    tenant = directory.add_tenant(options.user.rpartition("@")[2])
    directory.add_application(tenant, client_id=options.client_id)
    for user in (options.user, *options.person):
        directory.add_person(user)
    identity = Identity(directory, Settings(access_seconds=options.access_seconds,
                                            rotation=options.rotation),
                        options.certificate, options.private_key, options.address,
                        options.identity_port)
    for text in options.trouble:
        identity.faults.cue(Trouble.parse(text))
    identity.start()
    print(f"authority {identity.authority}\nclient_id {options.client_id}\ntenant {tenant.id}")
    for user in (options.user, *options.person):
        print(f"person {user}")
    return identity


def _print_journals(journals):
    shown = [0] * len(journals)
    while True:
        for number, journal in enumerate(journals):
            entries = journal.entries()
            for entry in entries[shown[number]:]:
                print(f"{entry.connection}: {entry.text}", flush=True)
            shown[number] = len(entries)
        time.sleep(0.2)


def _serve(given):
    """Starts what was asked for; the servers."""
    known = {field.name for field in dataclasses.fields(Options)}
    options = Options(**{key: value for key, value in vars(given).items() if key in known})
    options.drop = set(given.drop)
    options.passwords = not given.identity
    faults = [Fault.parse(text) for text in given.fault]
    identity = _identity(given) if given.identity else None
    server = Server(_store(given), options, given.certificate, given.private_key, given.tls,
                    given.address, given.port, identity=identity)
    for fault in faults:
        server.faults.cue(fault)
    server.start()
    print(f"listening {server.address} {server.port}", flush=True)
    return [one for one in (server, identity) if one is not None]


def main(arguments=None):
    parser = _parser()
    given = parser.parse_args(arguments)
    if (given.tls != "none" or given.identity) and not (given.certificate and given.private_key):
        parser.error("TLS needs --certificate and --private-key (tests/certs/make_certs.py makes "
                     "them); or say --tls none")
    try:
        servers = _serve(given)
    except (OSError, ValueError) as error:
        print(f"outlook: {error}", file=sys.stderr)
        return 1
    if given.journal:
        threading.Thread(target=_print_journals, args=([one.journal for one in servers],),
                         daemon=True).start()
    signal.signal(signal.SIGTERM, lambda *_: os.kill(os.getpid(), signal.SIGINT))
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        for server in servers:
            server.stop()
    return 0
