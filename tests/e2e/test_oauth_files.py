#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Sign-ins on disk: who may read them, what is damaged, and what happens when the disk is full."""

import glob
import os
import shutil
import stat
import subprocess
import unittest

from harness import give_away, main
from messages import message
from oauth import OAuthTest
from outlook import Trouble

LETTER = message("one", b"text\r\n")
ROOT = os.geteuid() == 0


class FilesTest(OAuthTest):
    def start(self, **settings):
        self.start_identity(interval=1)
        self.start_outlook([LETTER])
        self.start_daemon([self.oauth_account(attention_message=False)], **settings)
        self.sign_in()

    @property
    def state(self):
        return os.path.join(self.daemon.folder, "state")

    @property
    def token_file(self):
        (path,) = glob.glob(os.path.join(self.state, "tokens", "*"))
        return path

    def reply(self):
        client = self.connect()
        reply = client.log_in(self.USER, self.password)
        client.close()
        return reply

    def contents(self, path):
        with open(path, "rb") as file:
            return file.read()

    def write(self, path, octets):
        with open(path, "wb") as file:
            file.write(octets)


class Modes(FilesTest):
    def test_only_the_daemon_may_read_them(self):
        self.start()
        for name, mode in (("tokens", 0o700), ("token.key", 0o600),
                           (os.path.relpath(self.token_file, self.state), 0o600)):
            with self.subTest(name):
                status = os.stat(os.path.join(self.state, name))
                self.assertEqual(oct(stat.S_IMODE(status.st_mode)), oct(mode))
                self.assertEqual(status.st_uid, os.stat(self.state).st_uid)
        self.assertEqual(len(self.contents(os.path.join(self.state, "token.key"))), 32)

    def test_a_file_that_others_may_read_is_refused_and_left_alone(self):
        self.start()
        self.stop()
        path = self.token_file
        for mode in (0o640, 0o604, 0o660):
            with self.subTest(oct(mode)):
                os.chmod(path, mode)
                before = self.contents(path)
                self.daemon.start()
                reply = self.assert_err(self.reply(), "SYS/PERM")
                self.assertNotIn(self.state, reply)
                self.assertIn(os.path.basename(path), self.daemon.log.text())
                self.assertEqual(self.contents(path), before)
                self.stop()
        os.chmod(path, 0o600)
        self.daemon.start()
        self.assert_ok(self.reply())

    @unittest.skipUnless(ROOT, "giving files away takes root")
    def test_a_file_of_somebody_else_is_refused(self):
        self.start()
        self.stop()
        path = self.token_file
        self.daemon.owns_its_folder = False
        owner = os.stat(path)
        os.chown(path, 12345, owner.st_gid)
        self.daemon.start()
        self.assert_err(self.reply(), "SYS/PERM")
        os.chown(path, owner.st_uid, owner.st_gid)
        self.assertEqual(self.run_tool("reload")[0], 0)
        self.assert_ok(self.reply())

    def test_a_symbolic_link_is_refused(self):
        self.start()
        self.stop()
        path = self.token_file
        elsewhere = os.path.join(self.daemon.folder, "elsewhere")
        shutil.move(path, elsewhere)
        os.symlink(elsewhere, path)
        self.daemon.start()
        self.assert_err(self.reply(), "SYS/PERM")
        self.assertTrue(os.path.islink(path))


class Damage(FilesTest):
    def test_a_damaged_file_is_set_aside(self):
        self.start()
        self.stop()
        path, whole = self.token_file, self.contents(self.token_file)
        damages = {"empty": b"", "cut": whole[:-10], "one octet": whole[:-5] + b"x" + whole[-4:],
                   "foreign": b"hello\n", "longer": whole + b"x", "head": b"x" + whole[1:]}
        for name, octets in damages.items():
            with self.subTest(name):
                for old in glob.glob(path + "*"):
                    os.unlink(old)
                self.write(path, octets)
                os.chmod(path, 0o600)
                give_away(path)
                self.daemon.start()
                self.assert_err(self.reply(), "AUTH")
                self.assertEqual(self.status()["state"], "sign-in-needed")
                (aside,) = glob.glob(path + ".damaged-*")
                self.assertEqual(self.contents(aside), octets)
                self.assertFalse(os.path.exists(path))
                self.sign_in()
                self.assert_ok(self.reply())
                self.assertEqual(self.contents(aside), octets)
                self.stop()

    def test_another_mailboxes_file_opens_nothing(self):
        """A file put in place of another: the seal says whose it is."""
        self.start_identity(interval=1)
        self.start_outlook([LETTER])
        self.directory.add_person("bob@example.org")
        self.imap.store.add_user("bob@example.org")
        self.start_daemon([self.oauth_account(attention_message=False),
                           self.oauth_account(user="bob@example.org", attention_message=False)])
        self.sign_in()
        mine = self.token_file
        self.sign_in("bob@example.org")
        self.stop()
        (other,) = set(glob.glob(os.path.join(self.state, "tokens", "*"))) - {mine}
        shutil.copy(other, mine)
        self.daemon.start()
        self.assert_err(self.reply(), "AUTH")
        self.assert_ok(self.connect().log_in("bob@example.org", self.password))

    def test_what_a_crash_left_is_cleaned_up(self):
        self.start()
        self.stop()
        left = self.token_file + ".new"
        self.write(left, b"half")
        self.daemon.start()
        self.assert_ok(self.reply())
        self.assertFalse(os.path.exists(left))


