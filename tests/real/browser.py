# SPDX-License-Identifier: ISC
"""Chromium without a window, driven by chromedriver over WebDriver (W3C): what a person does with
a sign-in page, by a real browser.

    with Browser(folder) as browser:
        browser.go(url)
        browser.type("input[name=login]", "ann@example.test")
        browser.press("button[type=submit]")
"""

import json
import os
import shutil
import subprocess
import threading
import time
import urllib.error
import urllib.request

import dovecot

STARTS_WITHIN = 60  # seconds, as the next; ceilings, not waits
APPEARS_WITHIN = 60
_ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # W3C WebDriver section 12.1

_ARGUMENTS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
              "--disable-background-networking", "--disable-component-update", "--disable-sync",
              "--disable-dev-shm-usage", "--no-proxy-server",
              # The provider's authority is the test's own.
              "--ignore-certificate-errors"]


def installed():
    """What is missing, as text; None if nothing is."""
    for program in ("chromium", "chromedriver"):
        if shutil.which(program) is None:
            return program
    return None


class Browser:
    def __init__(self, folder):
        self.folder = str(folder)
        self.driver = self.address = self.session = self._drain = None

    def __enter__(self):
        os.makedirs(os.path.join(self.folder, "profile"), exist_ok=True)
        dovecot.hand_over(self.folder)
        environment = {**os.environ, "HOME": self.folder, "XDG_CONFIG_HOME": self.folder,
                       "XDG_CACHE_HOME": self.folder}
        try:
            self._start_driver(environment)
            options = {"args": [*_ARGUMENTS, f"--user-data-dir={self.folder}/profile"]}
            answer = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": {
                "browserName": "chrome", "goog:chromeOptions": options}}})
            self.session = answer["sessionId"]
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.session is not None:
            self._ask("DELETE", f"/session/{self.session}")
        if self.address is not None:
            self.driver.terminate()
            self.driver.wait()
            self._drain.join()
            self.driver.stdout.close()

    def _start_driver(self, environment):
        """It chooses a port of ::1 that is free, and then wants the same one of 127.0.0.1."""
        for _ in range(5):
            self.driver = subprocess.Popen(
                dovecot.unprivileged([shutil.which("chromedriver"), "--port=0"]),
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                text=True, env=environment)
            told = self._wait_for_driver()
            if self.address is not None:
                return
            self._stop_driver()
            if "Address already in use" not in told:
                break
        raise RuntimeError("chromedriver does not start:\n" + told)

    def _stop_driver(self):
        self.driver.terminate()
        self.driver.wait()
        self.driver.stdout.close()

    def _wait_for_driver(self):
        """It says which port it took."""
        told = []
        timer = threading.Timer(STARTS_WITHIN, self.driver.kill)
        timer.start()
        for line in self.driver.stdout:
            told.append(line)
            if "started successfully on port " in line:
                port = line.rsplit("port ", 1)[1].strip(" .\n")
                self.address = f"http://127.0.0.1:{port}"
                self._drain = threading.Thread(target=self.driver.stdout.read, daemon=True)
                self._drain.start()
                break
        timer.cancel()
        return "".join(told)

    def _ask(self, method, path, body=None):
        request = urllib.request.Request(
            self.address + path, None if body is None else json.dumps(body).encode(),
            {"Content-Type": "application/json"}, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=120) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            with error:
                raise RuntimeError(json.load(error)["value"]["message"]) from error

    def _do(self, method, path, body=None):
        return self._ask(method, f"/session/{self.session}{path}", body)

    def go(self, url):
        self._do("POST", "/url", {"url": url})

    @property
    def address_shown(self):
        return self._do("GET", "/url")

    @property
    def text(self):
        return self._do("POST", "/execute/sync",
                        {"script": "return document.body.innerText", "args": []})

    def wait_for_text(self, text):
        deadline = time.monotonic() + APPEARS_WITHIN
        while text not in self.text:
            if time.monotonic() > deadline:
                raise AssertionError(f"{text!r} does not appear at {self.address_shown}:\n"
                                     f"{self.text}")
            time.sleep(0.05)

    def _find(self, selector):
        deadline = time.monotonic() + APPEARS_WITHIN
        while True:
            found = self._do("POST", "/elements", {"using": "css selector", "value": selector})
            if found:
                return found[0][_ELEMENT]
            if time.monotonic() > deadline:
                raise AssertionError(f"there is no {selector} at {self.address_shown}:\n"
                                     f"{self.text}")
            time.sleep(0.05)

    def type(self, selector, text):
        """In the place of what is there."""
        element = self._find(selector)
        self._do("POST", f"/element/{element}/clear", {})
        self._do("POST", f"/element/{element}/value", {"text": text})

    def press(self, selector):
        self._do("POST", f"/element/{self._find(selector)}/click", {})
