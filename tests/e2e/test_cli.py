#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""The command line, and what a daemon that cannot start says."""

import os
import socket
import subprocess
import unittest

from harness import SHARED, Daemon, DaemonTest, build_folder, configuration, give_away, main

HASH = "$scrypt$ln=10,r=8,p=1$" + "A" * 22 + "$" + "A" * 43


class CommandLine(DaemonTest):
    def run_daemon(self, *arguments, as_root=False):
        """Runs it to its end."""
        command = [SHARED.program(build_folder()), *arguments]
        if not as_root:
            command = Daemon.as_unprivileged(command)
        return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=60, check=False,
                              cwd="/", env={"PATH": os.environ["PATH"]})

    def write(self, text, name="packetboat.conf"):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, 0o600)
        give_away(self.folder)
        return path

    def good(self, **settings):
        settings = {"state_directory": os.path.join(self.folder, "state"),
                    "listeners": [{"address": "127.0.0.1", "port": 0}],
                    "accounts": [{"user": "*", "auth": "passthrough",
                                  "imap": {"host": "imap.example.org"}}], **settings}
        return self.write(configuration(settings))

    def one_line(self, text):
        """What is said when it cannot start: one clear line."""
        lines = text.rstrip("\n").split("\n")
        self.assertEqual(len(lines), 1, text)
        return lines[0]

    def test_help_goes_to_stdout_and_names_every_option(self):
        done = self.run_daemon("--help")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        for option in ("-c", "--check-config", "--dump-config", "--version", "--help",
                       "--allow-root"):
            self.assertIn(option, done.stdout)

    def test_version(self):
        done = self.run_daemon("--version")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertRegex(done.stdout, r"^packetboatd [0-9]+\.[0-9]+")

    def test_an_unknown_option_is_wrong_usage(self):
        for arguments in (("--no-such-option",), ("stray",), ("-c",)):
            with self.subTest(arguments):
                done = self.run_daemon(*arguments)
                self.assertEqual(done.stdout, "")
                self.assertNotEqual(done.returncode, 0)
                self.assertIn("packetboatd", done.stderr)

    def test_a_good_configuration_is_found_good(self):
        done = self.run_daemon("-c", self.good(), "--check-config")
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_errors_name_file_line_and_setting(self):
        rows = (
            ("unknown setting", 'accounts = ( { user = "*"; auth = "passthrough";\n'
             ' imap = { host = "x"; }; colour = "red"; } );\n', ":2:", "colour"),
            ("wrong type", "\nlimits = { sessions = \"many\"; };\n", ":2:", "sessions"),
            ("out of range", "\n\nlimits = { idle_timeout = -1; };\n", ":3:", "idle_timeout"),
            ("syntax", "accounts = (\n;\n", ":2:", ""),
            ("unknown word", 'log = { level = "loud"; };\n', ":1:", "level"),
        )
        for name, text, line, setting in rows:
            with self.subTest(name):
                path = self.write(text)
                done = self.run_daemon("-c", path, "--check-config")
                self.assertNotEqual(done.returncode, 0)
                message = self.one_line(done.stderr)
                self.assertIn(path + line, message)
                self.assertIn(setting, message)

    def test_two_accounts_of_one_name_are_an_error(self):
        account = {"user": "ada", "auth": "passthrough", "imap": {"host": "x"}}
        done = self.run_daemon("-c", self.good(accounts=[account, {**account, "user": "ADA"}]),
                               "--check-config")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("accounts[1].user", self.one_line(done.stderr))

    def test_tls_none_is_for_loopback_only(self):
        for host, good in (("127.0.0.1", True), ("localhost", True), ("imap.example.org", False)):
            with self.subTest(host):
                done = self.run_daemon("--check-config", "-c", self.good(accounts=[
                    {"user": "*", "auth": "passthrough", "imap": {"host": host, "tls": "none"}}]))
                self.assertEqual(done.returncode == 0, good, done.stderr)

    def test_verification_cannot_be_switched_off(self):
        for setting in ("verify", "tls_verify", "insecure", "verify_peer"):
            with self.subTest(setting):
                done = self.run_daemon("--check-config", "-c", self.good(accounts=[
                    {"user": "*", "auth": "passthrough",
                     "imap": {"host": "imap.example.org", setting: False}}]))
                self.assertNotEqual(done.returncode, 0)
                self.assertIn(setting, done.stderr)

    def test_a_dump_shows_defaults_and_hides_hashes_and_can_be_read_again(self):
        secret = self.write("password\n", "imap-password")
        path = self.good(accounts=[{
            "user": "ada", "auth": "password", "password_hash": HASH, "imap_password_file": secret,
            "imap": {"host": "imap.example.org"}}])
        done = self.run_daemon("-c", path, "--dump-config")
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("idle_timeout = 600", done.stdout)
        self.assertIn("port = 993", done.stdout)
        self.assertIn("***", done.stdout)
        self.assertNotIn(HASH, done.stdout)
        again = self.run_daemon("-c", self.write(done.stdout.replace("***", HASH), "again.conf"),
                                "--dump-config")
        self.assertEqual((again.returncode, again.stdout), (0, done.stdout), again.stderr)

    def test_a_missing_file_is_one_clear_line(self):
        done = self.run_daemon("-c", "/nonexistent/packetboat.conf")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("/nonexistent/packetboat.conf", self.one_line(done.stderr))

    def test_a_port_that_is_taken_is_one_clear_line(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen(1)
            port = taken.getsockname()[1]
            path = self.good(listeners=[{"address": "127.0.0.1", "port": port}])
            done = self.run_daemon("-c", path)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(str(port), done.stderr)
        self.assertRegex(done.stderr.lower(), "in use")

    def test_a_certificate_that_cannot_be_used_is_one_clear_line(self):
        path = self.good(tls={"certificate": "missing.pem", "private_key": "missing.key"})
        done = self.run_daemon("-c", path)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("missing.pem", done.stderr)

    def test_authorities_that_cannot_be_read_are_one_clear_line(self):
        for name, account in (
                ("imap", {"imap": {"host": "imap.example.org", "ca_file": "missing.pem"},
                          "user": "*", "auth": "passthrough"}),
                ("oauth", {"user": "ada@example.org", "provider": "office365",
                           "password_file": self.write("", "passwords"),
                           "oauth": {"client_id": "c", "ca_file": "missing.pem"}})):
            with self.subTest(name):
                done = self.run_daemon("-c", self.good(accounts=[account]), "--check-config")
                self.assertEqual((done.returncode, done.stdout), (1, ""))
                self.assertIn("missing.pem: No such file", self.one_line(done.stderr))

    @unittest.skipUnless(os.geteuid() == 0, "only root can try to run it as root")
    def test_it_refuses_to_be_root(self):
        done = self.run_daemon("-c", self.good(), as_root=True)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("root", self.one_line(done.stderr))
        self.assertIn("--allow-root", done.stderr)
        self.assertEqual(self.run_daemon("-c", self.good(), "--check-config",
                                         as_root=True).returncode, 0)


if __name__ == "__main__":
    main()
