#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""packetboat passwd: hashes from a pipe and from a terminal, and changes of a password_file."""

import base64
import fcntl
import hashlib
import os
import re
import select
import signal
import stat
import subprocess
import tempfile
import termios
import time
import unittest

TOOL = os.path.join(os.environ.get("PACKETBOAT_BUILD", "build"), "daemon", "packetboat")
HASH = re.compile(r"\$scrypt\$ln=15,r=8,p=1\$([A-Za-z0-9+/]{22})\$([A-Za-z0-9+/]{43})")
PATIENCE = 20  # seconds; for slow machines and sanitizers, never waited out when all is well


def run(*arguments, stdin=b""):
    return subprocess.run([TOOL, *arguments], input=stdin, capture_output=True, timeout=PATIENCE,
                          check=False)


def is_hash_of(text, password):
    match = HASH.fullmatch(text)
    if match is None:
        return False
    salt, expected = (base64.b64decode(part + "=" * (-len(part) % 4)) for part in match.groups())
    return hashlib.scrypt(password, salt=salt, n=1 << 15, r=8, p=1, dklen=32,
                          maxmem=1 << 26) == expected


class Terminal:
    """A command on a terminal of its own, with standard output apart."""

    def __init__(self, *command):
        read_end, write_end = os.pipe()
        # The slave stays open here too, so that its settings can be looked at after the tool's end.
        self.master, self.slave = os.openpty()
        self.process = os.fork()
        if self.process == 0:
            try:
                os.login_tty(os.dup(self.slave))
                os.dup2(write_end, 1)
                os.execvp(command[0], command)
            finally:
                os._exit(127)
        os.close(write_end)
        self.output = os.fdopen(read_end, "rb")
        self.shown = b""
        self.status = None

    def wait_for(self, text, count=1):
        deadline = time.monotonic() + PATIENCE
        while self.shown.count(text) < count:
            ready, _, _ = select.select([self.master], [], [], deadline - time.monotonic())
            if not ready:
                raise AssertionError(f"waited in vain for {text!r}; there is {self.shown!r}")
            self.shown += os.read(self.master, 1024)

    def type(self, text):
        os.write(self.master, text)

    def echoes(self):
        return bool(termios.tcgetattr(self.slave)[3] & termios.ECHO)

    def wait(self):
        """The exit code, or the negated signal."""
        _, self.status = os.waitpid(self.process, 0)
        return os.waitstatus_to_exitcode(self.status)

    def close(self):
        if self.status is None:
            os.kill(self.process, signal.SIGKILL)
            os.waitpid(self.process, 0)
        os.close(self.master)
        os.close(self.slave)
        self.output.close()


class Arguments(unittest.TestCase):
    def test_help_and_version(self):
        for arguments, words in ((["--help"], b"passwd"), (["-h"], b"passwd"),
                                 (["passwd", "--help"], b"--file"), (["--version"], b"packetboat ")):
            with self.subTest(arguments=arguments):
                done = run(*arguments)
                self.assertEqual((done.returncode, done.stderr), (0, b""))
                self.assertIn(words, done.stdout)

    def test_wrong_usage_is_one_line_and_2(self):
        for arguments in ([], ["nonsense"], ["--nonsense"], ["passwd", "--nonsense"],
                          ["passwd", "secret"], ["passwd", "--file"], ["passwd", "--file", "/dev/null"],
                          ["passwd", "--file", "/dev/null", "a", "b"]):
            with self.subTest(arguments=arguments):
                done = run(*arguments, stdin=b"secret\n")
                self.assertEqual((done.returncode, done.stdout), (2, b""))
                self.assertEqual(done.stderr.count(b"\n"), 1, done.stderr)

    def test_output_that_cannot_be_written_is_1(self):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([TOOL, "passwd"], input=b"secret\n", stdout=full,
                                  stderr=subprocess.PIPE, timeout=PATIENCE, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr.count(b"\n"), 1, done.stderr)


