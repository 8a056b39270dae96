# SPDX-License-Identifier: ISC
"""Client assertions (RFC 7523), verified by the openssl command with the certificates that were
registered for the application."""

import base64
import binascii
import hashlib
import json
import os
import ssl
import subprocess
import tempfile

from .refusals import Refused

TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
# Longer ones are refused: 5 to 10 minutes is what Microsoft asks for.
LIFETIME_MAX = 600
# By how much the clocks may differ.
SKEW = 300

_PADDING = {
    "PS256": ("-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest"),
    "RS256": ("-sigopt", "rsa_padding_mode:pkcs1"),
}


def _decode(text):
    if "=" in text:
        raise ValueError("padding")
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _parts(assertion):
    try:
        header, claims, signature = assertion.split(".")
        return (json.loads(_decode(header)), json.loads(_decode(claims)), _decode(signature),
                f"{header}.{claims}".encode("ascii"))
    except (ValueError, binascii.Error, UnicodeError) as error:
        raise Refused(50013, name=f"It is malformed: {error}.") from None


def thumbprint(certificate):
    """x5t#S256 of a PEM file's first certificate."""
    with open(certificate, encoding="ascii") as file:
        text = file.read()
    end = "-----END CERTIFICATE-----"
    der = ssl.PEM_cert_to_DER_cert(text[text.index("-----BEGIN"):text.index(end) + len(end)])
    return base64.urlsafe_b64encode(hashlib.sha256(der).digest()).decode().rstrip("=")


def _is_signed(certificate, algorithm, signed, signature):
    with tempfile.TemporaryDirectory() as folder:
        key, proof = os.path.join(folder, "key.pem"), os.path.join(folder, "signature")
        with open(proof, "wb") as file:
            file.write(signature)
        with open(key, "wb") as file:
            subprocess.run(["openssl", "x509", "-in", certificate, "-noout", "-pubkey"],
                           stdout=file, stdin=subprocess.DEVNULL, check=True)
        done = subprocess.run(["openssl", "dgst", "-sha256", "-verify", key, "-signature", proof,
                               *_PADDING[algorithm]], input=signed, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, check=False)
    return done.returncode == 0


def verify(assertion, application, audiences, now, seen):
    """Raises Refused. `seen`: identifiers that came before; this one is added."""
    header, claims, signature, signed = _parts(assertion)
    if not (isinstance(header, dict) and isinstance(claims, dict)):
        raise Refused(50013, name="It is malformed.")
    algorithm = header.get("alg")
    if algorithm not in _PADDING or header.get("typ") != "JWT":
        raise Refused(50013, name="The algorithm is not supported.")
    certificate = next((one for one in application.certificates
                        if thumbprint(one) == header.get("x5t#S256")), None)
    if certificate is None:
        raise Refused(700027, name="The key was not found.")
    if not _is_signed(certificate, algorithm, signed, signature):
        raise Refused(700027, name="The key was used to sign something else.")
    if claims.get("iss") != application.client_id or claims.get("sub") != application.client_id:
        raise Refused(50013, name="Issuer and subject are not the application.")
    if claims.get("aud") not in audiences:
        raise Refused(50013, name="The audience is another.")
    begin, end = claims.get("nbf"), claims.get("exp")
    if not (isinstance(begin, int) and isinstance(end, int) and isinstance(claims.get("iat"), int)):
        raise Refused(50013, name="It has no times.")
    if begin > now + SKEW or end < now - SKEW:
        raise Refused(700024, name="Please check the clock of the computer.")
    if not 0 < end - begin <= LIFETIME_MAX:
        raise Refused(50013, name="It is valid for too long.")
    identifier = claims.get("jti")
    if not isinstance(identifier, str) or not identifier or identifier in seen:
        raise Refused(50013, name="It was used before.")
    seen.add(identifier)
