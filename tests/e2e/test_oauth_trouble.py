#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""What an identity provider can do to us, and what POP3 clients, the log and the operator hear of
it."""

import datetime
import os
import time
from email.utils import format_datetime

from harness import eventually, main
from messages import message
from oauth import OAuthTest
from outlook import Trouble

LETTER = message("one", b"text\r\n")

PERSON_NEEDED = (
    70000, 70008, 700082, 50173, 70043, 50076, 50079, 53003, 53000, 50097, 530035, 65001,
    "invalid_grant", "interaction_required", "consent_required", "login_required",
)
ADMINISTRATOR_NEEDED = (
    7000215, 7000222, 700027, 700016, 70001, 7000218, 70011, 500011, 50194, 90002,
    "invalid_client", "unauthorized_client", "invalid_scope", "invalid_resource",
)
TEMPORARY = (
    {"error": "temporarily_unavailable"}, {"error": "server_error"}, {"error": 50033},
    {"error": "temporarily_unavailable", "status": 400},
    {"status": 429}, {"status": 500}, {"status": 503}, {"status": 503, "body": "html"},
    {"error": "invalid_grant", "status": 503}, {"error": "slow_down", "status": 429},
    {"body": "html"}, {"body": "empty"}, {"body": "garbage"}, {"body": "half"}, {"body": "large"},
    {"body": "deep"}, {"body": "duplicate"}, {"body": "array"}, {"body": "null"},
    {"body": "html", "status": 400}, {"body": "empty", "status": 400},
    {"omit": "access_token"}, {"members": {"access_token": 5}}, {"members": {"access_token": ""}},
    {"members": {"access_token": "a\0b"}}, {"members": {"access_token": "a b"}},
    {"members": {"access_token": "a\r\nb"}}, {"members": {"access_token": "x" * 100000}},
    {"cut": "before"}, {"cut": "body"}, {"cut": "after", "reset": True},
)
# None of these is any trouble.
HARMLESS = (
    {"omit": "expires_in"}, {"members": {"expires_in": "3599"}}, {"content_type": "text/plain"},
    {"omit": "refresh_token"}, {"members": {"token_type": "bearer"}}, {"trickle": 0.00002},
    {"members": {"unknown": [1, {"a": None}]}}, {"omit": ("scope", "ext_expires_in")},
)


class TroubleTest(OAuthTest):
    def start(self):
        self.start_identity(interval=1)
        self.start_outlook([LETTER])
        self.start_daemon([self.oauth_account(attention_message=False)])

    def sign_in_for_a_moment(self):
        """With a token that is over as soon as it has been tried."""
        self.identity.faults.cue(Trouble("token authorization_code", members={"expires_in": 0}))
        self.sign_in()

    def reply(self):
        client = self.connect()
        reply = client.log_in(self.USER, self.password)
        client.close()
        return reply

    def assert_works(self):
        self.assert_ok(self.reply())


class Consequences(TroubleTest):
    def assert_consequence(self, trouble, code, state):
        """Of a refresh; the second login must not ask again."""
        self.identity.faults.clear()
        self.sign_in_for_a_moment()
        self.identity.faults.cue(Trouble("token refresh_token", times=None, **trouble))
        before = self.asked()
        self.assert_err(self.reply(), code)
        self.assertEqual(self.asked(), before + 1)
        self.assertEqual(self.status()["state"], state)
        self.assert_err(self.reply(), code)
        self.assertEqual(self.asked(), before + 1, "it was asked again")

    def test_a_person_is_needed(self):
        self.start()
        for error in PERSON_NEEDED:
            with self.subTest(error):
                self.assert_consequence({"error": error, "status": 400}, "AUTH", "sign-in-needed")

    def test_an_administrator_is_needed(self):
        self.start()
        for error in ADMINISTRATOR_NEEDED:
            with self.subTest(error):
                self.assert_consequence({"error": error}, "SYS/PERM", "administrator-needed")

    def test_it_is_temporary(self):
        self.start()
        for trouble in TEMPORARY:
            with self.subTest(trouble):
                self.assert_consequence(trouble, "SYS/TEMP", "backing-off")

    def test_it_is_no_trouble(self):
        self.start()
        for trouble in HARMLESS:
            with self.subTest(trouble):
                self.identity.faults.clear()
                self.sign_in_for_a_moment()
                self.identity.faults.cue(Trouble("token refresh_token", **trouble))
                self.assert_works()

    def test_a_redirect_is_not_followed(self):
        self.start()
        elsewhere = f"{self.identity.authority}/{self.DOMAIN}/oauth2/v2.0/devicecode"
        for status in (302, 307, 308):
            with self.subTest(status):
                self.assert_consequence({"redirect": elsewhere, "status": status}, "SYS/TEMP",
                                        "backing-off")
        self.assertEqual(self.asked("devicecode"), 0)

    def test_what_the_administrator_needs_is_in_the_log_once(self):
        self.start()
        self.sign_in_for_a_moment()
        self.identity.faults.cue(Trouble("token refresh_token", error=53003, times=None))
        for _ in range(3):
            self.assert_err(self.reply(), "AUTH")
        failed = self.daemon.log.lines("token-failed")
        self.assertEqual(len(failed), 1)
        self.assertIn("53003", failed[0].text)
        self.assertEqual(self.asked(), 1)
        for field in ("trace_id", "correlation_id"):
            self.assertRegex(failed[0].fields[field], r"^[-0-9a-f]{36}$")
        attention = self.daemon.log.lines("attention")
        self.assertEqual(len(attention), 1)
        self.assertEqual(attention[0].level, "warning")
        warnings = [line for line in self.daemon.log.text().splitlines()
                    if line.startswith("warning ")]
        self.assertEqual(len(warnings), 1, warnings)


class TheirEnd(TroubleTest):
    """How each kind of trouble goes away again."""

    def test_a_new_sign_in(self):
        self.start()
        self.sign_in_for_a_moment()
        self.identity.tokens.revoke(self.person)
        self.assert_err(self.reply(), "AUTH")
        self.sign_in()
        self.assert_works()
        self.assertEqual(self.status()["state"], "ok")

    def test_a_reload(self):
        self.start()
        self.sign_in_for_a_moment()
        self.application.consented = False
        self.assert_err(self.reply(), "AUTH")
        self.application.consented = True
        self.assert_err(self.reply(), "AUTH")
        self.assertEqual(self.run_tool("reload")[0], 0)
        self.assert_works()

    def test_a_restart(self):
        self.start()
        self.sign_in_for_a_moment()
        self.application.consented = False
        self.assert_err(self.reply(), "AUTH")
        self.application.consented = True
        self.stop()
        self.daemon.start()
        self.assert_works()

    def test_time(self):
        """Back-off begins with a second; Retry-After is obeyed."""
        self.start()
        date = format_datetime(datetime.datetime.now(datetime.timezone.utc) +
                               datetime.timedelta(seconds=6), usegmt=True)
        for trouble, seconds in (({"status": 503}, 0.5), ({"status": 429, "retry_after": 3}, 2.5),
                                 ({"status": 429, "retry_after": date}, 1)):
            with self.subTest(trouble):
                self.sign_in_for_a_moment()
                self.identity.faults.cue(Trouble("token refresh_token", **trouble))
                before = self.asked()
                self.assert_err(self.reply(), "SYS/TEMP")
                began = time.monotonic()
                self.assertLessEqual(self.status()["backoff_for"], 10)
                eventually(lambda: self.reply().ok, "it works again", timeout=20)
                self.assertGreaterEqual(time.monotonic() - began, seconds)
                self.assertEqual(self.asked(), before + 2)

    def test_an_endpoint_that_was_down(self):
        self.start()
        self.sign_in_for_a_moment()
        self.identity.stop()
        self.assert_err(self.reply(), "SYS/TEMP")
        self.identity.start()
        eventually(lambda: self.reply().ok, "it works again", timeout=20)

    def test_signing_out(self):
        self.start()
        self.sign_in()
        self.assert_works()
        before = self.asked("token")
        self.assertEqual(self.run_tool("logout", self.USER)[0], 0)
        self.assert_err(self.reply(), "AUTH")
        self.assertEqual(self.status()["state"], "never-signed-in")
        self.assertEqual(self.asked("token"), before)
        tokens = os.path.join(self.daemon.folder, "state", "tokens")
        self.assertEqual(os.listdir(tokens), [])


class Applications(TroubleTest):
    """Without a person: whatever is wrong is an administrator's."""

    def start_app(self, oauth=None, **settings):
        if self.imap is None:
            self.start_outlook([LETTER])
        account = self.app_account(oauth=oauth, attention_message=False)
        self.start_daemon([account], **settings)

    def test_a_wrong_secret(self):
        self.start_app()
        self.file("client-secret", "wrong\n")
        for _ in range(2):
            self.assert_err(self.reply(), "SYS/PERM")
        self.assertEqual(self.asked("token client_credentials"), 1)
        self.assertIn("7000215", self.daemon.log.lines("token-failed")[0].text)

    def test_a_secret_that_was_renewed_counts_with_a_reload(self):
        self.start_app()
        (secret,) = self.application.secrets
        self.file("client-secret", "wrong\n")
        self.assert_err(self.reply(), "SYS/PERM")
        self.file("client-secret", secret + "\n")
        self.assertEqual(self.run_tool("reload")[0], 0)
        self.assert_works()

    def test_a_secret_file_that_is_not_there(self):
        self.start_app()
        os.unlink(os.path.join(self.folder, "client-secret"))
        reply = self.assert_err(self.reply(), "SYS/PERM")
        self.assertNotIn(self.folder, reply)
        self.assertEqual(self.asked("token"), 0)

    def test_an_endpoint_nobody_trusts(self):
        self.start_identity(names=("other.example.org",))
        self.start_outlook([LETTER])
        for name, oauth in (("a wrong name", {}), ("an unknown authority", {"ca_file": None})):
            with self.subTest(name):
                self.start_app(oauth)
                self.assert_err(self.reply(), "SYS/PERM")
                self.assertEqual(self.asked("token"), 0)
                self.assertEqual(self.status()["state"], "administrator-needed")
                self.stop()

    def test_an_endpoint_whose_name_is_none(self):
        self.start_app({"authority": "https://no-such-host.invalid"}, limits={"login_patience": 5})
        self.assert_err(self.reply(), "SYS/TEMP")

    def test_an_endpoint_that_never_answers(self):
        self.start_app(limits={"login_patience": 1})
        self.identity.faults.cue(Trouble("token", hang="before"))
        began = time.monotonic()
        self.assert_err(self.reply(), "SYS/TEMP")
        self.assertLess(time.monotonic() - began, 10)

    def test_an_application_without_the_role(self):
        self.start_app()
        self.application.roles = set()
        self.assert_err(self.reply(), "AUTH")
        self.assertEqual(self.asked("token client_credentials"), 1)

    def test_a_mailbox_that_it_was_not_given(self):
        self.start_app()
        self.mailbox.applications.clear()
        self.assert_err(self.reply(), "SYS/TEMP")
        self.mailbox.applications.add(self.application.client_id)
        eventually(lambda: self.reply().ok, "it works again", timeout=20)