class Pipe(unittest.TestCase):
    def test_hashes(self):
        rows = (("a line", b"secret\n", b"secret"),
                ("no line end", b"secret", b"secret"),
                ("CRLF", b"secret\r\n", b"secret"),
                ("spaces count", b"  se cret \n", b"  se cret "),
                ("8-bit", "pässwörd €\n".encode(), "pässwörd €".encode()),
                ("only the first line", b"secret\nother\n", b"secret"),
                ("a CR within", b"se\rcret\n", b"se\rcret"),
                ("longest", b"x" * 255 + b"\n", b"x" * 255),
                ("longest, CRLF", b"x" * 255 + b"\r\n", b"x" * 255))
        for name, stdin, password in rows:
            with self.subTest(name):
                done = run("passwd", stdin=stdin)
                self.assertEqual((done.returncode, done.stderr), (0, b""))
                self.assertTrue(done.stdout.endswith(b"\n"))
                self.assertTrue(is_hash_of(done.stdout[:-1].decode(), password), done.stdout)

    def test_refusals(self):
        for name, stdin in (("nothing", b""), ("empty line", b"\n"), ("empty, CRLF", b"\r\n"),
                            ("too long", b"x" * 256 + b"\n"), ("too long, no end", b"x" * 256),
                            ("a CR too long", b"x" * 255 + b"\rx\n"), ("NUL", b"sec\0ret\n")):
            with self.subTest(name):
                done = run("passwd", stdin=stdin)
                self.assertEqual((done.returncode, done.stdout), (1, b""))
                self.assertEqual(done.stderr.count(b"\n"), 1, done.stderr)
                self.assertNotIn(b"sec", done.stderr)

    def test_salts_differ(self):
        self.assertNotEqual(run("passwd", stdin=b"a\n").stdout, run("passwd", stdin=b"a\n").stdout)

    def test_the_rest_is_left_to_the_next_reader(self):
        done = subprocess.run(["sh", "-c", '"$0" passwd >/dev/null && cat', TOOL],
                              input=b"secret\nthe rest\n", capture_output=True, timeout=PATIENCE,
                              check=False)
        self.assertEqual(done.stdout, b"the rest\n")


class OnTerminal(unittest.TestCase):
    def start(self, *command):
        terminal = Terminal(*(command or (TOOL, "passwd")))
        self.addCleanup(terminal.close)
        terminal.wait_for(b"Password: ")
        return terminal

    def finish(self, terminal, code):
        self.assertEqual(terminal.wait(), code)
        self.assertTrue(terminal.echoes())

    def test_asks_twice_without_echo(self):
        terminal = self.start()
        self.assertFalse(terminal.echoes())
        terminal.type(b"secret\n")
        terminal.wait_for(b"again: ")
        self.assertFalse(terminal.echoes())
        terminal.type(b"secret\n")
        self.finish(terminal, 0)
        self.assertTrue(is_hash_of(terminal.output.read().decode().rstrip("\n"), b"secret"))
        self.assertNotIn(b"secret", terminal.shown)

    def test_different_passwords(self):
        terminal = self.start()
        terminal.type(b"secret\n")
        terminal.wait_for(b"again: ")
        terminal.type(b"secrat\n")
        terminal.wait_for(b"differ")
        self.finish(terminal, 1)
        self.assertEqual(terminal.output.read(), b"")

    def test_end_of_input(self):
        terminal = self.start()
        terminal.type(b"\x04")
        terminal.wait_for(b"no password")
        self.finish(terminal, 1)

    def test_too_long(self):
        terminal = self.start()
        terminal.type(b"x" * 300 + b"\n")
        terminal.wait_for(b"255")
        self.finish(terminal, 1)
        # What was left of the line is not for the shell.
        self.assertEqual(fcntl.ioctl(terminal.slave, termios.FIONREAD, b"\0" * 4), b"\0" * 4)

    def test_interrupt_restores_the_terminal(self):
        for key, number in ((b"\x03", signal.SIGINT), (b"\x1c", signal.SIGQUIT)):
            with self.subTest(number.name):
                terminal = self.start()
                terminal.type(b"sec" + key)
                self.finish(terminal, -number)

    def test_termination_restores_the_terminal(self):
        terminal = self.start()
        os.kill(terminal.process, signal.SIGTERM)
        self.finish(terminal, -signal.SIGTERM)

    def test_stop_and_continue(self):
        # With a shell that does what an interactive one does with jobs.
        terminal = self.start("sh", "-c", 'set -m; "$0" passwd; echo stopped >&2; read go; fg', TOOL)
        terminal.type(b"sec\x1a")
        terminal.wait_for(b"stopped")
        self.assertTrue(terminal.echoes())
        terminal.type(b"go\n")
        terminal.wait_for(b"Password: ", count=2)
        self.assertFalse(terminal.echoes())
        terminal.type(b"secret\n")
        terminal.wait_for(b"again: ")
        terminal.type(b"secret\n")
        self.finish(terminal, 0)
        self.assertTrue(is_hash_of(terminal.output.read().decode().splitlines()[-1], b"secret"))


