#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""The control socket, and the commands of packetboat as far as they go without a sign-in."""

import grp
import json
import os
import socket
import stat
import subprocess
import tempfile
import time
import unittest

from control import MESSAGES, TOOL, ControlTest, run
from harness import CEILING, eventually, give_away, main, scrypt

STATES = ("ok", "never-signed-in", "sign-in-needed", "administrator-needed", "backing-off",
          "failing")


class Socket(ControlTest):
    def missing_folder(self):
        """One that the daemon can make."""
        folder = tempfile.mkdtemp(dir=self.folder)
        os.chmod(folder, 0o755)
        give_away(folder)
        return os.path.join(folder, "made")

    def test_only_the_owner_may_use_it(self):
        self.start(runtime_directory=self.missing_folder())
        status = os.stat(self.path)
        self.assertTrue(stat.S_ISSOCK(status.st_mode))
        self.assertEqual(stat.S_IMODE(status.st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(os.stat(os.path.dirname(self.path)).st_mode), 0o750)
        self.assertEqual(os.listdir(os.path.dirname(self.path)), ["control.sock"])
        self.stop()
        self.assertEqual(os.listdir(os.path.dirname(self.path)), [])

    @unittest.skipUnless(os.geteuid() == 0, "only root can be somebody else")
    def test_others_are_turned_away(self):
        self.start()
        stranger = ("setpriv", "--reuid", "12345", "--regid", "12345", "--clear-groups")
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o755)
            tool = os.path.join(folder, "packetboat")
            with open(TOOL, "rb") as source, open(tool, "wb") as copy:
                copy.write(source.read())
            os.chmod(tool, 0o755)
            command = [*stranger, tool, "--socket", self.path, "status"]
            done = subprocess.run(command, capture_output=True, check=False, timeout=CEILING)
            self.assert_complaint(done, 1, "you may not do this")
            # Even where the file lets them in.
            os.chmod(os.path.dirname(self.path), 0o755)
            os.chmod(self.path, 0o666)
            done = subprocess.run(command, capture_output=True, check=False, timeout=CEILING)
            self.assert_complaint(done, 1, "you may not do this")
        self.daemon.log.wait("control-refused", uid="12345")
        self.assertEqual(len(self.status()["accounts"]), 0)

    @unittest.skipUnless(os.geteuid() == 0, "only root can be somebody else")
    def test_a_group_may_use_it(self):
        group = grp.getgrnam("nogroup")
        self.start(control_group=group.gr_name,
                   runtime_directory=self.missing_folder())
        self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), 0o660)
        self.assertEqual(os.stat(self.path).st_gid, group.gr_gid)
        self.assertEqual(os.stat(os.path.dirname(self.path)).st_gid, group.gr_gid)
        member = [*("setpriv", "--reuid", "12345", "--regid", "12345", "--groups"),
                  f"12345,{group.gr_gid}"]
        script = ("import socket, sys; s = socket.socket(socket.AF_UNIX); s.connect(sys.argv[1]);"
                  "s.sendall(b'{\"command\": \"status\"}\\n'); print(s.makefile().read())")
        command = ["python3", "-c", script, self.path]
        # The test's own python may be where nobody else can go.
        os.chmod(self.folder, 0o755)
        done = subprocess.run([*member, "/usr/bin/env", "-i", "PATH=/usr/bin:/bin", *command],
                              capture_output=True, check=False, timeout=CEILING)
        self.assertIn(b'"done":true', done.stdout, done.stderr)
        # A reload takes it away.
        self.reload({f'control_group = "{group.gr_name}";\n': ""})
        self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), 0o600)

    def test_a_group_that_does_not_exist(self):
        self.start_imap(MESSAGES)
        daemon = self.start_daemon(ready=False, control_group="no-such-group-here")
        self.assertEqual(daemon.wait(), 1)
        self.assertIn("no-such-group-here", daemon.log.text())

    def test_what_a_killed_daemon_left_is_replaced(self):
        daemon = self.start()
        daemon.kill()
        self.assertTrue(os.path.exists(self.path))
        self.assert_complaint(self.tool("status"), 3, "no daemon", self.path)
        daemon.start()
        self.assertEqual(self.status()["pid"], daemon.process.pid)

    def test_two_daemons_do_not_share_it(self):
        first = self.start()
        second = self.start_daemon(ready=False,
                                   runtime_directory=os.path.dirname(self.path_of(first)))
        self.assertEqual(second.wait(), 1)
        self.assertIn("another daemon", second.log.text())
        self.assertEqual(self.status()["pid"], first.process.pid)

    def test_a_folder_that_cannot_be_made(self):
        self.start_imap(MESSAGES)
        daemon = self.start_daemon(ready=False, runtime_directory="/proc/packetboat")
        self.assertEqual(daemon.wait(), 1)
        self.assertEqual(len(daemon.log.text().splitlines()), 3, daemon.log.text())
        self.assertIn("packetboatd: /proc/packetboat: ", daemon.log.text().splitlines()[-1])

    def test_without_a_folder_of_its_own_the_daemon_does_without(self):
        self.start_imap(MESSAGES)
        self.start_daemon(runtime_directory=None)
        self.assertIn("/run/packetboat", self.daemon.log.wait("control").fields["reason"])
        self.quit(self.log_in())

    def test_strangers_at_the_socket(self):
        self.start()
        rows = (
            (b"\n", "no JSON"), (b"GET / HTTP/1.1\r\n\r\n", "no JSON"), (b"[]\n", "no JSON object"),
            (b"{}\n", '"command" is missing'), (b'{"command": "status"\n', "no JSON"),
            (b'{"command": "fly"}\n', "none that this daemon knows"),
            (b'{"command": "status", "x\x1b": 1}\n', "no JSON"),
            (b'{"command": "status", "x\\u001b\\n": 1}\n', 'there is no "x??"'),
            (b'{"command": "status", "account": "a"}\n', '"account" is not for'),
            (b'{"command": "doctor"}\n', '"account" is missing'),
            (b'{"command": "doctor", "account": ["a"]}\n', '"account" is no text'),
            (b'{"command": "status"}\0\n', "no JSON"), (b"\xff\xfe\n", "no JSON"),
            (b"[" * 60000 + b"\n", "no JSON"),
            (b'{"command": "' + b"x" * 70000 + b'"}\n', "too long"),
            (b"x" * 300000 + b"\n", "too long"),
        )
        for line, expected in rows:
            with self.subTest(line[:40]):
                answer = self.ask(line)
                self.assertEqual(answer.count("\n"), 1, answer)
                self.assertIn(expected, json.loads(answer)["error"])
        self.assertEqual(self.status()["pid"], self.daemon.process.pid)

    def test_a_request_may_come_octet_by_octet(self):
        self.start()
        connection = self.dial()
        for octet in b'{"command": "status"}\r\n':
            connection.sendall(bytes([octet]))
        self.assertIs(json.loads(self.read_all(connection))["done"], True)

    def test_a_peer_may_close_its_half(self):
        self.start()
        connection = self.dial()
        connection.sendall(b'{"command": "status"}\n{"command": "reload"}\n')
        connection.shutdown(socket.SHUT_WR)
        answer = self.read_all(connection)
        # One command a connection.
        self.assertEqual(answer.count("\n"), 1, answer)
        self.assertEqual(self.daemon.log.lines("reloaded"), [])

    def test_connections_have_a_ceiling(self):
        self.start()
        held = [self.dial() for _ in range(32)]
        self.assertIn("too many", json.loads(self.ask(b'{"command": "status"}\n'))["error"])
        self.assert_complaint(self.tool("status"), 1, "too many")
        held.pop().close()
        eventually(lambda: self.tool("status").returncode == 0, "room for one more")

    def test_connections_are_closed_when_it_stops(self):
        self.start()
        connection = self.dial()
        self.assertEqual(self.stop(), 0)
        self.assertEqual(connection.recv(1), b"")

    def test_the_log_tells_who_did_what(self):
        self.start()
        self.status()
        self.assertEqual(self.tool("reload").returncode, 0)
        line = self.daemon.log.wait("control", command="reload")
        self.assertEqual(line.fields["uid"], str(os.geteuid()))
        self.assertEqual(line.fields["result"], "done")
        self.assertEqual(self.daemon.log.lines("control", command="status"), [])

    def test_the_socket_is_found(self):
        daemon = self.start()
        rows = (
            ("by its path", ("--socket", self.path), {}),
            ("by the configuration", ("-c", daemon.configuration_file), {}),
            ("by the environment", (), {"RUNTIME_DIRECTORY": os.path.dirname(self.path)}),
            ("by the first of several", (),
             {"RUNTIME_DIRECTORY": os.path.dirname(self.path) + ":/nonexistent"}),
        )
        for name, options, environment in rows:
            with self.subTest(name):
                done = run(*options, "status", "--json", environment=environment)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertEqual(json.loads(done.stdout)["pid"], daemon.process.pid)


