#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Tokens that look after themselves: when they are fetched, how often, and what a crash does."""

import glob
import os
import random
import threading
import time

from harness import main
from messages import message
from oauth import OAuthTest
from outlook import Fault, Trouble

LETTER = message("one", b"text\r\n")
# A token that has less than this left is not begun with.
MARGIN = 600


class RefreshTest(OAuthTest):
    """`lasts`: how long the token of the sign-in does; later ones last an hour."""

    def start(self, lasts=3599, messages=(LETTER,), **account):
        self.start_identity(interval=1, access_seconds=lasts)
        self.start_outlook(messages)
        # A login that succeeds is one that found the mailbox, not a message about it.
        self.start_daemon([self.oauth_account(attention_message=False, **account)])
        self.sign_in()
        self.identity.settings.access_seconds = 3599

    def restart(self, kill=False):
        for client in self.clients:
            client.close()
        self.clients.clear()
        if kill:
            self.daemon.kill()
        else:
            self.assertEqual(self.daemon.stop(), 0)
        secrets = self.secrets | set(self.identity.tokens.texts())
        self.assertEqual(self.daemon.complaints(secrets), [])
        self.daemon.start()

    def session(self):
        """One, from login to QUIT."""
        client = self.log_in()
        self.assertEqual(client.stat()[0], 1)
        self.assert_ok(self.quit(client))


class Cached(RefreshTest):
    def test_a_login_with_a_cached_token_asks_nobody(self):
        self.start()
        before = self.asked("token")
        for _ in range(5):
            self.session()
        self.assertEqual(self.asked("token"), before)

    def test_nor_does_one_behind_a_restart(self):
        self.start()
        before = self.asked("token")
        for kill in (False, True):
            with self.subTest(kill=kill):
                self.restart(kill)
                self.session()
        self.assertEqual(self.asked("token"), before)

    def test_a_token_with_ten_minutes_left_is_good_enough(self):
        self.start(lasts=MARGIN + 60)
        self.session()
        self.assertEqual(self.asked(), 0)

    def test_one_with_less_is_refreshed_first(self):
        self.start(lasts=MARGIN - 1)
        self.session()
        self.assertEqual(self.asked(), 1)
        self.session()
        self.assertEqual(self.asked(), 1)
        self.assertEqual(self.imap.journal.names().count("AUTHENTICATE"), 3,
                         "once for the sign-in's check, once for each session")

    def test_one_with_less_serves_while_no_other_is_to_be_had(self):
        self.start(lasts=MARGIN - 1)
        self.identity.faults.cue(Trouble("token", status=503, times=None))
        for _ in range(3):
            self.session()
        self.assertEqual(self.asked(), 1, "the second and third are within the back-off")

    def test_the_server_refuses_a_cached_token(self):
        """Revoked before its time: fetched anew, and the client never knows."""
        self.start()
        self.identity.tokens.revoke_access(self.person)
        self.session()
        self.assertEqual(self.asked(), 1)
        self.assertEqual(self.imap.journal.names().count("AUTHENTICATE"), 3)
        self.session()
        self.assertEqual(self.asked(), 1)

    def test_a_session_that_outlives_its_token(self):
        self.start()
        client = self.log_in()
        self.identity.tokens.revoke_access(self.person)
        status, _ = client.retrieve(1)
        self.assert_err(status, "SYS/TEMP")
        client.close()
        self.session()
        self.assertEqual(self.asked(), 1)

    def test_a_server_that_says_so_at_login(self):
        """The BYE that comes with an expired token, in place of an answer to AUTHENTICATE."""
        self.start()
        self.imap.faults.cue(Fault("SELECT", bye="Session invalidated - AccessTokenExpired"))
        client = self.connect()
        reply = client.log_in(self.USER, self.password)
        if not reply.ok:
            self.assert_err(reply, "SYS/TEMP")
        client.close()
        self.session()

    def test_a_wrong_password_touches_no_token(self):
        self.start(lasts=MARGIN - 1)
        before, logins = self.asked("token"), self.imap.accepted()
        self.assert_err(self.connect().log_in(self.USER, "wrong"), "AUTH")
        self.assertEqual((self.asked("token"), self.imap.accepted()), (before, logins))


