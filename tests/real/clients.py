# SPDX-License-Identifier: ISC
"""Real POP3 clients, each run as its users run it, and what each makes of a message.

Every client is a class with

    retrieve(target, folder, delete, tls)   the messages it fetched in one session, in order
    arrives(octets)                         what RETR of `octets` becomes in its hands
    carries(sample)                         False where the client itself cannot (with the reason)
    lacks()                                 the program that is not installed, or None

`tls` is "none", "stls" or "implicit"; the clients verify the certificate. `folder` is theirs for as
long as they live: fetchmail, getmail and mpop remember there which unique-ids they have seen.
"""

import os
import pathlib
import poplib
import re
import shutil
import ssl
import subprocess
import sys
from typing import NamedTuple

from dovecot import hand_over, unprivileged

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
from messages import as_retrieved  # noqa: E402

HEADER = re.compile(rb"[A-Za-z][!-9;-~]*:")  # an ordinary field-name of RFC 5322, and its colon
RUNS_WITHIN = 120  # seconds; a ceiling
PROGRAMS = pathlib.Path(__file__).resolve().parent


class Target(NamedTuple):
    """A maildrop: where it is and how to get in."""

    port: int
    tls_port: int
    user: str
    password: str
    ca: str  # file
    host: str = "localhost"

    def port_for(self, tls):
        return self.tls_port if tls == "implicit" else self.port


class ClientError(Exception):
    """The client failed; holds all that it said."""


def run(command, folder, **environment):
    """Runs a client with `folder` for its home, and returns what it says."""
    hand_over(folder)
    done = subprocess.run(unprivileged(command), stdin=subprocess.DEVNULL, cwd=folder, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=RUNS_WITHIN,
                          env={"PATH": os.environ["PATH"], "HOME": str(folder), "LC_ALL": "C",
                               **environment})
    said = done.stdout.decode(errors="replace")
    if done.returncode != 0:
        raise ClientError(f"{command[0]} exited with {done.returncode}:\n{said}")
    return said


def program_in(folder, name):
    """A program of ours, put where the client's user may read it: it need not have access here."""
    return shutil.copy(PROGRAMS / name, folder)


def with_blank_line(octets):
    return octets if b"\n\n" in octets else octets + b"\n"


def take_files(folder):
    """The contents of the files of a folder, in the order of the numbers that are their names
    (seconds, microseconds, a count: whatever the client uses); the folder is emptied."""
    taken = []
    for path in sorted(folder.iterdir(),
                       key=lambda path: [int(digits) for digits in re.findall("[0-9]+", path.name)]):
        taken.append(path.read_bytes())
        path.unlink()
    return taken


class Client:
    program = None      # to look for; None: part of Python
    remembers = False   # which unique-ids it has seen: keeps mail, and fetches only what is new
    tls_ways = ("none", "stls", "implicit")

    def lacks(self):
        if self.program is None or shutil.which(self.program):
            return None
        return self.program

    def carries(self, sample):  # pylint: disable=unused-argument
        return True

    def arrives(self, octets):
        return as_retrieved(octets)


class Poplib(Client):
    """Python's poplib. It takes the line ends off; put back, the message is what RETR sent."""

    name = "poplib"

    def retrieve(self, target, folder, delete, tls):
        context = ssl.create_default_context(cafile=target.ca)
        where = (target.host, target.port_for(tls))
        # It refuses lines of more than 2048 octets, as a defence; here they are meant.
        limit, poplib._MAXLINE = poplib._MAXLINE, 1 << 25
        try:
            if tls == "implicit":
                pop = poplib.POP3_SSL(*where, timeout=RUNS_WITHIN, context=context)
            else:
                pop = poplib.POP3(*where, timeout=RUNS_WITHIN)
            if tls == "stls":
                pop.stls(context=context)
            pop.user(target.user)
            pop.pass_(target.password)
            messages = []
            for number in range(1, pop.stat()[0] + 1):
                lines = pop.retr(number)[1]
                messages.append(b"".join(line + b"\r\n" for line in lines))
                if delete:
                    pop.dele(number)
            pop.quit()
            return messages
        except poplib.error_proto as error:
            raise ClientError(error) from error
        finally:
            poplib._MAXLINE = limit


