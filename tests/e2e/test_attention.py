#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Somebody is told when an account waits for them: once, and in the maildrop too."""

import contextlib
import datetime
import email
import email.policy
import os
import sqlite3
import stat

from harness import configuration, eventually, give_away, main
from messages import as_retrieved, message
from oauth import OAuthTest
from outlook import Trouble

MESSAGES = [message(f"number {number}", b"text\r\n" * number) for number in range(1, 4)]
EXPIRED = Trouble("token client_credentials", error=7000222, times=None)


class AttentionTest(OAuthTest):
    def setUp(self):
        super().setUp()
        self.start_outlook(MESSAGES)
        self.sizes = {}

    def restart(self, kill=False):
        """A daemon that knows no more than what is on disk; the one before saw the end of its log.
        """
        before = self.daemon
        if kill:
            before.kill()
        else:
            self.assertEqual(self.stop(), 0)
        self.assertEqual(before.complaints(self.secrets), [])
        self.daemon = type(before)(before.folder, self.read_configuration())
        self.daemons.append(self.daemon)
        self.daemon.start()

    def read_configuration(self):
        with open(self.daemon.configuration_file, encoding="utf-8") as file:
            return file.read()

    def assert_no_incident(self):
        """Of this daemon, which is stopped, so that its log is complete."""
        self.stop()
        self.assertEqual(self.daemon.log.lines("attention"), [])

    def only_incident(self):
        """What its line says; the daemon is stopped likewise."""
        self.stop()
        lines = self.daemon.log.lines("attention")
        self.assertEqual([line.level for line in lines], ["warning"])
        return lines[0].fields

    def notice(self, client):
        """(message-number, unique-id, message) of the last one, which must be one of ours."""
        msgno, unique_id = max(client.unique_ids().items())
        self.assertRegex(unique_id, r"^packetboat-[0-9a-f]{8}$")
        status, octets = client.retrieve(msgno)
        self.assertTrue(status.ok, status)
        self.assertEqual(client.sizes()[msgno], len(octets))
        return msgno, unique_id, octets

    def retrieve_once(self, *numbers, delete=()):
        """A session while everything is well."""
        client = self.log_in()
        for number in numbers:
            self.assertEqual(client.retrieve(number)[1], as_retrieved(MESSAGES[number - 1]))
        for number in delete:
            self.assert_ok(client.command(f"DELE {number}"))
            self.deleted.add(number)
        listed = client.unique_ids()
        self.sizes = client.sizes()
        self.assert_ok(self.quit(client))
        self.daemon.log.wait("session-end", count=len(self.daemon.log.lines("login")))
        return listed

    def let_the_secret_expire(self):
        self.identity.faults.cue(EXPIRED)
        self.restart()

    def logins_at_imap(self):
        return len(self.imap.journal.entries("AUTHENTICATE"))