class Together(RefreshTest):
    COUNT = 100

    def all_at_once(self, users):
        replies = {}
        ready = threading.Barrier(len(users))

        def go(user):
            client = self.connect()
            ready.wait(60)
            replies[user] = str(client.log_in(user, self.password))

        threads = [threading.Thread(target=go, args=(user,)) for user in users]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        self.assertEqual({user: reply for user, reply in replies.items()
                          if not reply.startswith("+OK")}, {})
        self.assertEqual(len(replies), len(users))

    def test_a_hundred_sessions_on_an_expired_token_make_one_refresh(self):
        """One mailbox, a folder for each: its sign-in serves them all."""
        self.start_identity(interval=1, access_seconds=1)
        self.start_outlook([LETTER])
        accounts = []
        for number in range(self.COUNT):
            self.mailbox.create(f"Folder {number}")
            accounts.append(self.oauth_account(user=f"user{number}", mailbox=self.USER,
                                               folder=f"Folder {number}",
                                               attention_message=False))
        self.start_daemon(accounts)
        self.sign_in("user0", self.USER)
        self.identity.settings.access_seconds = 3599
        self.identity.settings.latency = 0.5
        time.sleep(1.1)   # until the token is over
        self.all_at_once([account["user"] for account in accounts])
        self.assertEqual(self.asked(), 1)

    def test_a_hundred_mailboxes_of_an_application_make_one_request(self):
        self.start_outlook([LETTER])
        account = self.app_account(attention_message=False)
        names = [f"box{number}@example.org" for number in range(self.COUNT)]
        for name in names:
            box = self.imap.store.add_user(name)
            box.applications.add(self.application.client_id)
        account["user"] = "*@example.org"
        password_hash = account.pop("password_hash")
        account["password_file"] = self.file(
            "passwords", "".join(f"{name}:{password_hash}\n" for name in names))
        self.identity.settings.latency = 0.5
        self.start_daemon([account])
        self.all_at_once(names)
        self.assertEqual(self.asked("token client_credentials"), 1)


class Rotation(RefreshTest):
    def test_each_refresh_uses_the_newest(self):
        """Where a refresh token is good once, an old one would end the sign-in."""
        self.start(lasts=60)
        self.identity.settings.rotation = "strict"
        self.identity.settings.access_seconds = 60
        for kill in (None, False, None, True, None):
            self.session()
            if kill is not None:
                self.restart(kill)
        self.assertEqual(self.identity.journal.granted("token refresh_token"), 5)
        self.assertEqual(self.status()["state"], "ok")

    def test_a_provider_that_does_not_rotate(self):
        self.start(lasts=60)
        self.identity.settings.rotation = "none"
        self.identity.settings.access_seconds = 60
        self.session()
        self.restart()
        self.session()
        self.assertEqual(self.identity.journal.granted("token refresh_token"), 2)

    def test_the_token_is_on_disk_before_it_is_used(self):
        self.start(lasts=60)
        (path,) = glob.glob(os.path.join(self.daemon.folder, "state", "tokens", "*"))
        before = os.stat(path).st_ino
        seen = []
        token = self.identity.find_access

        def look(text):
            seen.append(os.stat(path).st_ino)
            return token(text)

        self.identity.find_access = look
        client = self.log_in()
        self.assertNotEqual(seen[0], before)
        client.close()

    def test_no_octet_of_a_token_is_readable_on_disk(self):
        self.start(lasts=60)
        self.session()
        self.stop()
        secrets = [text.encode() for text in self.identity.tokens.texts()]
        for folder, _, files in os.walk(os.path.join(self.daemon.folder, "state")):
            for name in files:
                with open(os.path.join(folder, name), "rb") as file:
                    octets = file.read()
                for secret in (*secrets, self.password.encode()):
                    self.assertNotIn(secret, octets, name)
                    self.assertNotIn(secret[:40], octets, name)


class Killed(RefreshTest):
    """kill -9 between any two steps of a refresh. The identity provider lets go of an old refresh
    token when the new one is used, so whoever keeps none on disk, or a stale one, is found out."""

    TIMES = 100

    def test_no_sign_in_is_lost(self):
        self.start(lasts=60)
        self.identity.settings.access_seconds = 60   # every login is a refresh
        self.identity.settings.rotation = "overlap"
        chance = random.Random(20261121)
        for number in range(self.TIMES):
            asked = self.asked()
            client = self.connect()
            self.assert_ok(client.command(f"USER {self.USER}"))
            client.send(b"PASS " + self.password.encode() + b"\r\n")
            if number % 4:
                # Around the moment when the answer comes: reading it, writing, renaming.
                self.wait_until_asked(asked + 1)
                time.sleep(chance.random() * 0.006)
            else:
                time.sleep(chance.random() * 0.02)
            self.restart(kill=True)
            client = self.connect()
            reply = client.log_in(self.USER, self.password)
            self.assertTrue(reply.ok, f"behind kill {number}: {reply}")
            client.close()
        left = os.listdir(os.path.join(self.daemon.folder, "state", "tokens"))
        self.assertLessEqual(len(left), 2, left)
        self.assertEqual(self.daemon.log.lines("attention"), [])

    def wait_until_asked(self, count):
        deadline = time.monotonic() + 60
        while self.asked() < count and time.monotonic() < deadline:
            time.sleep(0.0005)


if __name__ == "__main__":
    main()
