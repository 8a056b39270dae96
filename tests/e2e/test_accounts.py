#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Who may log in: local passwords, password files, wildcards, and what a stranger learns."""

import os
import pwd
import time

from harness import DaemonTest, eventually, main, scrypt
from messages import message

MESSAGES = [message("one", b"text\r\n")]
IMAP_PASSWORD = "the-password-upstream"


class Accounts(DaemonTest):
    def setUp(self):
        super().setUp()
        self.secrets.add(IMAP_PASSWORD)
        self.start_imap(MESSAGES, user="mailbox@example.org", password=IMAP_PASSWORD)
        self.password_file = self.file("imap-password", IMAP_PASSWORD + "\n")

    def file(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, 0o600)
        if os.geteuid() == 0:
            os.chown(path, pwd.getpwnam("nobody").pw_uid, -1)
        return path

    def local(self, **settings):
        """An account with a local password in front of the one mailbox upstream."""
        return {"user": self.USER, "password_hash": scrypt(self.password),
                "mailbox": "mailbox@example.org", **self.base(), **settings}

    def base(self):
        return {key: value for key, value in self.account(
            auth="password", imap_password_file=self.password_file).items() if key != "user"}

    def answer(self, user, password):
        client = self.connect()
        reply = client.log_in(user, password)
        client.close()
        return reply

    def test_a_local_password_opens_the_mailbox_upstream(self):
        self.start_daemon([self.local()])
        for way in ("log_in", "log_in_plain"):
            with self.subTest(way):
                client = self.connect()
                self.assert_ok(getattr(client, way)(self.USER, self.password))
                self.assertEqual(client.stat()[0], 1)
                self.assert_ok(self.quit(client))

    def test_a_wrong_password_never_reaches_the_server(self):
        self.start_daemon([self.local()])
        self.assert_err(self.answer(self.USER, "wrong-" + self.password), "AUTH")
        self.assertEqual(self.imap.accepted(), 0)

    def test_the_imap_password_is_not_the_pop3_password(self):
        self.start_daemon([self.local()])
        self.assert_err(self.answer(self.USER, IMAP_PASSWORD), "AUTH")
        self.assertEqual(self.imap.accepted(), 0)

    def test_an_unknown_user_gets_the_same_answer_as_a_wrong_password(self):
        # Hashes of the default cost, so that the time they take would show.
        self.start_daemon([self.local(password_hash=scrypt(self.password, cost=15))])
        answers, seconds = [], []
        for user, source in ((self.USER, "127.0.0.2"), ("nobody@example.org", "127.0.0.3")):
            client = self.connect(source=source)
            began = time.monotonic()
            answers.append(str(client.log_in(user, "wrong")))
            seconds.append(time.monotonic() - began)
        self.assertEqual(answers[0], answers[1])
        self.assertLess(abs(seconds[0] - seconds[1]), 0.5, seconds)
        self.assertGreaterEqual(min(seconds), 0.95)

    def test_names_match_without_case(self):
        self.start_daemon([self.local()])
        self.assert_ok(self.answer(self.USER.upper(), self.password))

    def test_passwords_match_with_case(self):
        self.start_daemon([self.local()])
        self.assert_err(self.answer(self.USER, self.password.upper()), "AUTH")

    def test_an_empty_password_is_wrong(self):
        self.start_daemon([self.local()])
        client = self.connect()
        self.assert_ok(client.command(f"USER {self.USER}"))
        self.assertFalse(client.command("PASS ").ok)
        self.assertFalse(client.log_in_plain(self.USER, "").ok)
        self.assertEqual(self.imap.accepted(), 0)

    def test_a_password_that_was_right_once_is_checked_anew_each_time(self):
        self.start_daemon([self.local()])
        self.assert_ok(self.answer(self.USER, self.password))
        self.assert_err(self.answer(self.USER, self.password + "x"), "AUTH")
        self.daemon.log.wait("session-end", count=2)
        self.assert_ok(self.answer(self.USER, self.password))

    def test_a_password_file_serves_a_wildcard(self):
        self.imap.store.add_user("bob@example.org", IMAP_PASSWORD).inbox.append(MESSAGES[0])
        other = "b0b-" + self.password
        self.secrets.add(other)
        names = self.file("passwords", f"# comment\nbob@example.org:{scrypt(other)}\n"
                                       f"mailbox@example.org:{scrypt(self.password)}\n")
        account = {"user": "*@example.org", "password_file": names, **self.base()}
        self.start_daemon([account])
        self.assert_ok(self.answer("bob@example.org", other))
        self.assert_ok(self.answer("mailbox@example.org", self.password))
        for user, password in (("bob@example.org", self.password), ("eve@example.org", other),
                               ("bob@example.com", other)):
            with self.subTest(user):
                client = self.connect(source="127.0.0.4")
                self.assert_err(client.log_in(user, password), "AUTH")
        logins = [text for text in self.imap.journal.texts() if text.startswith("AUTH")]
        self.assertEqual(len(logins), 2)

    def test_a_hash_in_a_password_file_that_is_none_is_permanent_and_logged(self):
        rows = ("nonsense", "$scrypt$ln=99,r=8,p=1$c2FsdHNhbHQ$aGFzaA", "", "$6$salt$hash")
        names = self.file("passwords", "")
        self.start_daemon([{"user": "*@example.org", "password_file": names, **self.base()}])
        for count, text in enumerate(rows, 1):
            with self.subTest(text):
                self.file("passwords", "# " + "x" * count + f"\nmailbox@example.org:{text}\n")
                reply = self.answer("mailbox@example.org", self.password)
                self.assert_err(reply, "SYS/PERM")
                self.assertNotIn(self.folder, reply, "paths are no business of a client")
                self.assertIn(names, self.daemon.log.wait("login-failed", count=count).text)
        self.assertEqual(self.imap.accepted(), 0)

    def test_wrong_passwords_are_counted_though_nobody_waits_for_the_answer(self):
        # Costly enough for clients to be gone before the answer is known.
        self.start_daemon([self.local(password_hash=scrypt(self.password, cost=16))])
        for count in (1, 2):
            client = self.connect()
            client.send(f"USER {self.USER}\r\nPASS wrong\r\n".encode())
            self.assert_ok(client.line())
            client.reset()
            self.daemon.log.wait("session-end", count=count)
        began = time.monotonic()
        self.assert_err(self.answer(self.USER, "wrong"), "AUTH")
        self.assertGreaterEqual(time.monotonic() - began, 3.8)

    def test_a_changed_password_file_is_noticed(self):
        path = self.file("passwords", f"mailbox@example.org:{scrypt(self.password)}\n")
        self.start_daemon([{"user": "*@example.org", "password_file": path, **self.base()}])
        self.assert_ok(self.answer("mailbox@example.org", self.password))
        self.daemon.log.wait("session-end")
        changed = "changed-" + self.password
        self.secrets.add(changed)
        time.sleep(0.05)
        self.file("passwords", f"mailbox@example.org:{scrypt(changed)}\n")
        eventually(lambda: self.answer("mailbox@example.org", changed).ok, "the new one is known")
        self.assert_err(self.answer("mailbox@example.org", self.password), "AUTH")

    def test_the_exact_name_wins_over_the_wildcard_and_the_longer_over_the_shorter(self):
        rows = (("ada@sub.example.org", "exact"), ("bob@sub.example.org", "suffix"),
                ("eve@elsewhere.org", "anybody"))
        accounts = []
        for user, pattern in (("*", "anybody"), ("*@sub.example.org", "suffix"),
                              ("ada@sub.example.org", "exact")):
            accounts.append({**self.account(folder=pattern), "user": user})
        for user, _ in rows:
            account = self.imap.store.add_user(user, self.password)
            for name in ("exact", "suffix", "anybody"):
                account.create(name).append(message(name, b""))
        self.start_daemon(accounts)
        for user, expected in rows:
            with self.subTest(user):
                client = self.log_in(user)
                self.assertIn(f"Subject: {expected}".encode(), client.retrieve(1)[1])
                self.quit(client)

    def test_a_passthrough_wildcard_opens_the_mailbox_of_the_login_name(self):
        self.imap.store.add_user("bob@example.org", self.password)
        self.start_daemon()
        self.assertEqual(self.log_in("bob@example.org").stat()[0], 0)

    def test_an_imap_password_that_is_refused_is_not_the_clients_fault(self):
        self.password_file = self.file("imap-password", "not-" + IMAP_PASSWORD + "\n")
        self.secrets.add("not-" + IMAP_PASSWORD)
        self.start_daemon([self.local()])
        self.assert_err(self.answer(self.USER, self.password), "AUTH")
        line = self.daemon.log.wait("login-failed")
        self.assertIn("refused", line.text)

    def test_an_imap_password_file_that_cannot_be_read_is_permanent(self):
        self.start_daemon([self.local(imap_password_file=os.path.join(self.folder, "missing"))])
        reply = self.assert_err(self.answer(self.USER, self.password), "SYS/PERM")
        self.assertNotIn(self.folder, reply, "paths are no business of a client")
        self.assertIn("missing", self.daemon.log.wait("login-failed").text)


if __name__ == "__main__":
    main()
