# SPDX-License-Identifier: ISC
"""Runs the identity provider of provider.mjs, and plays the person who signs in there.

    with Provider(folder, clients=[...]) as provider:
        provider.endpoints        # settings for `oauth` of an account
        provider.approve(url, "ann@example.test")    # without a browser
        provider.granted("refresh_token")            # how many of them it gave out

npm's packages are where ./check puts them, in build-node/ at the root of the tree.
"""

import html
import http.cookiejar
import json
import os
import pathlib
import re
import shutil
import ssl
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

import dovecot
import make_certs

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PACKAGES = ROOT / "build-node"
STARTS_WITHIN = 60  # seconds; a ceiling, not a wait
SCOPE = "https://outlook.office.com/IMAP.AccessAsUser.All offline_access"
APP_SCOPE = "https://outlook.office365.com/.default"


def node():
    """The program, or None. npm's own, where the system's is too old for oidc-provider."""
    for path in (PACKAGES / "node_modules" / "node" / "bin" / "node", shutil.which("node")):
        if path and os.access(path, os.X_OK):
            return str(path)
    return None


def installed():
    """What is missing, as text; None if nothing is."""
    if node() is None:
        return "node"
    if not (PACKAGES / "node_modules" / "oidc-provider").is_dir():
        return "oidc-provider (npm)"
    return None


class Provider:
    def __init__(self, folder, clients, **settings):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        authority = make_certs.make_ca(str(self.folder))
        self.ca = authority.certificate
        pair = make_certs.make_cert(authority, str(self.folder))
        self.settings = {
            "folder": str(PACKAGES), "key": pair.private_key, "certificate": pair.certificate,
            "signingKey": str(self.folder / "signing.pem"), "token_seconds": 3600,
            "clients": clients, **settings}
        self.process = self.port = None
        self._told = []
        self._threads = []

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def start(self):
        """On the port that it had, if it ran before."""
        path = self.folder / "settings.json"
        path.write_text(json.dumps({**self.settings, "port": self.port}), encoding="utf-8")
        dovecot.hand_over(self.folder)
        self.process = subprocess.Popen(
            dovecot.unprivileged([node(), str(ROOT / "tests" / "real" / "provider.mjs"),
                                  str(path)]),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        ready = threading.Event()
        thread = threading.Thread(target=self._listen, args=(self.process.stdout, ready),
                                  daemon=True)
        thread.start()
        self._threads.append(thread)
        if not ready.wait(STARTS_WITHIN) or self.port is None:
            self.stop()
            raise RuntimeError(f"the identity provider does not start:\n{self.log()}")
        return self

    def _listen(self, stream, ready):
        with stream:
            for line in stream:
                self._told.append(line.rstrip("\n"))
                if line.startswith("ready "):
                    self.port = int(line.split()[1])
                    ready.set()
        ready.set()

    def stop(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait()
            self.process = None
        for thread in self._threads:
            thread.join()
        self._threads.clear()

    def log(self):
        return "\n".join(self._told)

    def granted(self, grant_type):
        return self._told.count(f"granted {grant_type}")

    @property
    def issuer(self):
        return f"https://localhost:{self.port}"

    @property
    def token_endpoint(self):
        return f"{self.issuer}/tenant/oauth2/v2.0/token"

    @property
    def endpoints(self):
        base = f"{self.issuer}/tenant/oauth2/v2.0"
        # OpenID Connect Core 11: without consent asked for there is no refresh token.
        return {"authorize_endpoint": f"{base}/authorize?prompt=consent", "token_endpoint": f"{base}/token",
                "device_endpoint": f"{base}/devicecode", "ca_file": self.ca}

    def approve(self, url, login, user_code=None, visit=True):
        """Goes through the provider's pages, as `login`: fills in its forms until it says that it
        is done (a device), or sends the browser to a loopback address, which is returned, and
        visited if `visit`."""
        return Person(self.ca, login, user_code, visit).walk(url)


class _Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_args, **_keywords):
        return None


class Person:
    """A browser of a few lines: cookies, redirects, forms."""

    def __init__(self, ca, login, user_code, visit):
        self.login, self.user_code, self.visit = login, user_code, visit
        context = ssl.create_default_context(cafile=ca)
        self.opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), _Stay(), urllib.request.HTTPSHandler(context=context),
            urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))

    def _visit(self, url, form=None):
        data = None if form is None else urllib.parse.urlencode(form).encode()
        try:
            with self.opener.open(url, data, timeout=60) as answer:
                return url, answer.headers.get("Location"), answer.read().decode()
        except urllib.error.HTTPError as answer:
            with answer:
                if answer.code >= 400:
                    raise RuntimeError(f"{url}: {answer.code}: {answer.read()[:500]}") from answer
                return url, answer.headers.get("Location"), ""

    def walk(self, start):
        url, location, page = self._visit(start)
        deadline = time.monotonic() + STARTS_WITHIN
        while time.monotonic() < deadline:
            if location:
                target = urllib.parse.urljoin(url, location)
                if urllib.parse.urlsplit(target).scheme == "http":
                    if self.visit:
                        self._visit(target)
                    return target
                url, location, page = self._visit(target)
                continue
            form = re.search(r"<form([^>]*)>(.*?)</form>", page, re.DOTALL)
            if form is None or "Sign-in Success" in page:
                return url
            action = re.search(r'action="([^"]*)"', form.group(1))
            target = urllib.parse.urljoin(url, html.unescape(action.group(1)) if action else url)
            url, location, page = self._visit(target, self._fill_in(form.group(2)))
        raise RuntimeError(f"the sign-in pages come to no end: {url}")

    def _fill_in(self, form):
        fields = {}
        for tag in re.findall(r"<input[^>]*>", form):
            name = re.search(r'name="([^"]*)"', tag)
            value = re.search(r'value="([^"]*)"', tag)
            if name and name.group(1) != "abort":
                fields[name.group(1)] = html.unescape(value.group(1)) if value else ""
        if "login" in fields:
            fields.update(login=self.login, password="any")
        if "user_code" in fields and self.user_code and not fields["user_code"]:
            fields["user_code"] = self.user_code
        return fields