class Notice(AttentionTest):
    """The maildrop shows one message that says what happened, and the old ones."""

    def test_nobody_has_signed_in_yet(self):
        self.start_daemon([self.oauth_account()])
        client = self.log_in()
        self.assertEqual(client.stat()[0], 1)
        _, unique_id, octets = self.notice(client)
        parsed = email.message_from_bytes(octets, policy=email.policy.default)
        self.assertEqual(parsed.defects, [])
        self.assertEqual(parsed["To"], self.USER)
        self.assertEqual(parsed["Auto-Submitted"], "auto-generated")
        self.assertIn("sign in", parsed["Subject"])
        self.assertIn("Nobody has signed this account in yet", parsed.get_content())
        self.assertIn(f"    packetboat login {self.USER}\r\n", parsed.get_content())
        self.assertIn("No mail is lost", parsed.get_content())
        self.assertLess(max(map(len, octets.split(b"\r\n"))), 79)
        self.assert_ok(self.quit(client))
        again = self.log_in()
        self.assertEqual(self.notice(again)[1:], (unique_id, octets))
        incident = self.only_incident()
        self.assertEqual(incident["reason"], "sign-in-needed")
        self.assertEqual(incident["account"], self.USER)
        # No connection was made, no token was asked for.
        self.assertEqual(self.imap.journal.entries(), [])
        self.assertEqual(self.asked("token"), 0)

    def test_top_shows_as_much_of_it_as_was_asked_for(self):
        self.start_daemon([self.oauth_account()])
        client = self.log_in()
        msgno, _, octets = self.notice(client)
        header, body = octets.split(b"\r\n\r\n", 1)
        status, top = client.top(msgno, 0)
        self.assertTrue(status.ok)
        self.assertEqual(top, header + b"\r\n\r\n")
        self.assertEqual(client.top(msgno, 2)[1],
                         header + b"\r\n\r\n" + b"".join(body.splitlines(True)[:2]))
        self.assertEqual(client.top(msgno, 1000)[1], octets)

    def test_messages_that_were_retrieved_are_listed_and_withheld(self):
        self.start_daemon([self.app_account()])
        listed = self.retrieve_once(1, 3)
        self.let_the_secret_expire()
        asked = self.logins_at_imap()
        client = self.log_in()
        msgno, _, octets = self.notice(client)
        self.assertEqual(msgno, 3)
        self.assertIn(b"The client secret", octets)
        self.assertEqual([client.unique_ids()[1], client.unique_ids()[2]], [listed[1], listed[3]])
        self.assertEqual(list(client.sizes().values()),
                         [self.sizes[1], self.sizes[3], len(octets)])
        for command in ("RETR 1", "TOP 2 0", "DELE 1", "DELE 2"):
            self.assert_err(client.command(command), "AUTH")
        self.assert_ok(self.quit(client))
        self.assertEqual(self.logins_at_imap(), asked)
        self.assertEqual(self.inbox.uids(), [1, 2, 3])

    def test_what_was_deleted_or_went_away_is_not_listed(self):
        self.start_daemon([self.app_account()])
        listed = self.retrieve_once(1, 2, 3, delete=(2,))
        self.inbox.remove([3])
        self.retrieve_once()
        self.let_the_secret_expire()
        client = self.log_in()
        self.assertEqual(list(client.unique_ids().values())[:-1], [listed[1]])

    def test_marks_of_a_session_that_was_lost_delete_nothing_there_either(self):
        self.start_daemon([self.app_account()])
        client = self.log_in()
        client.retrieve(1)
        self.assert_ok(client.command("DELE 1"))
        client.close()
        self.daemon.log.wait("session-end")
        self.let_the_secret_expire()
        self.assertEqual(self.log_in().stat()[0], 2)

    def test_it_is_remembered_when_the_daemon_is_killed(self):
        self.start_daemon([self.app_account()])
        self.retrieve_once(1, 2)
        # By a second session, that everything of the first has been written is certain.
        eventually(lambda: self.messages_on_disk() == 2, "two messages on disk")
        self.identity.faults.cue(EXPIRED)
        self.restart(kill=True)
        self.assertEqual(self.log_in().stat()[0], 3)

    def test_a_poll_that_finds_nothing_new_writes_nothing(self):
        self.start_daemon([self.app_account()])
        self.retrieve_once(1, 2)
        eventually(lambda: self.messages_on_disk() == 2, "two messages on disk")
        with contextlib.closing(self.open_state()) as db:
            before = self.data_version(db)
            self.retrieve_once()
            self.retrieve_once()
            # What was asked of the store is done when the daemon has stopped.
            self.restart()
            self.assertEqual(self.data_version(db), before)
            self.retrieve_once(3)
            self.restart()
            self.assertNotEqual(self.data_version(db), before)

    def open_state(self):
        return sqlite3.connect(os.path.join(self.daemon.folder, "state", "packetboat.db"))

    @staticmethod
    def data_version(db):
        """Changes when somebody else has written."""
        return db.execute("PRAGMA data_version").fetchone()[0]

    def messages_on_disk(self):
        with contextlib.closing(self.open_state()) as db:
            return db.execute("SELECT count(*) FROM message").fetchone()[0]

    def test_the_lock_holds(self):
        self.start_daemon([self.oauth_account()])
        self.log_in()
        self.assert_err(self.connect().log_in(self.USER, self.password), "IN-USE")

    def test_a_wrong_password_sees_nothing(self):
        self.start_daemon([self.oauth_account()])
        self.assert_err(self.connect().log_in(self.USER, "wrong"), "AUTH")
        self.assert_no_incident()

    def test_without_the_setting_logins_are_refused(self):
        self.start_daemon([self.oauth_account(attention_message=False)])
        client = self.connect()
        reply = self.assert_err(client.log_in(self.USER, self.password), "AUTH")
        self.assertIn("Nobody has signed this account in yet", reply)
        self.assert_err(client.log_in(self.USER, self.password), "AUTH")
        self.only_incident()
        # The client asks every minute; nobody is told that again.
        self.assertEqual([line for line in self.daemon.log.lines()
                          if line.level == "warning" and line.event != "configuration"],
                         self.daemon.log.lines("attention"))

    def test_administrators_are_told_that_it_is_theirs(self):
        self.identity.faults.cue(EXPIRED)
        self.start_daemon([self.app_account(attention_message=False)])
        self.assert_err(self.connect().log_in(self.USER, self.password), "SYS/PERM")
        incident = self.only_incident()
        self.assertEqual(incident["reason"], "administrator-needed")
        self.assertIn("AADSTS7000222", incident["detail"])
        self.assertNotEqual(incident["remedy"], "")

    def test_what_passes_is_no_incident(self):
        self.identity.faults.cue(Trouble("token", status=503, times=None))
        self.start_daemon([self.app_account()])
        self.assert_err(self.connect().log_in(self.USER, self.password), "SYS/TEMP")
        self.assert_no_incident()


