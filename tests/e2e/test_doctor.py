#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""`packetboat doctor` names what is wrong: one fault a test, each ending with the words that an
operator needs."""

import datetime
import os
import re
import socket
from typing import NamedTuple

from harness import SHARED, main
from messages import message
from oauth import OAuthTest
from outlook import Fault, Trouble

LETTERS = [message(subject, b"Hello.\r\n") for subject in ("one", "two", "three")]

ALL = ["Configuration", "DNS", "TCP", "TLS", "Endpoint", "Clock", "Token", "XOAUTH2", "SELECT",
       "Messages"]
APP = [*ALL[:6], "Secret", *ALL[6:]]


class Step(NamedTuple):
    ok: bool
    name: str
    found: str
    remedy: str


def read_steps(output):
    """`ok   NAME found`, and behind `FAIL NAME found` indented lines."""
    steps = []
    for line in output.splitlines():
        match = re.fullmatch(r"(ok  |FAIL) (\S+) +(.*)", line)
        if match:
            steps.append(Step(match[1] != "FAIL", match[2], match[3], ""))
        else:
            last = steps.pop()
            steps.append(last._replace(remedy=f"{last.remedy} {line.strip()}".strip()))
    return steps


class DoctorTest(OAuthTest):
    def sign_in(self, user=None, person=None, way="paste"):
        super().sign_in(user, person, way)

    def doctor(self, user=None):
        """What it says, step by step; its exit status must agree."""
        status, output, complaints = self.run_tool("doctor", user or self.USER)
        steps = read_steps(output)
        failed = [step for step in steps if not step.ok]
        self.assertEqual(status, 1 if failed else 0, output + complaints)
        for step in steps:
            self.assertEqual(step.ok, not step.remedy, step)
        return steps

    def diagnose(self, name, *words, user=None, others=()):
        """One step fails, with these words in what was found or in the remedy; the steps."""
        steps = self.doctor(user)
        failed = [step for step in steps if not step.ok and step.name not in others]
        self.assertEqual([step.name for step in failed], [name], steps)
        text = f"{failed[0].found} {failed[0].remedy}"
        for word in words:
            self.assertIn(word, text)
        return steps

    def assert_well(self, steps, names):
        self.assertEqual([(step.ok, step.name) for step in steps],
                         [(True, name) for name in names])

    def found(self, steps, name):
        return next(step.found for step in steps if step.name == name)


class Person(DoctorTest):
    """Somebody has signed in, and all was well."""

    def setUp(self):
        super().setUp()
        # With so little left each question means a refresh.
        self.start_identity(access_seconds=300)
        self.start_outlook(LETTERS)
        self.start_daemon([self.oauth_account()])

    def test_all_is_well(self):
        self.sign_in()
        steps = self.doctor()
        self.assert_well(steps, ALL)
        self.assertIn("mailbox ada@example.org", self.found(steps, "Configuration"))
        self.assertIn("TLSv1.3", self.found(steps, "TLS"))
        self.assertIn("(paste)", self.found(steps, "Token"))
        self.assertIn("belongs to ada@example.org", self.found(steps, "Token"))
        self.assertIn("IMAP.AccessAsUser.All", self.found(steps, "Token"))
        self.assertIn("3 in the folder", self.found(steps, "Messages"))

    def test_nothing_is_changed_in_the_mailbox(self):
        self.sign_in()
        self.imap.journal.clear()
        self.doctor()
        texts = self.imap.journal.texts()
        self.assertEqual([text for text in texts if text.startswith(("UID", "EXPUNGE", "STORE"))],
                         [])
        self.assertEqual(sum(text.startswith("LOGOUT") for text in texts), 2, texts)

    def test_somebody_reads_the_mail_meanwhile(self):
        self.sign_in()
        client = self.log_in()
        self.assert_well(self.doctor(), ALL)
        self.assert_ok(client.retrieve(1)[0])
        self.assert_ok(self.quit(client))

    def test_a_token_that_is_good_is_not_asked_for_again(self):
        self.identity.settings.access_seconds = 3600
        self.sign_in()
        self.assert_well(self.doctor(), ALL)
        self.assertEqual(self.asked("token refresh_token"), 0)

    def test_nobody_has_signed_in(self):
        steps = self.diagnose("Token", f"packetboat login {self.USER}")
        self.assertEqual([step.name for step in steps], ALL[:7])

    def test_consent_is_missing(self):
        self.sign_in()
        self.application.consented = False
        self.diagnose("Token", "65001", "consent")

    def test_conditional_access(self):
        self.sign_in()
        self.identity.faults.cue(Trouble("token refresh_token", error=53003, times=None))
        self.diagnose("Token", "Conditional Access", f"packetboat login {self.USER}")

    def test_public_client_flows_are_not_allowed(self):
        self.sign_in()
        self.identity.faults.cue(Trouble("token refresh_token", error=7000218, times=None))
        self.diagnose("Token", "7000218", "public client flows")

    def test_the_password_was_changed(self):
        self.sign_in()
        self.identity.tokens.revoke(self.person)
        self.diagnose("Token", "50173", f"packetboat login {self.USER}")

    def test_the_application_is_gone(self):
        self.sign_in()
        self.identity.faults.cue(Trouble("token refresh_token", error=700016, times=None))
        self.diagnose("Token", "700016")

    def test_the_provider_is_busy(self):
        self.sign_in()
        self.identity.faults.cue(Trouble("token refresh_token", status=503, times=None))
        # The token that is here goes on being used while it lasts.
        self.assert_well(self.doctor(), ALL)
        self.identity.settings.clock_skew = 301
        self.identity.tokens.revoke_access(self.person)
        self.diagnose("Token", "tried again by itself", others=("Clock",))

    def test_a_token_that_was_revoked_is_replaced(self):
        self.identity.settings.access_seconds = 3600
        self.sign_in()
        self.identity.tokens.revoke_access(self.person)
        self.assert_well(self.doctor(), ALL)
        self.assertEqual(self.asked("token refresh_token"), 1)

    def test_imap_is_off_for_the_mailbox(self):
        self.sign_in()
        self.mailbox.imap_enabled = False
        steps = self.diagnose("SELECT", "opens no mailbox",
                              f"Set-CASMailbox -Identity {self.USER} -ImapEnabled $true")
        self.assertEqual([step.name for step in steps], ALL[:9])

    def test_the_token_is_another_s(self):
        boss = self.directory.add_person("boss@example.org")
        self.mailbox.delegates.add("boss@example.org")
        self.sign_in(person="boss@example.org")
        self.assert_well(self.doctor(), ALL)
        self.mailbox.delegates.clear()
        self.diagnose("SELECT", f"belongs to {boss.name}, the mailbox is {self.USER}",
                      f"Add-MailboxPermission -Identity {self.USER} -User {boss.name} "
                      "-AccessRights FullAccess")

    def test_the_scope_is_wrong(self):
        self.sign_in()
        self.application.permissions.add("POP.AccessAsUser.All")
        self.reload({"oauth = {": 'oauth = { scope = '
                     '"https://outlook.office.com/POP.AccessAsUser.All offline_access";'})
        steps = self.diagnose("Token", "Wrong scope", "does not permit IMAP.AccessAsUser.All",
                              "POP.AccessAsUser.All")
        self.assertEqual([step.name for step in steps], ALL[:7])

    def test_the_folder_is_not_there(self):
        self.sign_in()
        self.reload({'password_hash = "': 'folder = "Nowhere"; password_hash = "'})
        self.diagnose("SELECT", '"Nowhere"', "`folder`")

    def test_the_server_is_busy(self):
        self.sign_in()
        self.imap.faults.cue(Fault("SELECT", reply="NO Server Unavailable. 15", times=None))
        self.diagnose("SELECT", "Server Unavailable", "try again")

    def test_no_tokens_are_taken_there(self):
        self.sign_in()
        self.imap.options.drop = {"AUTH=XOAUTH2"}
        self.diagnose("XOAUTH2", "takes no tokens", "imap.host")

    def test_the_clock_is_wrong(self):
        self.sign_in()
        self.identity.settings.clock_skew = 3600
        steps = self.doctor()
        self.assertIn((False, "Clock"), [(step.ok, step.name) for step in steps])
        clock = next(step for step in steps if step.name == "Clock")
        self.assertIn("60 minutes behind", clock.found)
        self.assertIn("Set the clock", clock.remedy)

    def test_what_was_mended_is_seen(self):
        """A hold does not keep the doctor from one try; when that works, mail flows again."""
        self.sign_in()
        self.application.consented = False
        self.diagnose("Token", "65001")
        self.assert_ok(self.connect().greeting)
        asked = self.asked()
        client = self.connect()
        client.log_in(self.USER, self.password)
        self.assertEqual(self.asked(), asked, "a hold is a hold for those who poll")
        client.close()
        self.application.consented = True
        self.assert_well(self.doctor(), ALL)
        self.assertEqual(self.status()["state"], "ok")
        client = self.log_in()
        self.assertEqual(client.stat()[0], len(LETTERS))
        self.assert_ok(self.quit(client))

    def test_a_tool_that_goes_away_ends_the_examination(self):
        self.sign_in()
        self.imap.faults.cue(Fault("GREETING", hang="before", times=None))
        tool = self.tool("doctor", self.USER)
        for name in ALL[:3]:
            self.assertIn(name, tool.line())
        tool.close()
        self.assertEqual(self.stop(), 0)

    def test_two_examinations_at_once(self):
        self.sign_in()
        tools = [self.tool("doctor", self.USER) for _ in range(4)]
        for tool in tools:
            status, output, complaints = tool.finish()
            self.assertEqual(status, 0, output + complaints)


class Certificates(DoctorTest):
    def test_the_mail_server_is_not_trusted(self):
        self.start_identity()
        self.start_outlook(LETTERS)
        self.start_daemon([self.oauth_account(imap={"ca_file": self.other_authority()})])
        steps = self.diagnose("TLS", "unknown authority", "imap.ca_file", others=("Token",))
        self.assertEqual([step.name for step in steps], ALL[:7])

    def test_the_mail_server_s_certificate_is_for_another_name(self):
        self.start_identity()
        SHARED.certificate("other-name", names=("imap.other.example",))
        self.start_outlook(LETTERS, certificate="other-name")
        self.start_daemon([self.oauth_account()])
        self.diagnose("TLS", "imap.other.example", "administrator of the mail server",
                      others=("Token",))

    def test_the_mail_server_s_certificate_has_expired(self):
        self.start_identity()
        now = datetime.datetime.now(datetime.timezone.utc)
        SHARED.certificate("expired", not_before=now - datetime.timedelta(days=9),
                           not_after=now - datetime.timedelta(days=2))
        self.start_outlook(LETTERS, certificate="expired")
        self.start_daemon([self.oauth_account()])
        self.diagnose("TLS", "expired", "administrator of the mail server", others=("Token",))

    def test_the_sign_in_server_is_not_trusted(self):
        self.start_identity()
        self.start_outlook(LETTERS)
        self.start_daemon([self.oauth_account(oauth={"ca_file": self.other_authority()})])
        steps = self.diagnose("Endpoint", self.identity.authority, "oauth.ca_file",
                              others=("Token",))
        self.assertNotIn("Clock", [step.name for step in steps])

    def test_the_server_speaks_no_tls(self):
        self.start_identity()
        self.start_outlook(LETTERS, tls="starttls")
        self.start_daemon([self.oauth_account(imap={"tls": "implicit"})])
        self.diagnose("TLS", "imap.port", others=("Token",))

    @staticmethod
    def other_authority():
        """Of somebody who signed nothing here."""
        return SHARED.certificate("self-signed", ca=None).certificate


class Network(DoctorTest):
    def setUp(self):
        super().setUp()
        self.start_identity()
        self.start_outlook(LETTERS)

    def test_the_name_has_no_address(self):
        self.start_daemon([self.oauth_account(imap={"host": "no-such-host.invalid"})])
        steps = self.diagnose("DNS", "no-such-host.invalid", "spelt right", others=("Token",))
        self.assertEqual([step.name for step in steps],
                         ["Configuration", "DNS", "Endpoint", "Clock", "Token"])

    def test_nobody_listens(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            port = taken.getsockname()[1]
        self.start_daemon([self.oauth_account(imap={"port": port})])
        steps = self.diagnose("TCP", "refused", f"port {port}", "firewall", others=("Token",))
        self.assertNotIn("TLS", [step.name for step in steps])

    def test_one_family_of_two_is_enough(self):
        self.start_daemon([self.oauth_account(imap={"host": "localhost"})])
        self.sign_in()
        steps = self.doctor()
        self.assert_well(steps, ALL)
        if "::1" in self.found(steps, "DNS"):
            self.assertIn("Connections go by IPv4", self.found(steps, "TCP"))

    def test_the_sign_in_server_is_down(self):
        self.start_daemon([self.oauth_account()])
        self.identity.stop()
        self.diagnose("Endpoint", "https_proxy", others=("Token",))

    def test_the_server_does_not_greet(self):
        self.imap.options.greeting = "BYE Too many connections"
        self.start_daemon([self.oauth_account()])
        self.diagnose("TLS", "Too many connections", others=("Token",))


class Application(DoctorTest):
    """The application itself, without a person."""

    def setUp(self):
        super().setUp()
        self.start_outlook(LETTERS)
        self.account_of_app = self.app_account()

    def start(self):
        self.start_daemon([self.account_of_app])

    def test_all_is_well(self):
        self.start()
        steps = self.doctor()
        self.assert_well(steps, APP)
        self.assertIn("IMAP.AccessAsApp", self.found(steps, "Token"))

    def test_the_role_is_missing(self):
        self.application.roles.clear()
        self.start()
        self.diagnose("Token", "lacks the role IMAP.AccessAsApp", "admin consent")

    def test_the_object_id_is_wrong(self):
        """New-ServicePrincipal got the object id of the app registration."""
        principals = self.imap.store.service_principals
        principals[self.application.client_id] = self.application.registration_id
        self.start()
        self.diagnose("XOAUTH2", "ENTERPRISE APPLICATION",
                      f"New-ServicePrincipal -AppId {self.application.client_id}")

    def test_the_mailbox_permission_is_missing(self):
        self.mailbox.applications.clear()
        self.start()
        steps = self.diagnose("SELECT", f"Add-MailboxPermission -Identity {self.USER}")
        self.assertIn((True, "XOAUTH2"), [(step.ok, step.name) for step in steps])

    def test_the_secret_has_expired(self):
        secret = next(iter(self.application.secrets))
        self.application.add_secret(secret, datetime.timedelta(days=-1))
        self.start()
        self.diagnose("Token", "7000222", "expired")

    def test_the_secret_has_expired_by_the_setting(self):
        self.account_of_app["oauth"]["expires"] = "2020-02-29"
        self.start()
        self.diagnose("Secret", "expired", "by `expires`")

    def test_the_secret_is_wrong(self):
        self.application.secrets.clear()
        self.application.add_secret("another")
        self.start()
        self.diagnose("Token", "7000215", "secret")

    def test_everybody_can_read_the_secret(self):
        self.start()
        os.chmod(self.account_of_app["oauth"]["client_secret_file"], 0o644)
        self.diagnose("Secret", "everybody", others=("Token",))

    def test_a_certificate(self):
        pair = SHARED.certificate("app", key="RSA")
        self.application.certificates = (pair.certificate,)
        del self.account_of_app["oauth"]["client_secret_file"]
        self.account_of_app["oauth"].update(certificate=pair.certificate,
                                            private_key=pair.private_key)
        self.start()
        self.assert_well(self.doctor(), ["Certificate" if name == "Secret" else name
                                         for name in APP])
        self.application.certificates = ()
        self.stop()
        self.start()
        self.diagnose("Token", "700027", "certificate")

    def test_the_tenant_is_wrong(self):
        self.account_of_app["oauth"]["tenant"] = "nowhere.example"
        self.start()
        self.diagnose("Token", "90002")


class PersonalAccounts(DoctorTest):
    """Outlook.com: tokens that say nothing of themselves, and IMAP that is off to begin with."""

    USER = "carol@outlook.example"

    def setUp(self):
        super().setUp()
        self.start_outlook(LETTERS)
        self.start_daemon([self.oauth_account(provider="outlook", oauth={"tenant": None})])
        self.sign_in()

    def test_all_is_well(self):
        steps = self.doctor()
        self.assert_well(steps, ALL)
        self.assertIn("does not say whose", self.found(steps, "Token"))

    def test_imap_is_off(self):
        self.mailbox.imap_enabled = False
        self.diagnose("SELECT", "Settings, Mail, Forwarding and IMAP", "somebody else")


class OtherAccounts(DoctorTest):
    """Without OAuth there is less to look at."""

    def setUp(self):
        super().setUp()
        self.start_imap(LETTERS)

    def password_account(self, password):
        account = self.account(user=self.USER, auth="password", mailbox=self.USER)
        account["password_hash"] = "$scrypt$ln=15,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$" + "A" * 43
        account["imap_password_file"] = self.file("imap-password", password + "\n")
        return account

    def test_a_password(self):
        self.start_daemon([self.password_account(self.password)])
        self.assert_well(self.doctor(),
                         ["Configuration", "DNS", "TCP", "TLS", "Login", "SELECT", "Messages"])

    def test_a_wrong_password(self):
        self.secrets.add("wr0ng-one")
        self.start_daemon([self.password_account("wr0ng-one")])
        self.diagnose("Login", "imap-password")

    def test_the_client_s_own_password(self):
        self.start_daemon()
        steps = self.doctor("anybody@example.org")
        self.assert_well(steps, ["Configuration", "DNS", "TCP", "TLS", "Login"])
        self.assertIn("not tried", self.found(steps, "Login"))


if __name__ == "__main__":
    main()
