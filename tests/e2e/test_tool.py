#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""packetboat at its own end: the command line, daemons that are not what they should be, and what
`login` shows, asks and serves while a daemon that is played says what comes next."""

import json
import os
import re
import signal
import socket
import subprocess
import tempfile
import threading

from control import TOOL, ControlTest, run
from harness import CEILING, eventually, main


class FakeDaemon:
    """Answers the first connection with these objects (or lines), whatever it says, and closes."""

    def __init__(self, test, answers, close=True):
        self.folder = tempfile.mkdtemp(dir=test.folder)
        self.path = os.path.join(self.folder, "control.sock")
        self.requests = []
        self._answers = answers
        self._close = close
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(self.path)
        self._listening.listen()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        test.addCleanup(self.stop)

    def _serve(self):
        connection, _ = self._listening.accept()
        with connection, connection.makefile("rb") as lines:
            self.requests.append(json.loads(lines.readline()))
            for answer in self._answers:
                octets = answer if isinstance(answer, bytes) else json.dumps(
                    answer, ensure_ascii=False).encode() + b"\n"
                connection.sendall(octets)
            if not self._close:
                self._over.wait(CEILING)

    def stop(self):
        self._over.set()
        self._thread.join(CEILING)
        self._listening.close()


class Tool(ControlTest):
    """The command line, and daemons that are not what they should be."""

    def test_wrong_usage(self):
        for arguments in ((), ("fly",), ("--no-such-option",), ("-c",), ("--socket",),
                          ("-c", "a", "--socket", "b", "status"), ("status", "x"),
                          ("status", "--xml"), ("reload", "x"), ("doctor",), ("doctor", "a", "b"),
                          ("logout",), ("login",), ("login", "a", "b"),
                          ("login", "--device", "--paste", "a")):
            with self.subTest(arguments):
                self.assert_complaint(run(*arguments), 2, "packetboat")

    def test_help(self):
        done = run("--help")
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        for command in ("login", "logout", "status", "doctor", "reload", "passwd"):
            self.assertIn(command.encode(), done.stdout)
            with self.subTest(command):
                one = run(command, "--help")
                self.assertEqual((one.returncode, one.stderr), (0, b""))
                self.assertIn(f"Usage: packetboat {command}".encode(), one.stdout)
        self.assertRegex(run("--version").stdout, rb"^packetboat \d+\.\d+")

    def test_no_daemon_there(self):
        nowhere = os.path.join(self.folder, "control.sock")
        for command in (("status",), ("reload",), ("doctor", "a"), ("logout", "a"), ("login", "a")):
            with self.subTest(command):
                self.assert_complaint(run("--socket", nowhere, *command), 3, "no daemon", nowhere)
        self.assert_complaint(run("status", environment={"RUNTIME_DIRECTORY": self.folder}), 3,
                              nowhere)
        self.assert_complaint(run("-c", nowhere, "status"), 1, nowhere)
        self.assert_complaint(run("--socket", "/" + "x" * 200, "status"), 1, "too long")

    def test_a_daemon_that_goes_away(self):
        for answers, expected in (([], "ended the connection"), ([b"{"], "ended the connection"),
                                  ([b"nonsense\n"], "cannot be read"), ([[1]], "cannot be read"),
                                  ([{"event": "news"}], "cannot be read"),
                                  ([{"error": "bad", "remedy": "Mend it."}], "bad. Mend it.")):
            with self.subTest(expected):
                fake = FakeDaemon(self, answers)
                self.assert_complaint(run("--socket", fake.path, "status"), 1, expected)

    def test_texts_of_others_cannot_hurt_a_terminal(self):
        fake = FakeDaemon(self, [{"done": True, "status": {
            "version": "1", "pid": 1, "uptime": 1, "sessions": 0, "accounts": [
                {"user": "a\x1b[2J", "state": "failing", "last_error": "b\nc\x9b1m"}]}}])
        done = run("--socket", fake.path, "status")
        self.assertEqual(done.returncode, 0)
        self.assertNotIn(b"\x1b", done.stdout)
        self.assertNotIn("\x9b".encode(), done.stdout)
        self.assertIn(b"a?[2J", done.stdout)

    def test_an_error_is_one_line(self):
        fake = FakeDaemon(self, [{"error": "a\nb\x1b"}])
        self.assert_complaint(run("--socket", fake.path, "reload"), 1, "a?b?")


class Peer:
    """The daemon's end of a connection."""

    def __init__(self, connection):
        self._connection = connection
        self._lines = connection.makefile("rb")

    def say(self, **message):
        self._connection.sendall(json.dumps(message).encode() + b"\n")

    def hear(self):
        """None: the tool has closed."""
        line = self._lines.readline()
        return json.loads(line) if line else None

    def hang_up(self):
        self._lines.close()
        self._connection.close()