class Status(ControlTest):
    def setUp(self):
        super().setUp()
        self.hash = scrypt(self.password)

    def local(self, user, **settings):
        password_file = os.path.join(self.folder, "imap-password")
        if not os.path.exists(password_file):
            with open(password_file, "w", encoding="ascii") as file:
                file.write(self.password + "\n")
            os.chmod(password_file, 0o600)
            if os.geteuid() == 0:
                os.chown(password_file, 65534, 65534)
        return self.account(user=user, auth="password", mailbox=self.USER,
                            password_hash=self.hash,
                            imap_password_file=password_file, **settings)

    def assert_shape(self, status):
        """Exactly what the manual says."""
        self.assertEqual(list(status), ["version", "pid", "uptime", "sessions", "accounts"])
        for key in ("pid", "uptime", "sessions"):
            self.assertIs(type(status[key]), int, key)
        self.assertRegex(status["version"], r"^\d+\.\d+")
        for account in status["accounts"]:
            self.assertEqual(list(account), [
                "user", "provider", "auth", "state", "token_expires_in", "last_success",
                "last_error", "backoff_for", "pending_deletions", "warm", "messages"])
            self.assertIn(account["state"], (*STATES, None))
            self.assertIs(type(account["warm"]), bool)
            for key in ("backoff_for", "pending_deletions"):
                self.assertIs(type(account[key]), int, key)
            for key in ("token_expires_in", "messages"):
                self.assertIn(type(account[key]), (int, type(None)), key)
            if account["last_success"] is not None:
                self.assertRegex(account["last_success"],
                                 r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")

    def test_accounts_are_told_before_and_after_a_login(self):
        self.start_imap(MESSAGES)
        self.start([self.local("ada"), self.local("bob")])
        status = self.status()
        self.assert_shape(status)
        self.assertEqual((status["pid"], status["sessions"]), (self.daemon.process.pid, 0))
        self.assertEqual([account["user"] for account in status["accounts"]], ["ada", "bob"])
        for account in status["accounts"]:
            self.assertEqual((account["provider"], account["auth"], account["state"]),
                             ("custom", "password", "ok"))
            self.assertIsNone(account["last_success"])
            self.assertIsNone(account["messages"])
        before = int(time.time())
        client = self.log_in("ADA")
        status = self.status()
        self.assert_shape(status)
        self.assertEqual(status["sessions"], 1)
        # They open the same mailbox.
        for account in status["accounts"]:
            self.assertEqual((account["state"], account["messages"]), ("ok", 2))
            then = time.strptime(account["last_success"], "%Y-%m-%dT%H:%M:%SZ")
            self.assertLess(abs(int(time.mktime(then)) - time.timezone - before), 60)
        self.quit(client)

    def test_a_failing_account_says_why(self):
        self.start_imap(MESSAGES)
        self.start([self.local("ada")])
        self.imap.stop()
        self.assert_err(self.connect().log_in("ada", self.password), "SYS/TEMP")
        account = self.status()["accounts"][0]
        self.assertEqual(account["state"], "failing")
        self.assertIn("refused", account["last_error"])
        done = self.tool("status")
        self.assertEqual(done.returncode, 0)
        self.assertIn(b"failing", done.stdout)
        self.assertIn(account["last_error"].split()[0].encode(), done.stdout)
        self.assertIn(f"packetboat --socket {self.path} doctor ada".encode(), done.stdout)

    def test_wildcards_are_told_by_the_mailboxes_that_were_opened(self):
        self.start()
        self.assertEqual(self.status()["accounts"], [])
        self.assertIn(b"No mailbox was opened yet", self.tool("status").stdout)
        self.quit(self.log_in())
        status = self.status()
        self.assert_shape(status)
        self.assertEqual([(account["user"], account["auth"], account["messages"])
                          for account in status["accounts"]], [(self.USER, "passthrough", 2)])
        self.assertIn(self.USER.encode(), self.tool("status").stdout)

    def test_many_accounts_make_a_long_answer(self):
        count = 1500
        self.start_imap(MESSAGES)
        self.start([self.local(f"user-{number:05}@example.org") for number in range(count)])
        # Whoever does not read keeps nobody waiting.
        lazy = self.dial()
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        lazy.sendall(b'{"command": "status"}\n')
        status = self.status()
        self.assertEqual(len(status["accounts"]), count)
        self.assert_shape(status)
        client = self.log_in(f"user-{count - 1:05}@example.org")
        self.quit(client)
        accounts = json.loads(self.read_all(lazy))["status"]["accounts"]
        names = [account["user"] for account in accounts]
        self.assertEqual(names, [f"user-{number:05}@example.org" for number in range(count)])
        lines = self.tool("status").stdout.decode().splitlines()
        self.assertEqual(len(lines), count + 3)


class Reload(ControlTest):
    def test_a_good_configuration_is_taken(self):
        self.start(log={"level": "debug"})
        self.daemon.write_configuration(self.text().replace('"debug"', '"info"'))
        done = self.tool("reload")
        self.assertEqual((done.returncode, done.stdout, done.stderr), (0, b"", b""))
        self.daemon.log.wait("reloaded")

    def text(self):
        with open(self.daemon.configuration_file, encoding="utf-8") as file:
            return file.read()

    def test_a_bad_one_is_not(self):
        self.start()
        good = self.text()
        self.daemon.write_configuration(good + "colour = 1;\n")
        self.assert_complaint(self.tool("reload"), 1, "colour", self.daemon.configuration_file)
        self.daemon.write_configuration(good)
        self.assertEqual(self.tool("reload").returncode, 0)
        self.quit(self.log_in())

    def test_what_needs_a_restart_is_said(self):
        self.start()
        self.daemon.write_configuration(
            self.text().replace(f'state_directory = "{self.daemon.folder}/state"',
                                f'state_directory = "{self.daemon.folder}/other"'))
        done = self.tool("reload")
        self.assertEqual((done.returncode, done.stdout), (0, b""))
        self.assertIn(b"state_directory: the change needs a restart", done.stderr)


class Accounts(ControlTest):
    """login, logout and doctor, of accounts that have passwords."""

    def test_an_account_that_is_not_there(self):
        self.start_imap(MESSAGES)
        names = [f"user-{number}" for number in range(12)]
        self.start([self.account(user=name) for name in names])
        for command in ("login", "logout", "doctor"):
            with self.subTest(command):
                self.assert_complaint(self.tool(command, "eve"), 1, 'no account is named "eve"',
                                      "there are user-0, user-1, ", "user-9 and 2 more")

    def test_a_name_that_stands_for_many(self):
        self.start()
        self.assert_complaint(self.tool("login", "*"), 1, "stands for many")

    def test_an_account_with_a_password_has_nobody_to_sign_in(self):
        self.start()
        self.assert_complaint(self.tool("login", "ada"), 1, "with a password")
        self.assert_complaint(self.tool("logout", "ada"), 1, "with a password")
        done = self.tool("logout", "--forget", "ada")
        self.assertEqual((done.returncode, done.stdout, done.stderr),
                         (0, b"forgotten: ada\n", b""))
        self.daemon.log.wait("control", command="logout", account="ada", result="done")

    def test_what_is_kept_of_a_mailbox_can_be_forgotten(self):
        self.start_imap(MESSAGES)
        self.start([self.account(delete="keep")])
        client = self.log_in()
        self.assert_ok(client.command("DELE 1"))
        self.assert_ok(self.quit(client))
        client = self.log_in()
        self.assertEqual(client.stat()[0], 1)
        self.quit(client)
        self.assertEqual(self.tool("logout", "--forget", self.USER).returncode, 0)
        client = self.log_in()
        self.assertEqual(client.stat()[0], 2)
        self.quit(client)

    def test_the_doctor_of_a_healthy_account(self):
        self.start()
        done = self.tool("doctor", self.USER)
        self.assertEqual((done.returncode, done.stderr), (0, b""), done.stdout)
        lines = done.stdout.decode().splitlines()
        for line in lines:
            self.assertRegex(line, r"^ok   [A-Z]\S* +\S")
        self.assertTrue(any(line.startswith("ok   TLS ") for line in lines), lines)

    def test_a_doctor_that_nobody_waits_for(self):
        # A server that says nothing.
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            self.start_imap(MESSAGES)
            self.start([self.account(imap={"port": silent.getsockname()[1]})])
            connection = self.dial()
            connection.sendall(b'{"command": "doctor", "account": "ada"}\n')
            said = b""
            while b'"TCP"' not in said:
                said += connection.recv(65536)
                self.assertNotIn(b'"done"', said)
            tls, _ = silent.accept()
            with tls:
                tls.settimeout(CEILING)
                connection.close()
                # What was under way is given up at once.
                while tls.recv(65536):
                    pass
        self.assertEqual(self.status()["sessions"], 0)

    def test_the_doctor_of_a_server_that_is_away(self):
        self.start()
        self.imap.stop()
        done = self.tool("doctor", self.USER)
        self.assertEqual(done.returncode, 1)
        self.assertRegex(done.stderr.decode(), r"^packetboat doctor: \d steps? failed\n$")
        lines = done.stdout.decode().splitlines()
        failed = [number for number, line in enumerate(lines) if line.startswith("FAIL TCP ")]
        self.assertEqual(len(failed), 1, lines)
        # What to do.
        self.assertTrue(lines[failed[0] + 1].startswith("     "), lines)


if __name__ == "__main__":
    main()
