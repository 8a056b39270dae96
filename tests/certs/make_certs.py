#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Makes certificate authorities and certificates for tests, when the tests run.

Nothing that expires is kept in the tree. Needs the openssl command, version 1.1.1 or later. Keys
are on the P-256 curve, made in milliseconds, unless RSA is asked for. As a module:

    ca = make_ca(folder)                      # folder/ca.pem, folder/ca.key
    cert = make_cert(ca, folder)              # folder/server.pem, folder/server.key
    usual = make_usual(folder)                # what the command line makes, by name
    ... cert.certificate, cert.private_key    # paths, as str
"""

import argparse
import datetime
import ipaddress
import os
import subprocess
import sys
import tempfile
from typing import NamedTuple

LOOPBACK = ("localhost", "127.0.0.1", "::1")

# The sections are chosen on the command line; what differs from certificate to certificate comes
# in as {names}. No default section of the system's openssl.cnf is used.
CONFIGURATION = """
[req]
distinguished_name = subject
[subject]
[ca]
default_ca = authority
[authority]
database = {scratch}/index.txt
new_certs_dir = {scratch}
rand_serial = yes
policy = any_subject
unique_subject = no
email_in_dn = no
[any_subject]
commonName = supplied
[authority_extensions]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[server_extensions]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = serverAuth
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
{names}
"""


class Pair(NamedTuple):
    """The paths of a certificate and of its key, both PEM."""

    certificate: str
    private_key: str


def _openssl(*arguments):
    done = subprocess.run(["openssl", *arguments], stdin=subprocess.DEVNULL, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"openssl {arguments[0]} failed:\n{done.stdout}")


def _alternative_names(names):
    entries = []
    for name in names:
        try:
            entries.append(f"IP:{ipaddress.ip_address(name)}")
        except ValueError:
            entries.append(f"DNS:{name}")
    return f"subjectAltName = {', '.join(entries)}" if entries else ""


def _instant(when):
    return when.astimezone(datetime.timezone.utc).strftime("%Y%m%d%H%M%SZ")


_KEYS = {"EC": ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"),
         "RSA": ("-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048")}


def _issue(pair, common_name, extensions, names, validity, digest, signer, key="EC"):
    """Makes a key and a certificate for it; `signer` None: it signs itself."""
    with tempfile.TemporaryDirectory() as scratch:
        configuration = os.path.join(scratch, "openssl.cnf")
        request = os.path.join(scratch, "request.pem")
        with open(configuration, "w", encoding="ascii") as file:
            file.write(CONFIGURATION.format(scratch=scratch, names=_alternative_names(names)))
        with open(os.path.join(scratch, "index.txt"), "w", encoding="ascii"):
            pass
        _openssl("genpkey", *_KEYS[key], "-out", pair.private_key)
        os.chmod(pair.private_key, 0o600)
        _openssl("req", "-new", "-config", configuration, "-key", pair.private_key,
                 "-subj", f"/CN={common_name}", "-out", request)
        # `openssl ca`, because before OpenSSL 3.4 nothing else takes a date of one's choice.
        by = (["-selfsign", "-keyfile", pair.private_key] if signer is None else
              ["-cert", signer.certificate, "-keyfile", signer.private_key])
        _openssl("ca", "-batch", "-notext", "-config", configuration, "-md", digest,
                 "-extensions", extensions, "-startdate", _instant(validity[0]),
                 "-enddate", _instant(validity[1]), *by, "-in", request,
                 "-out", pair.certificate)


def make_ca(folder, name="Packetboat Test CA", file="ca"):
    """Makes the authority FOLDER/FILE.pem, FILE.key; valid from 2000 to 2100, whatever the clock."""
    pair = Pair(os.path.join(folder, file + ".pem"), os.path.join(folder, file + ".key"))
    utc = datetime.timezone.utc
    _issue(pair, name, "authority_extensions", (), (datetime.datetime(2000, 1, 1, tzinfo=utc),
           datetime.datetime(2100, 1, 1, tzinfo=utc)), "sha256", None)
    return pair


def make_cert(ca, folder, names=LOOPBACK, days=30, not_before=None, not_after=None, file="server",
              common_name=None, digest="sha256", key="EC"):
    """Makes a server certificate FOLDER/FILE.pem and its key FILE.key, signed by `ca`.

    names: host names and IP addresses, the subject's alternative names; () for none.
    days: how long it is valid from now on; not_before, not_after: aware datetimes instead.
    common_name: default, the first name. key: "EC", or "RSA" as client assertions are signed with.
    """
    now = datetime.datetime.now(datetime.timezone.utc)
    # An hour back, for machines and containers whose clocks do not quite agree.
    begin = not_before if not_before is not None else now - datetime.timedelta(hours=1)
    end = not_after if not_after is not None else now + datetime.timedelta(days=days)
    pair = Pair(os.path.join(folder, file + ".pem"), os.path.join(folder, file + ".key"))
    _issue(pair, common_name if common_name is not None else names[0], "server_extensions", names,
           (begin, end), digest, ca, key)
    return pair


def make_usual(folder):
    """Makes what most tests need; returns {name: Pair}, where each name is the files' too."""
    now = datetime.datetime.now(datetime.timezone.utc)
    day = datetime.timedelta(days=1)
    made = {"ca": make_ca(folder),
            "other-ca": make_ca(folder, name="Another Test CA", file="other-ca")}
    rows = (
        ("valid", "ca", {}),
        ("expired", "ca", {"not_before": now - 30 * day, "not_after": now - day}),
        ("not-yet-valid", "ca", {"not_before": now + day, "not_after": now + 30 * day}),
        ("wrong-name", "ca", {"names": ("other.example.org", "192.0.2.1")}),
        ("unknown-ca", "other-ca", {}),
    )
    for name, signer, arguments in rows:
        made[name] = make_cert(made[signer], folder, file=name, **arguments)
    return made


def main():
    parser = argparse.ArgumentParser(
        description="Makes in FOLDER (created if it is not there) the authorities ca and other-ca "
        "and the server certificates valid, expired, not-yet-valid, wrong-name and unknown-ca; "
        "each is NAME.pem and NAME.key. With --name: instead, the authority ca, if it is not there "
        "yet, and one certificate.")
    parser.add_argument("folder", metavar="FOLDER")
    parser.add_argument("--name", action="append", default=[], metavar="NAME",
                        help="host name or IP address of the one certificate; can be repeated")
    parser.add_argument("--file", default="server", help="its files: FILE.pem and FILE.key")
    parser.add_argument("--days", type=int, default=30, help="how long it is valid (30)")
    options = parser.parse_args()
    os.makedirs(options.folder, exist_ok=True)
    if not options.name:
        made = make_usual(options.folder)
    else:
        ca = Pair(os.path.join(options.folder, "ca.pem"), os.path.join(options.folder, "ca.key"))
        if not os.path.exists(ca.certificate):
            ca = make_ca(options.folder)
        made = {options.file: make_cert(ca, options.folder, names=options.name,
                                        days=options.days, file=options.file)}
    for pair in made.values():
        print(pair.certificate)
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (OSError, RuntimeError) as error:
        sys.exit(f"make_certs.py: {error}")