class Curl(Client):
    """curl writes what RETR sent, octet for octet. One run, one session: curl keeps it for all."""

    name = "curl"
    program = "curl"

    def retrieve(self, target, folder, delete, tls):
        scheme = "pop3s" if tls == "implicit" else "pop3"
        base = f"{scheme}://{target.host}:{target.port_for(tls)}/"
        into = folder / "messages"
        into.mkdir(exist_ok=True)

        def transfer(url, *settings):
            return "\n".join((f'url = "{url}"', f'user = "{target.user}:{target.password}"',
                              f'cacert = "{target.ca}"', "silent", "show-error",
                              *(["ssl-reqd"] if tls == "stls" else []), *settings))

        configuration = folder / "curlrc"
        configuration.write_text(transfer(base))
        listing = run(["curl", "-q", "--fail-early", "-K", configuration], folder)
        parts = []
        for line in listing.splitlines():
            number = int(line.split()[0])
            parts.append(transfer(f"{base}{number}", f'output = "{into}/{number:04}"'))
            if delete:
                parts.append(transfer(f"{base}{number}", 'request = "DELE"', "head",
                                      'output = "/dev/null"'))
        if not parts:
            return []
        configuration.write_text("\nnext\n".join(parts))
        run(["curl", "-q", "--fail-early", "-K", configuration], folder)
        return take_files(into)

    def arrives(self, octets):
        # The CRLF before the final dot belongs to the message, it thinks, even if there is none.
        return as_retrieved(octets) or b"\r\n"


class Fetchmail(Client):
    """fetchmail hands each message to a delivery program, with LF for line ends and without any CR;
    a blank line always ends its header."""

    name = "fetchmail"
    program = "fetchmail"
    remembers = True

    def retrieve(self, target, folder, delete, tls):
        into = folder / "messages"
        into.mkdir(exist_ok=True)
        deliver = folder / "deliver"
        deliver.write_text(f'#!/bin/sh\nn=$(ls {into} | wc -l)\n'
                           f'exec cat > "$(printf "{into}/%04d" "$n")"\n')
        deliver.chmod(0o755)
        security = {"none": 'sslproto ""', "stls": 'sslproto "tls1.2+" sslcertck',
                    "implicit": "ssl sslcertck"}[tls]
        configuration = folder / "fetchmailrc"
        configuration.write_text(
            f'set no bouncemail\nset invisible\n'
            f'poll {target.host} protocol POP3 port {target.port_for(tls)} uidl\n'
            f'user "{target.user}" password "{target.password}" {security} '
            f'sslcertfile "{target.ca}" {"nokeep fetchall" if delete else "keep"} no rewrite\n'
            f'mda "{deliver}"\n')
        configuration.chmod(0o600)
        hand_over(folder)
        run(["fetchmail", "-v", "-f", str(configuration), "-i", str(folder / "fetchids"),
             "--nosyslog"], folder)
        return take_files(into)

    def carries(self, sample):
        # What does not begin with a header it mends or refuses. It reads long lines in pieces, and
        # takes a dot that begins a piece for byte-stuffing.
        return HEADER.match(sample.octets) and sample.name != "one line of 1 MB"

    def arrives(self, octets):
        return with_blank_line(as_retrieved(octets).replace(b"\r", b""))