class Login(ControlTest):
    """What `packetboat login` does at its end, with a daemon that is played."""

    URL = "https://login.example.org/authorize?client_id=x&state=y"

    def start_login(self, *arguments, environment=None, stdin=subprocess.DEVNULL):
        # A new session: no terminal of the test's.
        process = subprocess.Popen(
            [TOOL, "--socket", self.path, "login", *arguments, "ada"], stdin=stdin,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
            env={"PATH": os.environ["PATH"], **(environment or {})})
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.stderr.close)
        self.addCleanup(process.kill)
        return process

    def play(self):
        """Takes the place of the daemon; accept() gives its end of the connection."""
        folder = tempfile.mkdtemp(dir=self.folder)
        self.path = os.path.join(folder, "control.sock")
        listening = socket.socket(socket.AF_UNIX)
        self.addCleanup(listening.close)
        listening.settimeout(CEILING)
        listening.bind(self.path)
        listening.listen()
        return listening

    def accept(self, listening):
        connection, _ = listening.accept()
        connection.settimeout(CEILING)
        peer = Peer(connection)
        self.addCleanup(peer.hang_up)
        return peer

    @staticmethod
    def get(port, target, method="GET"):
        with socket.create_connection(("127.0.0.1", port), timeout=CEILING) as browser:
            browser.sendall(f"{method} {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            answer = b""
            while True:
                octets = browser.recv(65536)
                if not octets:
                    return answer
                answer += octets

    def finish(self, process, code, stdout, *words):
        out, err = process.communicate(timeout=CEILING)
        self.assertEqual((process.returncode, out), (code, stdout), err)
        for word in words:
            self.assertIn(word.encode(), err)
        return err

    def begin_browser(self, **arguments):
        listening = self.play()
        process = self.start_login(**arguments)
        peer = self.accept(listening)
        request = peer.hear()
        match = re.fullmatch(r"http://localhost:(\d+)/", request.pop("redirect_uri"))
        self.assertEqual(request, {"command": "login", "account": "ada", "flow": "browser"})
        return process, peer, int(match.group(1))

    def test_browser(self):
        process, peer, port = self.begin_browser()
        peer.say(event="open", url=self.URL, redirect_uri=f"http://localhost:{port}/")
        self.assertEqual(process.stdout.readline().decode(), self.URL + "\n")
        # What a browser asks for besides.
        self.assertIn(b" 404 ", self.get(port, "/favicon.ico"))
        self.assertIn(b" 400 ", self.get(port, "/"))
        self.assertIn(b" 405 ", self.get(port, "/?code=1", "POST"))
        page = []
        browser = threading.Thread(
            target=lambda: page.append(self.get(port, "/?code=a%20b&state=y")), daemon=True)
        browser.start()
        self.assertEqual(peer.hear(), {"answer": "code=a%20b&state=y"})
        self.assertIn(b" 409 ", self.get(port, "/?code=2"))
        self.assertEqual(page, [])
        peer.say(event="accepted")
        browser.join(CEILING)
        self.assertTrue(page[0].startswith(b"HTTP/1.1 200 "), page)
        self.assertIn(b"Connection: close", page[0])
        self.assertNotIn(b"a%20b", page[0])
        peer.say(event="check")
        peer.say(event="something-newer")
        peer.say(done=True, account="ada")
        self.finish(process, 0, b"signed in: ada\n", "mailbox opens")

    def test_browser_and_a_refusal(self):
        process, peer, port = self.begin_browser()
        peer.say(event="open", url=self.URL, redirect_uri=f"http://localhost:{port}/")
        page = []
        browser = threading.Thread(
            target=lambda: page.append(self.get(port, "/?error=access_denied&state=y")),
            daemon=True)
        browser.start()
        self.assertEqual(peer.hear(), {"answer": "error=access_denied&state=y"})
        peer.say(error="the person said no", remedy="Say yes.")
        self.finish(process, 1, self.URL.encode() + b"\n",
                    "packetboat login: the person said no. Say yes.\n")
        browser.join(CEILING)
        self.assertIn(b"did not work", page[0])

    def test_browser_where_the_account_says(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            fixed = free.getsockname()[1]
        process, peer, port = self.begin_browser()
        peer.say(event="open", url=self.URL, redirect_uri=f"http://localhost:{fixed}/cb/x")
        self.assertEqual(process.stdout.readline().decode(), self.URL + "\n")
        with self.assertRaises(ConnectionRefusedError):
            self.get(port, "/?code=1")
        self.assertIn(b" 404 ", self.get(fixed, "/?code=1"))
        browser = threading.Thread(target=lambda: self.get(fixed, "/cb/x?code=1"), daemon=True)
        browser.start()
        self.assertEqual(peer.hear(), {"answer": "code=1"})
        peer.say(done=True, account="ada")
        self.finish(process, 0, b"signed in: ada\n")
        browser.join(CEILING)

    def test_browser_where_the_port_is_taken(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            process, peer, _ = self.begin_browser()
            peer.say(event="open", url=self.URL,
                     redirect_uri=f"http://localhost:{taken.getsockname()[1]}/")
            self.finish(process, 1, b"", "cannot listen on port")
        self.assertIsNone(peer.hear())

    def test_browser_that_ends_elsewhere(self):
        process, peer, port = self.begin_browser(stdin=subprocess.PIPE)
        peer.say(event="open", url=self.URL, redirect_uri="https://example.org/cb")
        self.assertEqual(process.stdout.readline().decode(), self.URL + "\n")
        with self.assertRaises(ConnectionRefusedError):
            self.get(port, "/?code=1")
        process.stdin.write(b"\n  https://example.org/cb?code=1&state=y \n")
        process.stdin.flush()
        self.assertEqual(peer.hear(), {"answer": "https://example.org/cb?code=1&state=y"})
        peer.say(done=True, account="ada")
        self.finish(process, 0, b"signed in: ada\n", "paste it here")

    def test_a_browser_is_opened(self):
        program = os.path.join(self.folder, "browser")
        shown = os.path.join(self.folder, "shown")
        with open(program, "w", encoding="ascii") as file:
            file.write(f'#!/bin/sh\necho "$@" > {shown}.new\nmv {shown}.new {shown}\n')
        os.chmod(program, 0o755)
        process, peer, port = self.begin_browser(environment={"BROWSER": f"{program} --tab %s"})
        peer.say(event="open", url=self.URL, redirect_uri=f"http://localhost:{port}/")
        eventually(lambda: os.path.exists(shown), "the browser")
        with open(shown, encoding="ascii") as file:
            self.assertEqual(file.read(), f"--tab {self.URL}\n")
        peer.say(done=True, account="ada")
        self.finish(process, 0, f"{self.URL}\nsigned in: ada\n".encode())

    def test_device(self):
        listening = self.play()
        process = self.start_login("--device")
        peer = self.accept(listening)
        self.assertEqual(peer.hear(),
                         {"command": "login", "account": "ada", "flow": "device"})
        peer.say(event="device", url="https://example.org/device", user_code="AB-CD",
                 expires_in=900)
        self.assertEqual(process.stdout.readline(), b"https://example.org/device\n")
        self.assertEqual(process.stdout.readline(), b"AB-CD\n")
        peer.say(event="check")
        peer.say(done=True, account="ada")
        self.finish(process, 0, b"signed in: ada\n", "15 min")

    def test_paste(self):
        address = "https://x/y?code=1&state=y"
        for pasted, expected in ((f"  {address}\r\n".encode(), address),
                                 (b"\n\nM.C5_x\n", "M.C5_x"), (b"no-line-end", "no-line-end")):
            with self.subTest(expected):
                listening = self.play()
                process = self.start_login("--paste", stdin=subprocess.PIPE)
                peer = self.accept(listening)
                self.assertEqual(peer.hear(),
                                 {"command": "login", "account": "ada", "flow": "paste"})
                peer.say(event="open", url=self.URL, redirect_uri="https://x/y")
                self.assertEqual(process.stdout.readline().decode(), self.URL + "\n")
                process.stdin.write(pasted)
                process.stdin.close()
                process.stdin = None
                self.assertEqual(peer.hear(), {"answer": expected})
                peer.say(event="accepted")
                peer.say(done=True, account="ada")
                self.finish(process, 0, b"signed in: ada\n")

    def test_paste_of_nothing(self):
        for pasted, expected in ((b"", "no address was given"), (b" \n\n", "no address was given"),
                                 (b"\xff\n", "no address, and no code"),
                                 (b"x" * 70000 + b"\n", "too long")):
            with self.subTest(expected):
                listening = self.play()
                process = self.start_login("--paste", stdin=subprocess.PIPE)
                peer = self.accept(listening)
                peer.hear()
                peer.say(event="open", url=self.URL, redirect_uri="https://x/y")
                out, err = process.communicate(pasted, timeout=CEILING)
                self.assertEqual((process.returncode, out), (1, self.URL.encode() + b"\n"), err)
                self.assertIn(expected.encode(), err.splitlines()[-1])
                self.assertIsNone(peer.hear())

    def on_terminal(self):
        """Begins in a browser's stead: standard input is a terminal. Its other end comes last."""
        master, slave = os.openpty()
        self.addCleanup(os.close, master)
        process, peer, port = self.begin_browser(stdin=slave)
        os.close(slave)
        peer.say(event="open", url=self.URL, redirect_uri=f"http://localhost:{port}/")
        self.assertEqual(process.stdout.readline().decode(), self.URL + "\n")
        return process, peer, port, master

    def test_a_browser_elsewhere_and_a_terminal_here(self):
        process, peer, port, terminal = self.on_terminal()
        os.write(terminal, f"http://localhost:{port}/?code=1&state=y\n".encode())
        self.assertEqual(peer.hear(), {"answer": f"http://localhost:{port}/?code=1&state=y"})
        # Whatever the browser brings now comes too late.
        peer.say(event="accepted")
        peer.say(done=True, account="ada")
        self.finish(process, 0, b"signed in: ada\n", "paste it here")

    def test_a_terminal_that_cuts_what_is_pasted(self):
        process, peer, port, terminal = self.on_terminal()
        os.write(terminal, b"http://localhost/?code=")
        for _ in range(50):
            os.write(terminal, b"x" * 100)
        os.write(terminal, b"\n")
        self.finish(process, 1, b"", "its end is missing")
        self.assertIsNone(peer.hear())

    def test_a_terminal_at_its_end(self):
        process, peer, port, terminal = self.on_terminal()
        os.write(terminal, b"\x04")
        # The browser may come all the same.
        browser = threading.Thread(target=lambda: self.get(port, "/?code=1"), daemon=True)
        browser.start()
        self.assertEqual(peer.hear(), {"answer": "code=1"})
        peer.say(done=True, account="ada")
        self.finish(process, 0, b"signed in: ada\n")
        browser.join(CEILING)

    def test_interrupted(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(number.name):
                process, peer, port = self.begin_browser()
                peer.say(event="open", url=self.URL,
                         redirect_uri=f"http://localhost:{port}/")
                self.assertEqual(process.stdout.readline().decode(), self.URL + "\n")
                process.send_signal(number)
                err = self.finish(process, 1, b"")
                self.assertEqual(err.splitlines()[-1],
                                 b"packetboat login: cancelled; nothing was changed")
                self.assertIsNone(peer.hear())

    def test_a_daemon_that_goes_away(self):
        process, peer, port = self.begin_browser()
        peer.say(event="open", url=self.URL, redirect_uri=f"http://localhost:{port}/")
        self.assertEqual(process.stdout.readline().decode(), self.URL + "\n")
        peer.hang_up()
        self.finish(process, 1, b"", "the daemon has ended the connection")


if __name__ == "__main__":
    main()
