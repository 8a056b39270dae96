# SPDX-License-Identifier: ISC
"""What was asked of the identity provider: every request, in order, secrets left out."""

import time
from typing import NamedTuple

from ..journal import Notebook

# Names of parameters whose values are nobody's business.
_SECRET = {"code", "code_verifier", "client_secret", "client_assertion", "refresh_token",
           "device_code", "state", "user_code"}


class Asked(NamedTuple):
    when: float        # time.monotonic()
    connection: int    # counts from 1
    name: str          # as Trouble has it: "token refresh_token", "devicecode"
    text: str          # the path and the parameters, secrets masked
    client_id: str
    who: str           # whose token it is, where that is known
    status: int        # HTTP's; 0: it was not answered
    error: str         # "" or the `error` of a refusal


def masked(request):
    shown = [f"{name}={'***' if name in _SECRET else value}"
             for name, value in {**request.query, **request.form}.items()]
    return f"{request.method} {request.path} {' '.join(shown)}"


class Requests(Notebook):
    def note(self, connection, name, request, who, response):
        self.add(Asked(time.monotonic(), connection, name, masked(request),
                       request.get("client_id"), who, response.status if response else 0,
                       response.error if response else ""))

    def count(self, name):
        """How many were asked: "token" counts all grants."""
        return sum(entry.name == name or entry.name.startswith(name + " ")
                   for entry in self.entries())

    def granted(self, name):
        return sum(entry.name == name and entry.status == 200 for entry in self.entries())