class Mpop(Client):
    """mpop writes a Maildir, with LF for line ends. It sends its commands in one go."""

    name = "mpop"
    program = "mpop"
    remembers = True

    def retrieve(self, target, folder, delete, tls):
        box = folder / "Maildir"
        for name in ("cur", "new", "tmp"):
            (box / name).mkdir(parents=True, exist_ok=True)
        security = {"none": "tls off", "stls": "tls on\ntls_starttls on",
                    "implicit": "tls on\ntls_starttls off"}[tls]
        configuration = folder / "mpoprc"
        configuration.write_text(
            f"account test\nhost {target.host}\nport {target.port_for(tls)}\n"
            f'user {target.user}\npassword "{target.password}"\nauth user\n'
            f"{security}\n"
            + (f"tls_trust_file {target.ca}\n" if tls != "none" else "") +
            f"delivery maildir {box}\nuidls_file {folder}/uidls\nreceived_header off\n"
            f"keep {'off' if delete else 'on'}\nonly_new {'off' if delete else 'on'}\n"
            "account default : test\n")
        configuration.chmod(0o600)
        run(["mpop", "-C", str(configuration)], folder)
        return take_files(box / "new")

    def arrives(self, octets):
        return as_retrieved(octets).replace(b"\r\n", b"\n")


class Getmail(Client):
    """getmail writes a Maildir. Python's email package is between: a bare CR ends a line, too, and
    a blank line always ends the header. A Return-Path is put on top."""

    name = "getmail"
    program = "getmail"
    remembers = True
    tls_ways = ("none", "implicit")  # no STLS in its POP3 retrievers

    def retrieve(self, target, folder, delete, tls):
        box = folder / "Maildir"
        for name in ("cur", "new", "tmp"):
            (box / name).mkdir(parents=True, exist_ok=True)
        retriever = "SimplePOP3SSLRetriever" if tls == "implicit" else "SimplePOP3Retriever"
        (folder / "getmailrc").write_text(
            f"[retriever]\ntype = {retriever}\nserver = {target.host}\n"
            f"port = {target.port_for(tls)}\nusername = {target.user}\n"
            f"password = {target.password}\n"
            + (f"ca_certs = {target.ca}\n" if tls == "implicit" else "") +
            f"[destination]\ntype = Maildir\npath = {box}/\n"
            f"[options]\ndelete = {delete}\nread_all = {delete}\n"
            "delivered_to = false\nreceived = false\n")
        # The interpreter is the one that getmail is installed for.
        run(["/usr/bin/python3", program_in(folder, "getmail.py"), "--getmaildir", str(folder)],
            folder)
        return take_files(box / "new")

    def carries(self, sample):
        # It refuses lines of more than 1 MB.
        return HEADER.match(sample.octets) and b" line of 1 MB" not in sample.name.encode()

    def arrives(self, octets):
        lines = as_retrieved(octets).replace(b"\r\n", b"\n").replace(b"\r\n", b"\n")
        return b"Return-Path: <unknown>\n" + with_blank_line(lines.replace(b"\r", b"\n"))


class NetPop3(Client):
    """Perl's Net::POP3 turns CRLF into LF."""

    name = "net_pop3"
    program = "perl"

    def lacks(self):
        if super().lacks():
            return "perl"
        done = subprocess.run(["perl", "-MNet::POP3", "-MIO::Socket::SSL", "-e", "1"],
                              check=False, stderr=subprocess.DEVNULL)
        return "IO::Socket::SSL of Perl" if done.returncode else None

    def retrieve(self, target, folder, delete, tls):
        into = folder / "messages"
        into.mkdir(exist_ok=True)
        run(["perl", program_in(folder, "net_pop3.pl"), target.host, str(target.port_for(tls)),
             {"none": "plain", "stls": "stls", "implicit": "tls"}[tls], target.ca, target.user,
             target.password, "delete" if delete else "keep", str(into)], folder)
        return take_files(into)

    def arrives(self, octets):
        return as_retrieved(octets).replace(b"\r\n", b"\n")


ALL = (Poplib, Curl, Fetchmail, Mpop, Getmail, NetPop3)