class Others(TroubleTest):
    def test_other_accounts_go_on(self):
        """One account's endpoint is dead, one is refused, one is fine: each for itself."""
        self.start_outlook([LETTER], user=self.USER)
        self.directory.add_person("bob@example.org")
        self.imap.store.add_user("bob@example.org").inbox.append(LETTER)
        self.start_daemon([
            self.oauth_account(attention_message=False),
            self.oauth_account(user="bob@example.org", attention_message=False)])
        self.sign_in_for_a_moment()
        self.identity.faults.cue(Trouble("token authorization_code", members={"expires_in": 0}))
        self.sign_in("bob@example.org")
        self.identity.tokens.revoke(self.person)
        self.assert_err(self.reply(), "AUTH")
        self.assert_ok(self.connect().log_in("bob@example.org", self.password))
        self.assertEqual(self.status()["state"], "sign-in-needed")
        self.assertEqual(self.status("bob@example.org")["state"], "ok")

    def test_a_hanging_endpoint_holds_nobody_else_up(self):
        self.start_outlook([LETTER])
        self.directory.add_person("bob@example.org")
        self.imap.store.add_user("bob@example.org").inbox.append(LETTER)
        self.start_daemon([self.oauth_account(attention_message=False),
                           self.oauth_account(user="bob@example.org", attention_message=False)])
        self.sign_in_for_a_moment()
        self.sign_in("bob@example.org")
        self.identity.faults.cue(Trouble("token refresh_token", hang="before"))
        waiting = self.connect()
        self.assert_ok(waiting.command(f"USER {self.USER}"))
        waiting.send(b"PASS " + self.password.encode() + b"\r\n")
        eventually(lambda: self.identity.faults.happened(), "the endpoint hangs")
        began = time.monotonic()
        self.assert_ok(self.connect().log_in("bob@example.org", self.password))
        self.assertLess(time.monotonic() - began, 5)


