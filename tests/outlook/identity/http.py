# SPDX-License-Identifier: ISC
"""HTTP/1.1 as far as it is needed: requests in, responses out, over a Connection."""

import datetime
import urllib.parse
from dataclasses import dataclass, field
from email.utils import format_datetime

from ..syntax import TooLong

LINE_LIMIT = 65536
BODY_LIMIT = 1 << 20
_REASONS = {200: "OK", 302: "Found", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found",
            405: "Method Not Allowed", 429: "Too Many Requests", 500: "Internal Server Error",
            503: "Service Unavailable"}


class BadRequest(Exception):
    pass


@dataclass
class Request:
    method: str
    path: str
    query: dict
    headers: dict             # names in lower case
    form: dict
    who: str = ""             # filled in by an endpoint: whose token it is about
    refusal: object = None    # what an endpoint is to say instead of doing it, on cue

    def get(self, name, fallback=""):
        """A parameter of the form, else of the query."""
        return self.form.get(name, self.query.get(name, fallback))


@dataclass
class Response:
    status: int = 200
    body: bytes = b""
    content_type: str = "application/json; charset=utf-8"
    headers: dict = field(default_factory=dict)
    # For the journal: "" or what was refused.
    error: str = ""

    def head(self, now):
        lines = [f"HTTP/1.1 {self.status} {_REASONS.get(self.status, 'Unknown')}",
                 "Cache-Control: no-store, no-cache", "Pragma: no-cache",
                 f"Content-Type: {self.content_type}",
                 f"Content-Length: {len(self.body)}",
                 f"Date: {format_datetime(now, usegmt=True)}",
                 *(f"{name}: {value}" for name, value in self.headers.items())]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def page(body, status=200):
    return Response(status, body.encode(), "text/html; charset=utf-8")


def redirect(address):
    return Response(302, headers={"Location": address}, content_type="text/html; charset=utf-8")


def instant(seconds):
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).replace(microsecond=0)


def _parameters(text):
    """The last of each name; parameters that are there twice are the client's mistake."""
    pairs = urllib.parse.parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text),
                                   max_num_fields=100)
    if len(dict(pairs)) != len(pairs):
        raise BadRequest("a parameter is there twice")
    return dict(pairs)


def read_request(connection):
    """The next request. Ended when there is none."""
    try:
        first = connection.read_line(LINE_LIMIT).decode("latin-1")
        headers = {}
        while True:
            line = connection.read_line(LINE_LIMIT).decode("latin-1")
            if not line:
                break
            name, colon, value = line.partition(":")
            if not colon or len(headers) >= 100:
                raise BadRequest("no header")
            headers[name.lower()] = value.strip()
    except TooLong:
        raise BadRequest("a line is too long") from None
    words = first.split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise BadRequest("no request")
    length = headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > BODY_LIMIT or "transfer-encoding" in headers:
        raise BadRequest("no length")
    if headers.get("expect", "").lower() == "100-continue":
        connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        connection.flush()
    body = connection.read_exactly(int(length)).decode("latin-1")
    path, _, query = words[1].partition("?")
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        form = _parameters(body) if kind == "application/x-www-form-urlencoded" else {}
        return Request(words[0], urllib.parse.unquote(path), _parameters(query), headers, form)
    except ValueError as error:
        raise BadRequest(str(error)) from None