class Dismissal(AttentionTest):
    """A DELE of it hides it until the next incident."""

    def delete_notice(self, client):
        self.assert_ok(client.command(f"DELE {client.stat()[0]}"))

    def test_deleted_it_does_not_come_back(self):
        self.start_daemon([self.app_account()])
        self.retrieve_once(1)
        self.let_the_secret_expire()
        client = self.log_in()
        self.delete_notice(client)
        self.assertEqual(client.stat()[0], 1)
        self.assert_ok(self.quit(client))
        self.assert_err(self.connect().log_in(self.USER, self.password), "SYS/PERM")
        self.restart()
        self.assert_err(self.connect().log_in(self.USER, self.password), "SYS/PERM")
        self.assert_no_incident()
        self.assertEqual(self.inbox.uids(), [1, 2, 3])

    def test_without_quit_it_is_not_deleted(self):
        self.start_daemon([self.oauth_account()])
        client = self.log_in()
        self.delete_notice(client)
        client.close()
        self.daemon.log.wait("session-end")
        client = self.log_in()
        self.delete_notice(client)
        self.assert_ok(client.command("RSET"))
        self.assert_ok(self.quit(client))
        self.notice(self.log_in())

    def test_quit_says_so_when_it_cannot_be_written(self):
        self.start_daemon([self.oauth_account()])
        client = self.log_in()
        self.delete_notice(client)
        # Somebody else writes, for longer than anybody waits.
        path = os.path.join(self.daemon.folder, "state", "packetboat.db")
        with contextlib.closing(sqlite3.connect(path)) as db:
            db.execute("BEGIN IMMEDIATE")
            self.assert_err(self.quit(client), "SYS/TEMP")
            db.rollback()
        self.notice(self.log_in())

    def test_the_next_incident_has_a_message_of_its_own(self):
        self.start_daemon([self.app_account()])
        self.let_the_secret_expire()
        client = self.log_in()
        first = self.notice(client)[1]
        self.delete_notice(client)
        self.assert_ok(self.quit(client))
        self.identity.faults.clear()
        self.reload({})
        self.assertEqual(self.log_in().stat()[0], 3)
        self.daemon.log.wait("attention-over", reason="administrator-needed")
        self.let_the_secret_expire()
        self.assertNotEqual(self.notice(self.log_in())[1], first)
        self.only_incident()


