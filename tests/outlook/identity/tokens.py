# SPDX-License-Identifier: ISC
"""What was issued: access tokens, refresh tokens, codes. All of it is kept, so that a test can ask
whether any of it was seen where it should not be."""

import base64
import json
import os
import threading
from dataclasses import dataclass, field
from typing import Optional

from .directory import IMAP_AS_APP, IMAP_AS_USER, Application, Person, new_id

# The resources that a mail server takes tokens for.
MAIL_SERVERS = ("https://outlook.office.com", "https://outlook.office365.com",
                "https://outlook.office365.us", "https://outlook-dod.office365.us",
                "https://partner.outlook.cn")
GRAPH = "https://graph.microsoft.com"


@dataclass(eq=False)
class AccessToken:
    text: str
    application: Application
    person: Optional[Person]   # None: the application's own
    audience: str
    permissions: tuple         # delegated ("scp") or the application's ("roles")
    expires: float             # the identity provider's clock
    revoked: bool = False

    @property
    def opens_mail(self):
        """Whether a mail server takes it, while it lasts."""
        wanted = IMAP_AS_USER if self.person is not None else IMAP_AS_APP
        return not self.revoked and self.audience in MAIL_SERVERS and wanted in self.permissions


@dataclass(eq=False)
class RefreshToken:
    text: str
    application: Application
    person: Person
    scope: str
    family: str
    number: int                # in its family
    used: float                # when it was issued, or last used
    # Taken once already, where that is all it may be.
    spent: bool = False
    # The number of the reason why it is good for nothing any more.
    revoked: int = 0


@dataclass(eq=False)
class Code:
    """An authorization code."""

    text: str
    application: Application
    person: Person
    scope: str
    redirect_uri: str
    challenge: str
    expires: float
    redeemed: bool = False


@dataclass(eq=False)
class DeviceCode:
    text: str
    user_code: str
    application: Application
    tenant: object
    scope: str
    interval: float
    expires: float
    asked: float = 0.0         # when it was last polled
    person: Optional[Person] = None
    declined: bool = False
    redeemed: bool = False


def _random(octets):
    return base64.urlsafe_b64encode(os.urandom(octets)).decode().rstrip("=")


def _coded(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@dataclass
class Tokens:
    """Everything by its text."""

    lock: threading.RLock = field(default_factory=threading.RLock)
    access: dict = field(default_factory=dict)
    refresh: dict = field(default_factory=dict)
    codes: dict = field(default_factory=dict)
    devices: dict = field(default_factory=dict)

    def issue_access(self, application, person, tenant_id, audience, permissions, now, seconds,
                     octets):
        """`octets`: about how long it is to be. A personal account's says nothing of itself."""
        if person is not None and person.is_personal:
            text = "EwB" + _random(max(16, octets - 3) * 3 // 4)
        else:
            text = self._jwt(application, person, tenant_id, audience, permissions, now, seconds,
                             octets)
        token = AccessToken(text, application, person, audience, permissions, now + seconds)
        with self.lock:
            self.access[text] = token
        return token

    @staticmethod
    def _jwt(application, person, tenant_id, audience, permissions, now, seconds, octets):
        claims = {"aud": audience, "iss": f"https://sts.windows.net/{tenant_id}/",
                  "iat": int(now), "nbf": int(now), "exp": int(now + seconds),
                  "appid": application.client_id, "tid": tenant_id, "ver": "1.0"}
        if person is not None:
            claims.update(upn=person.name, unique_name=person.name, oid=person.id, idtyp="user",
                          scp=" ".join(permissions))
        else:
            claims.update(oid=application.object_id, idtyp="app", appidacr="2")
            if permissions:
                claims["roles"] = list(permissions)
        header = _coded({"typ": "JWT", "alg": "RS256", "kid": "simulated"})
        # Whoever is in many groups has a long token. Nobody verifies the signature: this server's
        # tokens are known by their text.
        signature = _random(256)
        missing = octets - len(header) - len(signature) - len(_coded(claims)) - 2
        if missing > 100:
            claims["wids"] = [new_id() for _ in range(missing * 3 // 4 // 40)]
        return ".".join((header, _coded(claims), signature))

    def issue_refresh(self, application, person, scope, now, family=None, octets=1200):
        prefix = "M.C512_BAY." if person.is_personal else "1.AXEA"
        token = RefreshToken(prefix + _random(octets * 3 // 4), application, person, scope,
                             family or new_id(), len(self.refresh), now)
        with self.lock:
            self.refresh[token.text] = token
        return token

    def issue_code(self, application, person, scope, redirect_uri, challenge, expires):
        code = Code("1.AXEA" + _random(400), application, person, scope, redirect_uri, challenge,
                    expires)
        with self.lock:
            self.codes[code.text] = code
        return code

    def issue_device_code(self, application, tenant, scope, interval, expires):
        alphabet = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
        user_code = "".join(alphabet[octet % len(alphabet)] for octet in os.urandom(9))
        device = DeviceCode("BAQ" + _random(200), user_code, application, tenant, scope, interval,
                            expires)
        with self.lock:
            self.devices[device.text] = device
        return device

    def find_device(self, user_code):
        wanted = user_code.replace("-", "").replace(" ", "").upper()
        with self.lock:
            return next((device for device in self.devices.values()
                         if device.user_code == wanted), None)

    def revoke(self, person, number=50173):
        """All sign-ins of a person end, as when the password is changed; access tokens last."""
        with self.lock:
            for token in self.refresh.values():
                if token.person is person:
                    token.revoked = token.revoked or number

    def revoke_family(self, family, number=70000):
        with self.lock:
            for token in self.refresh.values():
                if token.family == family:
                    token.revoked = token.revoked or number

    def revoke_older(self, token, number=70000):
        """Those of its family that came before it."""
        with self.lock:
            for other in self.refresh.values():
                if other.family == token.family and other.number < token.number:
                    other.revoked = other.revoked or number

    def revoke_access(self, person):
        """Access tokens end at once, which only servers that are told of it do."""
        with self.lock:
            for token in self.access.values():
                if token.person is person:
                    token.revoked = True

    def texts(self):
        """Every secret that was ever issued."""
        with self.lock:
            return [*self.access, *self.refresh, *self.codes, *self.devices]