class PasswordFile(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.file = os.path.join(self.folder, "passwords")

    def write(self, text, mode=0o600):
        with open(self.file, "wb") as file:
            file.write(text)
        os.chmod(self.file, mode)

    def read(self):
        with open(self.file, "rb") as file:
            return file.read()

    def set(self, name, password=b"secret", file=None, code=0):
        done = run("passwd", "--file", file or self.file, name, stdin=password + b"\n")
        self.assertEqual((done.returncode, done.stdout), (code, b""), done.stderr)
        self.assertEqual(done.stderr.count(b"\n"), 0 if code == 0 else 1, done.stderr)
        return done.stderr

    def assert_hash(self, line, name, password=b"secret"):
        owner, _, text = line.decode().partition(":")
        self.assertEqual(owner, name)
        self.assertTrue(is_hash_of(text, password), line)

    def assert_no_leftovers(self, *expected):
        self.assertEqual(sorted(os.listdir(self.folder)), sorted(expected or ["passwords"]))

    def test_new_file(self):
        self.set("helpdesk@example.org")
        self.assertTrue(self.read().endswith(b"\n"))
        self.assert_hash(self.read()[:-1], "helpdesk@example.org")
        self.assertEqual(stat.S_IMODE(os.stat(self.file).st_mode), 0o600)
        self.assert_no_leftovers()

    def test_relative_path(self):
        done = subprocess.run([os.path.abspath(TOOL), "passwd", "-f", "passwords", "a"],
                              input=b"secret\n", cwd=self.folder, timeout=PATIENCE, check=False)
        self.assertEqual(done.returncode, 0)
        self.assert_hash(self.read()[:-1], "a")

    def test_replaces_one_line_and_keeps_the_rest(self):
        before = b"# comment: with a colon\n\na:$1\nBob@x:$2\r\nab:$3\nno colon\n:\nb\xff:\0\n"
        self.write(before)
        self.set("bob@X")
        after = self.read().split(b"\n")
        self.assert_hash(after[3], "bob@X")
        after[3] = b"Bob@x:$2\r"
        self.assertEqual(b"\n".join(after), before)

    def test_adds_a_line(self):
        self.write(b"a:$1\nb:$2")  # no line end: not to be joined with what comes
        self.set("c")
        lines = self.read().split(b"\n")
        self.assertEqual(lines[:2], [b"a:$1", b"b:$2"])
        self.assert_hash(lines[2], "c")
        self.assertEqual(lines[3:], [b""])

    def test_later_lines_of_the_same_name_go(self):
        self.write(b"a:$1\nb:$2\nA:$3\n")
        self.set("a")
        lines = self.read().split(b"\n")
        self.assert_hash(lines[0], "a")
        self.assertEqual(lines[1:], [b"b:$2", b""])

    def test_mode(self):
        for mode, expected in ((0o600, 0o600), (0o640, 0o640), (0o660, 0o660), (0o644, 0o640)):
            with self.subTest(oct(mode)):
                self.write(b"a:$1\n", mode)
                self.set("a")
                self.assertEqual(stat.S_IMODE(os.stat(self.file).st_mode), expected)

    @unittest.skipUnless(os.geteuid() == 0, "only root can give files away")
    def test_owner(self):
        self.write(b"a:$1\n")
        os.chown(self.file, 12, 34)
        self.set("a")
        status = os.stat(self.file)
        self.assertEqual((status.st_uid, status.st_gid), (12, 34))

    def test_symbolic_link_stays_one(self):
        self.write(b"a:$1\n")
        os.mkdir(os.path.join(self.folder, "links"))
        link = os.path.join(self.folder, "links", "link")
        os.symlink("../passwords", link)
        self.set("b", file=link)
        self.assertTrue(os.path.islink(link))
        self.assertEqual(self.read().split(b"\n")[0], b"a:$1")
        self.assert_hash(self.read().split(b"\n")[1], "b")
        self.assertEqual(os.listdir(os.path.join(self.folder, "links")), ["link"])

    def test_symbolic_link_to_nothing(self):
        link = os.path.join(self.folder, "link")
        os.symlink(self.file, link)
        self.assertIn(b"symbolic link", self.set("a", file=link, code=1))
        self.assert_no_leftovers("link")

    def test_not_a_file(self):
        self.assertIn(b"regular file", self.set("a", file=self.folder, code=1))
        self.set("a", file=os.path.join(self.folder, "no", "such"), code=1)
        os.mkfifo(self.file)
        self.assertIn(b"regular file", self.set("a", code=1))
        self.assert_no_leftovers()

    def test_folder_that_cannot_be_written(self):
        self.write(b"a:$1\n")
        before = os.stat(self.file).st_ino
        command = [TOOL, "passwd", "--file", self.file, "a"]
        if os.geteuid() == 0:
            # Root writes wherever it likes, so the tool runs as somebody else.
            os.chmod(self.folder, 0o755)
            os.chmod(self.file, 0o644)
            command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *command]
        else:
            os.chmod(self.folder, 0o555)
            self.addCleanup(os.chmod, self.folder, 0o700)
        done = subprocess.run(command, input=b"secret\n", capture_output=True, timeout=PATIENCE,
                              check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"Permission denied", done.stderr)
        self.assertEqual((self.read(), os.stat(self.file).st_ino), (b"a:$1\n", before))
        self.assert_no_leftovers()

    def test_bad_names(self):
        self.write(b"a:$1\n")
        for name in ("", "a:b", "a\nb", "a\rb", "a\x7f", "#a", " a", "a ", "x" * 256):
            with self.subTest(name):
                self.set(name, code=2)
                self.assertEqual(self.read(), b"a:$1\n")

    def test_good_names(self):
        for name in ("a b", "ä@example.org", "x" * 255, "-", "a#b"):
            with self.subTest(name):
                self.set(name)
                self.assert_hash(self.read().split(b"\n")[-2], name)

    def test_a_wrong_password_changes_nothing(self):
        self.write(b"a:$1\n")
        self.set("a", password=b"", code=1)
        self.assertEqual(self.read(), b"a:$1\n")

    def test_changes_at_the_same_time_all_count(self):
        names = [f"user{number}" for number in range(8)]
        tools = [subprocess.Popen([TOOL, "passwd", "--file", self.file, name],
                                  stdin=subprocess.PIPE) for name in names]
        for tool in tools:
            tool.communicate(b"secret\n", timeout=PATIENCE)
            self.assertEqual(tool.returncode, 0)
        found = [line.split(b":")[0].decode() for line in self.read().splitlines()]
        self.assertEqual(sorted(found), names)
        self.assert_no_leftovers()


if __name__ == "__main__":
    unittest.main()