class Telling(TroubleTest):
    """Somebody is told, once for each incident."""

    def start_telling(self, **account):
        self.told = os.path.join(self.folder, "told")
        program = self.file("tell", "#!/bin/sh\nprintf '%s\\n' \"$PACKETBOAT_ACCOUNT "
                            f"$PACKETBOAT_REASON $PACKETBOAT_DETAIL\" >>{self.told}\n")
        os.chmod(program, 0o700)
        self.file("told", "")
        self.start_identity(interval=1)
        self.start_outlook([LETTER])
        self.start_daemon([self.oauth_account(**account)], on_attention=program)
        self.sign_in_for_a_moment()

    def lines(self):
        with open(self.told, encoding="utf-8") as file:
            return file.read().splitlines()

    def test_the_operators_program_is_run_once(self):
        self.start_telling(attention_message=False)
        self.identity.tokens.revoke(self.person)
        for _ in range(3):
            self.assert_err(self.reply(), "AUTH")
        (line,) = eventually(self.lines, "the program runs")
        self.assertTrue(line.startswith(f"{self.USER} sign-in-needed "), line)
        self.assertIn("50173", line)
        # The next incident is another one.
        self.sign_in_for_a_moment()
        self.identity.tokens.revoke(self.person)
        self.assert_err(self.reply(), "AUTH")
        eventually(lambda: len(self.lines()) == 2, "the program runs again")

    def test_the_maildrop_says_so(self):
        self.start_telling()
        client = self.log_in()
        self.assertEqual(client.retrieve(1)[1], LETTER)
        known = client.unique_ids()[1]
        self.quit(client)
        self.stop()
        self.daemon.start()
        self.identity.tokens.revoke(self.person)
        self.identity.tokens.revoke_access(self.person)
        client = self.log_in()
        self.assertEqual(client.stat()[0], 2)
        unique_ids = client.unique_ids()
        self.assertEqual(unique_ids[1], known)
        self.assertRegex(unique_ids[2], r"^packetboat-[0-9a-f]{8}$")
        status, text = client.retrieve(2)
        self.assert_ok(status)
        self.assertIn(b"packetboat login", text)
        self.assert_err(client.retrieve(1)[0], "AUTH")
        self.assert_ok(client.command("DELE 2"))
        self.assert_ok(self.quit(client))
        self.assert_err(self.reply(), "AUTH")
        self.sign_in()
        client = self.log_in()
        self.assertEqual(client.retrieve(1)[1], LETTER)


if __name__ == "__main__":
    main()