class Incident(AttentionTest):
    def test_it_is_told_once_also_across_restarts(self):
        self.identity.faults.cue(EXPIRED)
        self.start_daemon([self.app_account()])
        unique_id = self.notice(self.log_in())[1]
        for kill in (True, False, False):
            self.daemon.log.wait("attention-message")
            self.restart(kill)
            self.assertEqual(self.notice(self.log_in())[1], unique_id)
        self.assert_no_incident()
        self.assertEqual([len(daemon.log.lines("attention")) for daemon in self.daemons],
                         [1, 0, 0, 0])

    def test_a_success_ends_it(self):
        self.identity.faults.cue(EXPIRED)
        self.start_daemon([self.app_account()])
        client = self.log_in()
        self.notice(client)
        self.quit(client)
        self.identity.faults.clear()
        self.reload({})
        client = self.log_in()
        self.assertEqual(max(client.unique_ids()), 3)
        self.assertEqual(client.retrieve(3)[1], as_retrieved(MESSAGES[2]))
        self.daemon.log.wait("attention-over")
        self.quit(client)
        self.restart()
        self.assertEqual(self.log_in().stat()[0], 3)

    def program(self, script):
        path = os.path.join(self.folder, "on-attention")
        with open(path, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\n" + script)
        os.chmod(path, stat.S_IRWXU)
        give_away(path)
        return path

    def test_the_program_is_run_once_with_what_happened_in_its_environment(self):
        self.identity.faults.cue(EXPIRED)
        path = self.program("env; echo $# arguments\n")
        account = self.app_account()
        self.start_daemon([account], on_attention=path)
        for _ in range(3):
            self.quit(self.log_in())
        ended = self.daemon.log.wait("on-attention")
        self.assertEqual((ended.level, ended.fields["result"]), ("info", "exit status 0"))
        text = self.daemon.log.text()
        for wanted in (f"PACKETBOAT_ACCOUNT={self.USER}", "PACKETBOAT_REASON=administrator-needed",
                       "0 arguments"):
            self.assertEqual(text.count(wanted + "\n"), 1, wanted)
        self.assertRegex(text, "\nPACKETBOAT_DETAIL=.*AADSTS7000222")
        self.assertNotIn("NOTIFY_SOCKET", text)

    def test_a_program_that_fails_is_told_of(self):
        self.start_daemon([self.oauth_account()], on_attention=self.program("exit 7\n"))
        self.quit(self.log_in())
        self.assertEqual(self.daemon.log.wait("on-attention").level, "warning")

    def test_a_program_that_is_missing_is_told_of(self):
        self.start_daemon([self.oauth_account()],
                          on_attention=os.path.join(self.folder, "nowhere"))
        self.quit(self.log_in())
        ended = self.daemon.log.wait("on-attention")
        self.assertEqual((ended.level, ended.fields["result"]),
                         ("warning", "No such file or directory"))


class Forecast(AttentionTest):
    def day(self, days):
        return (datetime.date.today() + datetime.timedelta(days=days)).isoformat()

    def test_a_secret_that_expires_is_told_of_once_and_mail_goes_on(self):
        account = self.app_account()
        account["oauth"]["expires"] = self.day(20)
        self.start_daemon([account])
        told = self.daemon.log.wait("attention", reason="credential-expiring")
        self.assertEqual(told.level, "warning")
        self.assertIn(self.day(20), told.fields["detail"])
        self.assertEqual(self.log_in().stat()[0], 3)
        self.restart()
        self.assertEqual(self.log_in().stat()[0], 3)
        self.assertEqual(self.daemon.log.lines("attention"), [])
        self.reload({f'expires = "{self.day(20)}"': f'expires = "{self.day(200)}"'})
        self.daemon.log.wait("attention-over", reason="credential-expiring")
        self.reload({f'expires = "{self.day(200)}"': f'expires = "{self.day(10)}"'})
        self.daemon.log.wait("attention", reason="credential-expiring")

    def test_one_that_expires_much_later_is_not(self):
        account = self.app_account()
        account["oauth"]["expires"] = self.day(40)
        self.start_daemon([account])
        self.assertEqual(self.log_in().stat()[0], 3)
        self.assert_no_incident()


class Token(AttentionTest):
    """What a login does with tokens."""

    def test_a_token_that_was_revoked_is_replaced_and_the_client_sees_nothing(self):
        self.start_daemon([self.app_account()])
        self.retrieve_once(1)
        self.assertEqual(self.asked("token"), 1)
        self.identity.tokens.revoke_access(None)
        self.retrieve_once(2)
        self.assertEqual(self.asked("token"), 2)
        self.assertEqual(len(self.daemon.log.lines("token-refused")), 1)
        self.assert_no_incident()

    def test_a_fresh_token_that_is_refused_is_refused(self):
        self.start_daemon([self.app_account()])
        self.mailbox.applications.clear()
        self.imap.store.service_principals.clear()
        self.assert_err(self.connect().log_in(self.USER, self.password), "AUTH")
        self.assertEqual(self.asked("token"), 1)
        self.assert_no_incident()

    def test_a_mailbox_that_may_not_be_opened_is_no_incident(self):
        self.start_daemon([self.app_account()])
        self.mailbox.applications.clear()
        self.assert_err(self.connect().log_in(self.USER, self.password), "SYS/TEMP")
        self.assert_no_incident()

    def test_the_token_comes_before_the_connection(self):
        self.identity.faults.cue(Trouble("token", hang="before"))
        self.start_daemon([self.app_account()], limits={"login_patience": 1})
        self.assert_err(self.connect().log_in(self.USER, self.password), "SYS/TEMP")
        self.assertEqual(self.imap.journal.entries(), [])

    def test_a_slow_token_is_there_for_the_next_login(self):
        self.identity.faults.cue(Trouble("token", delay=2))
        self.start_daemon([self.app_account()], limits={"login_patience": 1})
        self.assert_err(self.connect().log_in(self.USER, self.password), "SYS/TEMP")
        self.daemon.log.wait("mailbox", to="OPEN")
        self.assertEqual(self.log_in().stat()[0], 3)
        self.assertEqual(self.asked("token"), 1)
        self.assertEqual(self.logins_at_imap(), 1)

    def test_a_notice_that_nobody_waited_for_is_not_left_behind(self):
        self.identity.faults.cue(Trouble("token", error=7000222, delay=2))
        self.start_daemon([self.app_account()], limits={"login_patience": 1})
        self.assert_err(self.connect().log_in(self.USER, self.password), "SYS/TEMP")
        self.daemon.log.wait("mailbox", to="DEAD")
        self.daemon.log.wait("attention")
        self.reload({})
        self.assertEqual(self.log_in().stat()[0], 3)

    def test_accounts_may_begin_to_use_tokens_with_a_reload(self):
        account = self.app_account()
        self.start_daemon([self.account()])
        self.assert_err(self.connect().log_in(self.USER, self.password), "AUTH")
        self.daemon.write_configuration(self.configuration_with(account))
        self.reload({})
        self.assertEqual(self.log_in().stat()[0], 3)

    def configuration_with(self, account):
        before = self.read_configuration()
        return before[:before.index("accounts = ")] + configuration({"accounts": [account]})


if __name__ == "__main__":
    main()