class Keys(FilesTest):
    def key(self):
        return os.path.join(self.state, "token.key")

    def test_a_key_that_is_gone_is_made_anew_and_files_are_left_alone(self):
        self.start()
        self.stop()
        path, before, key = self.token_file, self.contents(self.token_file), self.contents(
            self.key())
        os.unlink(self.key())
        self.daemon.start()
        self.assertFalse(self.reply().ok)
        self.assertEqual(self.contents(path), before)
        self.stop()
        self.write(self.key(), key)
        os.chmod(self.key(), 0o600)
        self.daemon.start()
        self.assert_ok(self.reply())

    def test_a_key_of_the_wrong_length_stops_the_daemon(self):
        self.start()
        self.stop()
        self.write(self.key(), b"short")
        self.assert_does_not_start("token.key")

    def test_a_key_that_others_may_read_stops_the_daemon(self):
        self.start()
        self.stop()
        os.chmod(self.key(), 0o644)
        self.assert_does_not_start("token.key")

    def test_a_key_that_was_named_is_not_made(self):
        self.start_outlook([LETTER])
        self.start_daemon([self.oauth_account()], ready=False,
                          token_key_file=os.path.join(self.folder, "of-mine.key"))
        self.assertNotEqual(self.daemon.wait(), 0)
        self.assertIn("of-mine.key", self.daemon.log.text())

    def test_a_credential_is_the_key(self):
        folder = os.path.join(self.folder, "credentials")
        os.mkdir(folder)
        self.write(os.path.join(folder, "token.key"), os.urandom(32))
        os.chmod(os.path.join(folder, "token.key"), 0o400)
        give_away(folder)
        self.start_identity(interval=1)
        self.start_outlook([LETTER])
        self.start_daemon([self.oauth_account()], environment={"CREDENTIALS_DIRECTORY": folder})
        self.sign_in()
        self.assertFalse(os.path.exists(self.key()))
        self.assert_ok(self.reply())

    def assert_does_not_start(self, word):
        self.daemon.launch()
        self.assertNotEqual(self.daemon.wait(), 0)
        self.assertIn(word, self.daemon.log.text())
        self.daemon.log = None


class Disk(FilesTest):
    """The old file stays whole, and the daemon goes on from memory."""

    def sign_in_for_a_moment(self):
        self.identity.faults.cue(Trouble("token authorization_code", members={"expires_in": 0}))
        self.sign_in()

    def start_on_small_disk(self):
        self.start_identity(interval=1)
        self.start_outlook([LETTER])
        folder = os.path.join(self.folder, "disk")
        os.mkdir(folder, 0o700)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k,mode=700", "none", folder],
                       check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", folder], check=False)
        give_away(folder)
        self.start_daemon([self.oauth_account(attention_message=False)], state_directory=folder)
        self.sign_in_for_a_moment()
        return folder

    def fill(self, folder):
        path = os.path.join(folder, "filler")
        with open(path, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(b"x" * 4096)
            except OSError:
                pass
        return path

    @unittest.skipUnless(ROOT, "mounting takes root")
    def test_a_full_disk(self):
        folder = self.start_on_small_disk()
        (path,) = glob.glob(os.path.join(folder, "tokens", "*"))
        before = self.contents(path)
        filler = self.fill(folder)
        self.assert_ok(self.reply())
        self.assertEqual(self.contents(path), before)
        self.daemon.log.wait("token-not-saved")
        self.assert_ok(self.reply())
        self.assertEqual(self.asked(), 1)
        status, _, complaints = self.run_tool("status")
        self.assertEqual(status, 0, complaints)
        os.unlink(filler)
        # Sooner or later it is written: at the latest when the daemon stops.
        self.stop()
        self.assertNotEqual(self.contents(path), before)
        self.daemon.start()
        self.assert_ok(self.reply())
        self.assertEqual(self.asked(), 1)

    @unittest.skipUnless(ROOT, "mounting takes root")
    def test_a_sign_in_that_cannot_be_stored_fails(self):
        folder = self.start_on_small_disk()
        self.fill(folder)
        tool = self.tool("login", self.USER, "--paste", interactive=True)
        tool.answer(self.browser.press(tool.line(), self.USER))
        status, rest, complaints = tool.finish()
        self.assertEqual((status, rest), (1, ""), complaints)

    def test_a_folder_that_cannot_be_written(self):
        self.start_identity(interval=1)
        self.start_outlook([LETTER])
        self.start_daemon([self.oauth_account(attention_message=False)])
        self.sign_in_for_a_moment()
        path = self.token_file
        before = self.contents(path)
        os.chmod(os.path.dirname(path), 0o500)
        self.addCleanup(os.chmod, os.path.dirname(path), 0o700)
        self.assert_ok(self.reply())
        self.daemon.log.wait("token-not-saved")
        self.assertEqual(self.contents(path), before)
        os.chmod(os.path.dirname(path), 0o700)
        self.stop()
        self.assertNotEqual(self.contents(path), before)

    def test_state_that_was_wiped_loses_the_sign_in_and_nothing_else(self):
        self.start()
        self.assert_ok(self.reply())
        self.stop()
        for name in os.listdir(self.state):
            path = os.path.join(self.state, name)
            shutil.rmtree(path) if os.path.isdir(path) else os.unlink(path)
        self.daemon.start()
        self.assert_err(self.reply(), "AUTH")
        self.sign_in()
        self.assert_ok(self.reply())


if __name__ == "__main__":
    main()
