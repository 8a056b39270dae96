# SPDX-License-Identifier: ISC
"""The identity provider: each connection carries requests, one after the other."""

import threading
import time
from dataclasses import dataclass

from ..connection import Ended
from ..service import Service
from . import endpoints, http
from .journal import Requests
from .refusals import Refused
from .tokens import Tokens

ROTATIONS = ("microsoft", "overlap", "strict", "none")


@dataclass
class Settings:
    """Any of these can be changed while it runs."""

    # How long each lasts.
    access_seconds: float = 3599
    refresh_seconds: float = 90 * 86400   # without being used
    code_seconds: float = 600
    device_seconds: float = 900
    # How often a device code may be asked about; sooner is answered slow_down.
    interval: float = 5
    # What a refresh token becomes by being used: "microsoft" (a new one comes, the old one goes
    # on), "overlap" (the old one goes on until the new one is used), "strict" (the old one was good
    # once only), "none" (there is no new one).
    rotation: str = "microsoft"
    # About how long an access token is.
    token_octets: int = 1800
    # How far its clock is ahead.
    clock_skew: float = 0.0
    # Seconds before each answer.
    latency: float = 0.0
    # As connections want them.
    chunk: int = 0
    rate: int = 0


class Identity(Service):
    """`faults` takes Trouble, `journal` holds what was asked, `tokens` what was issued."""

    def __init__(self, directory, settings=None, certificate=None, private_key=None,
                 address="127.0.0.1", port=0, name=None):
        self.settings = settings or Settings()
        super().__init__(self.settings, certificate, private_key, "implicit", address, port)
        self.directory = directory
        self.tokens = Tokens()
        self.journal = Requests()
        # Identifiers of client assertions that were used.
        self.assertions = set()
        self.pages = None
        self._name = name or address
        self._doing = threading.Lock()

    @property
    def authority(self):
        return f"https://{self._name}:{self.port}"

    @property
    def verification_uri(self):
        """Where people enter the codes that devices show."""
        base = (self.authority if self.pages is None else
                f"http://{self.pages.address}:{self.pages.port}")
        return f"{base}/common/oauth2/deviceauth"

    def now(self):
        return time.time() + self.settings.clock_skew

    def find_access(self, text):
        """The access token, if it is one and lasts; else None. For those who take tokens."""
        token = self.tokens.access.get(text)
        if token is None or token.revoked or token.expires <= self.now():
            return None
        return token

    def serve_pages(self):
        """Serves the pages for people without TLS besides, for browsers on this machine, which
        would not trust the certificate of a demonstration. Returns where."""
        self.pages = Pages(self).start()
        return f"http://{self.pages.address}:{self.pages.port}"

    def stop(self):
        if self.pages is not None:
            self.pages.stop()
        super().stop()

    def converse(self, connection, number):
        trouble = self.faults.take("TLS", "")
        if trouble is not None:
            connection.pause(trouble.delay)
            _end(connection, trouble, "before")
        connection.start_tls(self.context)
        self.answer(connection, number)

    def answer(self, connection, number, names=None):
        """Requests, one after the other; only for these, if there are `names`."""
        while True:
            try:
                request = http.read_request(connection)
            except http.BadRequest:
                connection.send(http.Response(400).head(http.instant(self.now())))
                connection.flush()
                return
            self._one_request(connection, number, request, names)
            if request.headers.get("connection", "").lower() == "close":
                return

    def _one_request(self, connection, number, request, names):
        found = endpoints.route(request)
        if found is None or names is not None and found[0] not in names:
            self._send(connection, http.Response(404, b"", "text/plain"), None)
            return
        name, function, tenant = found
        trouble = self.faults.take(name, request.get("client_id") + " " + tenant)
        connection.pause(self.settings.latency)
        if trouble is not None:
            connection.pause(trouble.delay)
            if "before" in (trouble.cut, trouble.hang):
                self.journal.note(number, name, request, "", None)
                _end(connection, trouble, "before")
        response = self._perform(function, request, tenant, trouble)
        # Before anybody hears of it: a test that has its answer can look.
        self.journal.note(number, name, request, request.who, response)
        if trouble is not None:
            trouble.change(response)
            _end(connection, trouble, "after")
        self._send(connection, response, trouble)

    def _perform(self, function, request, tenant, trouble):
        if trouble is not None and trouble.is_refused:
            return http.Response(trouble.status, b"", "text/plain", error="none")
        request.refusal = trouble.refusal() if trouble is not None else None
        try:
            known = self.directory.find_tenant(tenant)
            if known is None:
                raise Refused(90002, name=tenant)
            with self._doing:
                return function(self, request, known)
        except Refused as refused:
            return http.Response(refused.status, refused.json(self.authority),
                                 headers={"x-ms-request-id": refused.trace_id},
                                 error=refused.error)

    def _send(self, connection, response, trouble):
        head = response.head(http.instant(self.now()))
        octets = head + response.body
        if trouble is not None and (trouble.cut == "body" or trouble.hang == "body"):
            connection.send(head + response.body[:len(response.body) // 2])
            _end(connection, trouble, "body")
        if trouble is not None and trouble.trickle:
            for octet in octets:
                connection.send(bytes((octet,)))
                connection.flush()
                connection.pause(trouble.trickle)
            return
        connection.send(octets)
        connection.flush()


class Pages(Service):
    def __init__(self, identity):
        super().__init__(identity.options, tls="none", address=identity.address)
        self._identity = identity

    def converse(self, connection, number):
        self._identity.answer(connection, number, endpoints.PAGES)


def _end(connection, trouble, moment):
    if trouble.cut == moment:
        connection.cut(trouble.reset)
    if trouble.hang == moment:
        connection.hang()
        raise Ended
