# SPDX-License-Identifier: ISC
"""What an identity provider can do wrong, on cue.

    Trouble("token refresh_token", error=53003)                 Conditional Access blocks it
    Trouble("token", error="temporarily_unavailable", status=429, retry_after="7")
    Trouble("token", status=503)                                no word of why
    Trouble("token", body="html")                               a captive portal's page
    Trouble("token", omit=("expires_in",))                      a grant without its life-time
    Trouble("token refresh_token", cut="after")                 granted, and nobody hears of it
    Trouble.parse("token refresh_token error=53003 times=always")     on a command line
"""

import json
from dataclasses import dataclass, field
from typing import Optional

from ..faults import Cue
from .refusals import Refused

MOMENTS = ("before", "after", "body")


def _deep(_):
    return b'{"error":' + b"[" * 100000 + b"]" * 100000 + b"}"


def _twice(body):
    """Every member twice, the second time with another value."""
    members = json.loads(body)
    other = json.dumps({name: "other" for name in members}).encode()
    return body.rstrip(b"}") + b", " + other.lstrip(b"{")


_HTML = (b"<!DOCTYPE html><html><head><title>Sign in to the network</title></head><body><h1>"
         b"Welcome</h1><p>Please accept our terms of use.</p></body></html>")

# Name -> what becomes of the right body.
BODIES = {
    "html": lambda body: _HTML,
    "empty": lambda body: b"",
    "garbage": lambda body: bytes(range(256)) * 4,
    "half": lambda body: body[:len(body) // 2],
    "large": lambda body: body.rstrip(b"}") + b', "padding": "' + b"x" * (2 << 20) + b'"}',
    "deep": _deep,
    "duplicate": _twice,
    "array": lambda body: b"[" + body + b"]",
    "null": lambda body: b"null",
}


@dataclass
class Trouble(Cue):
    """Of a request: "token", "token refresh_token" (authorization_code, device_code,
    client_credentials), "devicecode", "page" (which asks who signs in), "authorize" (the button on
    it), "TLS" for the moment before any; "*"."""

    # Refuse it: an `error` by name, or Microsoft's number. `text`: its own words.
    error: str = ""
    text: Optional[str] = None
    # HTTP's status; with nothing else, no word of why.
    status: int = 0
    # The header, seconds or a date.
    retry_after: str = ""
    # What the body becomes, one of BODIES.
    body: Optional[str] = None
    # Members left out of a JSON answer, and members put in.
    omit: tuple = ()
    members: dict = field(default_factory=dict)
    content_type: Optional[str] = None
    # Send the client elsewhere.
    redirect: Optional[str] = None
    # End the connection "before" or "after" doing it, or in the middle of the "body". By RST?
    cut: Optional[str] = None
    reset: bool = False
    # Fall silent there, and keep the connection open.
    hang: Optional[str] = None
    # Seconds between two octets of the answer.
    trickle: float = 0.0

    def __post_init__(self):
        if isinstance(self.omit, str):
            self.omit = (self.omit,)
        self.error = str(self.error)
        self.retry_after = str(self.retry_after)
        if self.cut not in (None, *MOMENTS) or self.hang not in (None, *MOMENTS):
            raise ValueError(f"cut and hang are one of {', '.join(MOMENTS)}")
        if self.body not in (None, *BODIES):
            raise ValueError(f"body is one of {', '.join(BODIES)}")

    def matches(self, command, text):
        asked, cue = command.lower(), self.command.lower()
        return ((cue == "*" or asked == cue or asked.startswith(cue + " ")) and
                self.containing.lower() in text.lower())

    def refusal(self):
        """What to raise instead of doing it, or None."""
        if not self.error:
            return None
        return Refused(self.error, self.text, self.status or None)

    @property
    def is_refused(self):
        """Whether it is not done at all, without a word of why."""
        return not self.error and (self.status >= 300 or self.redirect is not None)

    def change(self, response):
        """What becomes of the response."""
        if self.status:
            response.status = self.status
        if self.retry_after:
            response.headers["Retry-After"] = self.retry_after
        if self.redirect:
            response.status = self.status or 302
            response.headers["Location"] = self.redirect
        if self.omit or self.members:
            members = {**json.loads(response.body), **self.members}
            response.body = json.dumps({name: value for name, value in members.items()
                                        if name not in self.omit}).encode()
        if self.body is not None:
            response.body = BODIES[self.body](response.body)
            if self.body == "html":
                response.content_type = "text/html"
        if self.content_type is not None:
            response.content_type = self.content_type
