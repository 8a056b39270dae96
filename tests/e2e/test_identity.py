#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""The simulated identity provider itself: what a test bench refuses must be refused for the reason
that it says."""

import base64
import datetime
import hashlib
import imaplib
import json
import os
import ssl
import subprocess
import sys
import time
import unittest
import urllib.parse

from harness import SHARED, TESTS, main
from oauth import APP_SCOPE, IMAP_SCOPE, Browser
from outlook import Directory, Identity, Options, Server, Settings, Store, Trouble
from outlook.identity.assertion import TYPE, thumbprint
from outlook.identity.grants import DEVICE_CODE

VERIFIER = "v" * 43
REDIRECT = "http://localhost:49152/"


def coded(octets):
    return base64.urlsafe_b64encode(octets).decode().rstrip("=")


CHALLENGE = coded(hashlib.sha256(VERIFIER.encode()).digest())


class IdentityTest(unittest.TestCase):
    ADA, EVE = "ada@contoso.example", "eve@contoso.example"
    CAROL = "carol@outlook.example"

    def setUp(self):
        self.directory = Directory()
        self.tenant = self.directory.add_tenant("contoso.example")
        for name in (self.ADA, self.EVE, self.CAROL):
            self.directory.add_person(name)
        self.application = self.directory.add_application(self.tenant)
        self.identity = Identity(self.directory, Settings(), *SHARED.certificate()).start()
        self.addCleanup(self.identity.stop)
        self.browser = Browser()

    def tearDown(self):
        self.assertEqual(self.identity.crashes, [])

    def address(self, name, tenant="common"):
        return f"{self.identity.authority}/{tenant}/oauth2/v2.0/{name}"

    def post(self, name, tenant="common", **form):
        """(status, members)"""
        form = {"client_id": self.application.client_id, **form}
        status, text, _ = self.browser.open(self.address(name, tenant), form)
        return status, json.loads(text)

    def authorize(self, tenant="common", person=ADA, **changes):
        """Where the browser ends: its address without the query, and the query."""
        query = {"client_id": self.application.client_id, "response_type": "code",
                 "response_mode": "query", "redirect_uri": REDIRECT, "scope": IMAP_SCOPE,
                 "state": "xyz", "code_challenge": CHALLENGE, "code_challenge_method": "S256",
                 **changes}
        address = self.browser.press(
            self.address("authorize", tenant) + "?" + urllib.parse.urlencode(query), person)
        where, _, answer = address.partition("?")
        return where, dict(urllib.parse.parse_qsl(answer))

    def redeem(self, code, tenant="common", **changes):
        return self.post("token", tenant, **{
            "grant_type": "authorization_code", "code": code, "redirect_uri": REDIRECT,
            "code_verifier": VERIFIER, "scope": IMAP_SCOPE, **changes})

    def sign_in(self, person=ADA):
        return self.redeem(self.authorize(person=person)[1]["code"])[1]

    def refresh(self, token, **changes):
        return self.post("token", **{"grant_type": "refresh_token", "refresh_token": token,
                                     "scope": IMAP_SCOPE, **changes})

    def assert_refused(self, answer, error, number=None, status=400):
        self.assertEqual((answer[0], answer[1]["error"]), (status, error), answer)
        if number is not None:
            self.assertEqual(answer[1]["error_codes"], [number])
            self.assertRegex(answer[1]["error_description"],
                             rf"^AADSTS{number}: .+\r\nTrace ID: [-0-9a-f]{{36}}\r\n"
                             r"Correlation ID: [-0-9a-f]{36}\r\nTimestamp: \S+ \S+Z$")


class Flows(IdentityTest):
    def test_a_code_becomes_tokens_once(self):
        where, answer = self.authorize()
        self.assertEqual((where, answer["state"]), (REDIRECT, "xyz"))
        status, tokens = self.redeem(answer["code"])
        self.assertEqual(status, 200)
        self.assertEqual({name: type(value) for name, value in tokens.items()}, {
            "token_type": str, "scope": str, "expires_in": int, "ext_expires_in": int,
            "access_token": str, "refresh_token": str})
        self.assert_refused(self.redeem(answer["code"]), "invalid_grant", 54005)

    def test_an_access_token_says_what_it_is(self):
        token = self.sign_in()["access_token"]
        self.assertGreater(len(token), 1500)
        claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
        self.assertEqual((claims["aud"], claims["upn"], claims["scp"]),
                         ("https://outlook.office.com", self.ADA, "IMAP.AccessAsUser.All"))

    def test_a_personal_accounts_token_says_nothing(self):
        token = self.sign_in(self.CAROL)["access_token"]
        self.assertTrue(token.startswith("EwB"))
        self.assertNotIn(".", token)

    def test_a_code_needs_its_verifier_and_its_redirect(self):
        for changes, number, error in (({"code_verifier": "w" * 43}, 501481, "invalid_grant"),
                                       ({"redirect_uri": "http://localhost:1/"}, 50011,
                                        "invalid_request"),
                                       ({"client_secret": "x"}, 700025, "invalid_client")):
            with self.subTest(number):
                code = self.authorize()[1]["code"]
                self.assert_refused(self.redeem(code, **changes), error, number,
                                    401 if error == "invalid_client" else 400)

    def test_the_port_of_a_redirect_is_ignored_and_its_path_is_not(self):
        self.assertEqual(self.authorize(redirect_uri="http://localhost:7")[0],
                         "http://localhost:7/")
        for redirect in ("http://localhost:7/x", "http://127.0.0.1:7/", "https://localhost:7/",
                         "http://localhost.example/", "http://[::1]:7/", ""):
            with self.subTest(redirect), self.assertRaisesRegex(AssertionError, "AADSTS50011"):
                self.authorize(redirect_uri=redirect)

    def test_cancel_comes_back_as_an_error(self):
        _, answer = self.authorize(person=None)
        self.assertEqual((answer["error"], answer["state"]), ("access_denied", "xyz"))
        self.assertIn("AADSTS65004", answer["error_description"])
        self.assertNotIn("code", answer)

    def test_a_client_without_pkce_is_sent_back(self):
        for changes in ({"code_challenge_method": "plain"}, {"code_challenge": ""}):
            with self.subTest(changes), self.assertRaises(AssertionError):
                self.authorize(**changes)

    def test_people_are_in_their_tenant(self):
        for tenant, person, there in (("organizations", self.ADA, True),
                                      ("organizations", self.CAROL, False),
                                      ("consumers", self.CAROL, True),
                                      ("consumers", self.ADA, False),
                                      ("contoso.example", self.ADA, True),
                                      (self.tenant.id, self.CAROL, False)):
            with self.subTest(tenant=tenant, person=person):
                if there:
                    self.assertIn("code", self.authorize(tenant, person)[1])
                else:
                    with self.assertRaisesRegex(AssertionError, "no button"):
                        self.authorize(tenant, person)

    def test_device_codes(self):
        self.identity.settings.interval = 0.01
        _, device = self.post("devicecode", scope=IMAP_SCOPE)
        self.assertEqual(device["expires_in"], 900)

        def poll():
            time.sleep(0.02)
            return self.post("token", grant_type=DEVICE_CODE, device_code=device["device_code"])

        self.assert_refused(poll(), "authorization_pending", 70016)
        self.browser.enter_code(device["verification_uri"], device["user_code"], self.ADA)
        self.assertIn("refresh_token", poll()[1])
        self.assert_refused(poll(), "bad_verification_code", 70018)

    def test_device_codes_end_without_tokens_too(self):
        _, device = self.post("devicecode", scope=IMAP_SCOPE)
        form = {"grant_type": DEVICE_CODE, "device_code": device["device_code"]}
        self.assert_refused(self.post("token", **form), "authorization_pending")
        self.assert_refused(self.post("token", **form), "slow_down")
        self.identity.settings.interval = 0
        _, device = self.post("devicecode", scope=IMAP_SCOPE)
        form = {"grant_type": DEVICE_CODE, "device_code": device["device_code"]}
        self.browser.enter_code(device["verification_uri"], device["user_code"], None)
        self.assert_refused(self.post("token", **form), "authorization_declined")
        self.identity.settings.clock_skew = 1000
        self.assert_refused(self.post("token", **form), "expired_token", 70019)
        self.assert_refused(self.post("token", grant_type=DEVICE_CODE, device_code="x"),
                            "bad_verification_code", 70018)

    def test_pages_are_served_without_tls_where_that_is_asked_for(self):
        base = self.identity.serve_pages()
        _, device = self.post("devicecode", scope=IMAP_SCOPE)
        self.assertTrue(device["verification_uri"].startswith(base))
        self.browser.enter_code(device["verification_uri"], device["user_code"], self.ADA)
        self.assertEqual(self.browser.open(f"{base}/common/oauth2/v2.0/token", {
            "client_id": self.application.client_id, "grant_type": DEVICE_CODE,
            "device_code": device["device_code"]})[0], 404)

    def test_a_device_code_wants_public_flows_or_a_secret(self):
        self.application.public_flows = False
        _, device = self.post("devicecode", scope=IMAP_SCOPE)
        self.assert_refused(
            self.post("token", grant_type=DEVICE_CODE, device_code=device["device_code"]),
            "invalid_client", 7000218, 401)

    def test_scopes(self):
        for scope, error in ((IMAP_SCOPE + " https://graph.microsoft.com/User.Read",
                              "invalid_scope"),
                             ("https://other.example/IMAP.AccessAsUser.All", "invalid_resource"),
                             ("https://outlook.office.com/Calendars.Read", "invalid_scope")):
            with self.subTest(scope):
                self.assertEqual(self.authorize_error(scope), error)

    def authorize_error(self, scope):
        query = {"client_id": self.application.client_id, "response_type": "code",
                 "redirect_uri": REDIRECT, "scope": scope, "code_challenge": CHALLENGE,
                 "code_challenge_method": "S256"}
        _, _, address = self.browser.open(
            self.address("authorize") + "?" + urllib.parse.urlencode(query))
        return urllib.parse.parse_qs(urllib.parse.urlsplit(address).query)["error"][0]

    def test_tenants_and_applications_that_are_none(self):
        form = {"grant_type": "refresh_token", "refresh_token": "x"}
        self.assert_refused(self.post("token", "nowhere.example", **form), "invalid_request", 90002)
        self.assert_refused(self.post("token", client_id="x", **form), "unauthorized_client",
                            700016)
        self.application.audience = "single"
        self.assert_refused(self.post("token", **form), "invalid_request", 50194)
        self.assert_refused(self.post("token", grant_type="password", tenant="contoso.example"),
                            "unsupported_grant_type", 70003)


class Refreshing(IdentityTest):
    def test_each_use_gives_a_new_one_and_the_old_one_goes_on(self):
        first = self.sign_in()["refresh_token"]
        status, answer = self.refresh(first)
        self.assertEqual(status, 200)
        self.assertNotEqual(answer["refresh_token"], first)
        self.assertEqual(self.refresh(first)[0], 200)
        self.assertEqual(self.identity.journal.granted("token refresh_token"), 2)

    def test_strict_rotation_revokes_the_family_of_a_token_used_twice(self):
        self.identity.settings.rotation = "strict"
        first = self.sign_in()["refresh_token"]
        second = self.refresh(first)[1]["refresh_token"]
        self.assert_refused(self.refresh(first), "invalid_grant", 70000)
        self.assert_refused(self.refresh(second), "invalid_grant", 70000)

    def test_with_an_overlap_the_old_one_ends_when_the_new_one_is_used(self):
        self.identity.settings.rotation = "overlap"
        first = self.sign_in()["refresh_token"]
        second = self.refresh(first)[1]["refresh_token"]
        third = self.refresh(first)[1]["refresh_token"]
        self.assertEqual(self.refresh(third)[0], 200)
        for token in (first, second):
            self.assert_refused(self.refresh(token), "invalid_grant", 70000)

    def test_without_rotation_there_is_none(self):
        self.identity.settings.rotation = "none"
        self.assertNotIn("refresh_token", self.refresh(self.sign_in()["refresh_token"])[1])

    def test_what_ends_a_sign_in(self):
        token = self.sign_in()["refresh_token"]
        self.identity.settings.clock_skew = 91 * 86400
        self.assert_refused(self.refresh(token), "invalid_grant", 700082)
        self.identity.settings.clock_skew = 0
        self.application.consented = False
        self.assert_refused(self.refresh(token), "invalid_grant", 65001)
        self.application.consented = True
        self.identity.tokens.revoke(self.directory.find_person(self.ADA))
        self.assert_refused(self.refresh(token), "invalid_grant", 50173)
        self.assert_refused(self.refresh("x"), "invalid_grant", 70000)


class Applications(IdentityTest):
    def setUp(self):
        super().setUp()
        self.application = self.directory.add_application(
            self.tenant, audience="single", roles={"IMAP.AccessAsApp"})
        self.secret = self.application.add_secret("s3cr3t+/=&% of the app")

    def ask(self, tenant="contoso.example", **form):
        return self.post("token", tenant, **{"grant_type": "client_credentials",
                                             "scope": APP_SCOPE, **form})

    def test_a_secret(self):
        status, answer = self.ask(client_secret=self.secret)
        self.assertEqual(status, 200)
        self.assertNotIn("refresh_token", answer)
        claims = json.loads(base64.urlsafe_b64decode(answer["access_token"].split(".")[1] + "=="))
        self.assertEqual((claims["roles"], claims["aud"]),
                         (["IMAP.AccessAsApp"], "https://outlook.office365.com"))

    def test_secrets_that_are_none(self):
        self.assert_refused(self.ask(client_secret="wrong"), "invalid_client", 7000215, 401)
        self.assert_refused(self.ask(), "invalid_client", 7000218, 401)
        old = self.application.add_secret("old", datetime.timedelta(days=-1))
        self.assert_refused(self.ask(client_secret=old), "invalid_client", 7000222, 401)

    def test_a_tenant_that_is_none_in_particular(self):
        self.application.audience = "all"
        self.assert_refused(self.ask("common", client_secret=self.secret), "invalid_request", 50059)

    def test_a_scope_is_a_resources_default(self):
        self.assert_refused(self.ask(client_secret=self.secret, scope=IMAP_SCOPE), "invalid_scope",
                            1002012)

    def assertion(self, algorithm="PS256", signer=None, **claims):
        pair = SHARED.certificate("app", key="RSA")
        now = int(time.time())
        header = {"alg": algorithm, "typ": "JWT", "x5t#S256": thumbprint(pair.certificate)}
        claims = {"aud": self.address("token", "contoso.example"), "nbf": now, "iat": now,
                  "exp": now + 300, "iss": self.application.client_id,
                  "sub": self.application.client_id, "jti": os.urandom(8).hex(), **claims}
        signed = f"{coded(json.dumps(header).encode())}.{coded(json.dumps(claims).encode())}"
        options = (["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest"]
                   if algorithm == "PS256" else [])
        signature = subprocess.run(
            ["openssl", "dgst", "-sha256", "-sign", (signer or pair).private_key, *options],
            input=signed.encode(), stdout=subprocess.PIPE, check=True).stdout
        return f"{signed}.{coded(signature)}"

    def prove(self, *arguments, **claims):
        return self.ask(client_assertion_type=TYPE,
                        client_assertion=self.assertion(*arguments, **claims))

    def test_a_certificate(self):
        self.assert_refused(self.prove(), "invalid_client", 700027, 401)
        self.application.certificates = (SHARED.certificate("app", key="RSA").certificate,)
        for algorithm in ("PS256", "RS256"):
            with self.subTest(algorithm):
                self.assertEqual(self.prove(algorithm)[0], 200)

    def test_assertions_that_prove_nothing(self):
        self.application.certificates = (SHARED.certificate("app", key="RSA").certificate,)
        now = int(time.time())
        for claims, number in (({"aud": self.address("token", "common")}, 50013),
                               ({"iss": "somebody"}, 50013), ({"exp": now + 700}, 50013),
                               ({"nbf": now - 2000, "exp": now - 1500}, 700024),
                               ({"nbf": now + 1500, "exp": now + 1800}, 700024)):
            with self.subTest(claims):
                self.assert_refused(self.prove(**claims), "invalid_client", number, 401)
        other = SHARED.certificate("another-app", key="RSA")
        self.assert_refused(self.prove("PS256", other), "invalid_client", 700027, 401)
        same = {"client_assertion_type": TYPE, "client_assertion": self.assertion()}
        self.assertEqual(self.ask(**same)[0], 200)
        self.assert_refused(self.ask(**same), "invalid_client", 50013, 401)


class Troubles(IdentityTest):
    def ask(self):
        body = urllib.parse.urlencode({"client_id": self.application.client_id,
                                       "grant_type": "refresh_token",
                                       "refresh_token": self.token}).encode()
        done = subprocess.run(
            ["curl", "-sS", "-i", "--cacert", SHARED.ca.certificate, "--data-binary", "@-",
             self.address("token")], input=body, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            timeout=60, check=False)
        head, _, rest = done.stdout.partition(b"\r\n\r\n")
        return done.returncode, head.decode("latin-1"), rest

    def setUp(self):
        super().setUp()
        self.token = self.sign_in()["refresh_token"]

    def test_each_of_them(self):
        def says(pattern):
            return lambda code, head, body: self.assertRegex(head + "\n" + body.decode("latin-1"),
                                                             pattern)

        def fails_with(*codes):
            return lambda code, head, body: self.assertIn(code, codes)

        for trouble, look in (
                (Trouble("token", error=53003), says(r"400 (?s:.)*AADSTS53003")),
                (Trouble("token", error="AADSTS50196"), says("AADSTS50196")),
                (Trouble("token", error="consent_required"), says('"consent_required"')),
                (Trouble("token", status=429, retry_after=7), says(r"429 (?s:.)*Retry-After: 7")),
                (Trouble("token", status=503), says("503 ")),
                (Trouble("token", body="html"), says(r"text/html(?s:.)*<h1>")),
                (Trouble("token", body="half"), says(r"200 OK")),
                (Trouble("token", omit="expires_in"), says(r'^(?s:(?!"expires_in").)*$')),
                (Trouble("token", members={"expires_in": "3600"}), says('"expires_in": "3600"')),
                (Trouble("token", redirect="https://elsewhere.example/"),
                 says(r"302 (?s:.)*Location: https://elsewhere")),
                (Trouble("token", body="duplicate"), says('"other"')),
                (Trouble("token", body="deep"), says(r"\[{1000}")),
                (Trouble("token", content_type="text/plain"), says("text/plain")),
                (Trouble("token", trickle=0.0001), says("200 OK")),
                (Trouble("token", cut="before"), fails_with(52, 56)),
                (Trouble("token", cut="after", reset=True), fails_with(52, 56, 35)),
                (Trouble("token", cut="body"), fails_with(18, 56)),
                (Trouble("TLS", cut="before"), fails_with(35))):
            with self.subTest(trouble):
                self.identity.faults.cue(trouble)
                look(*self.ask())
                self.assertEqual(self.ask()[0], 0)

    def test_a_large_answer_is_large(self):
        self.identity.faults.cue(Trouble("token", body="large"))
        self.assertGreater(len(self.ask()[2]), 2 << 20)

    def test_the_cue_is_the_grant(self):
        self.identity.faults.cue(Trouble("token device_code", status=500))
        self.assertIn("200 OK", self.ask()[1])
        self.identity.faults.cue(Trouble("authorize", error=53003))
        self.assertIn("AADSTS53003", self.authorize()[1]["error_description"])

    def test_on_a_command_line(self):
        self.assertEqual(Trouble.parse('token refresh_token error=53003 times=always'),
                         Trouble("token refresh_token", error=53003, times=None))
        for text in ("token body=colourful", "token cut=now"):
            with self.subTest(text), self.assertRaises(ValueError):
                Trouble.parse(text)

    def test_secrets_are_not_in_the_journal(self):
        self.ask()
        texts = " ".join(self.identity.journal.texts())
        for secret in (*self.identity.tokens.texts(), VERIFIER):
            self.assertNotIn(secret, texts)


class CommandLine(unittest.TestCase):
    def test_it_says_where_it_is_and_who_may_sign_in(self):
        pair = SHARED.certificate()
        with subprocess.Popen(
                [sys.executable, os.path.join(TESTS, "outlook"), "--identity", "--person",
                 "eve@example.org", "--certificate", pair.certificate, "--private-key",
                 pair.private_key], stdout=subprocess.PIPE, text=True) as process:
            said = {}
            for line in process.stdout:
                word, _, rest = line.rstrip("\n").partition(" ")
                said.setdefault(word, []).append(rest)
                if word == "listening":
                    break
            self.assertEqual(said["person"], ["ada@example.org", "eve@example.org"])
            status, text, _ = Browser().open(
                f"{said['authority'][0]}/{said['tenant'][0]}/oauth2/v2.0/devicecode",
                {"client_id": said["client_id"][0], "scope": IMAP_SCOPE})
            self.assertEqual(status, 200, text)
            process.terminate()
            self.assertEqual(process.wait(20), 0)


class Mailboxes(IdentityTest):
    """Which tokens open which mailbox."""

    def serve(self, **options):
        self.store = Store()
        self.account = self.store.add_user(self.ADA)
        server = Server(self.store, Options(passwords=False, **options), *SHARED.certificate(),
                        identity=self.identity).start()
        self.addCleanup(server.stop)
        self.addCleanup(lambda: self.assertEqual(server.crashes, []))
        self.server = server

    def connect(self):
        client = imaplib.IMAP4_SSL("127.0.0.1", self.server.port,
                                   ssl_context=SHARED.client_context(), timeout=20)
        self.addCleanup(client.shutdown)
        return client

    def open(self, token, mechanism="XOAUTH2", user="ada@contoso.example"):
        """"opened", or what stood in the way."""
        client = self.connect()
        response = (f"user={user}\1auth=Bearer {token}\1\1" if mechanism == "XOAUTH2" else
                    f"n,a={user},\1auth=Bearer {token}\1\1")
        said = []

        def answer(challenge):
            said.append(challenge)
            return response if len(said) == 1 else (b"\1" if mechanism != "XOAUTH2" else b"")

        try:
            client.authenticate(mechanism, answer)
            status, text = client.select()
        except imaplib.IMAP4.error as error:
            return str(error)
        return "opened" if status == "OK" else text[0].decode()

    def test_a_person_opens_the_own_mailbox_and_those_with_full_access(self):
        self.serve()
        ada, eve = (self.sign_in(name)["access_token"] for name in (self.ADA, self.EVE))
        self.assertEqual(self.open(ada), "opened")
        self.assertIn("authenticated but not connected", self.open(eve))
        self.account.delegates.add(self.EVE)
        self.assertEqual(self.open(eve), "opened")
        self.account.imap_enabled = False
        self.assertIn("authenticated but not connected", self.open(ada))
        self.assertIn("AUTHENTICATE failed", self.open(ada + "x"))
        self.assertIn("AUTHENTICATE failed", self.open(ada, user="nobody@contoso.example"))

    def test_a_token_of_graph_opens_nothing(self):
        self.serve()
        code = self.authorize(scope="IMAP.AccessAsUser.All offline_access")[1]["code"]
        token = self.redeem(code, scope="IMAP.AccessAsUser.All offline_access")[1]["access_token"]
        self.assertIn("AUTHENTICATE failed", self.open(token))

    def test_an_application_is_introduced_and_then_given_access(self):
        self.serve()
        self.application = app = self.directory.add_application(
            self.tenant, audience="single", roles={"IMAP.AccessAsApp"})
        secret = app.add_secret("x")

        def token():
            return self.post("token", "contoso.example", grant_type="client_credentials",
                             scope=APP_SCOPE, client_secret=secret)[1]["access_token"]

        self.assertIn("AUTHENTICATE failed", self.open(token()))
        self.store.introduce(app, app.registration_id)
        self.assertIn("AUTHENTICATE failed", self.open(token()))
        self.store.introduce(app)
        self.assertIn("authenticated but not connected", self.open(token()))
        self.account.applications.add(app.client_id)
        self.assertEqual(self.open(token()), "opened")
        app.roles = set()
        self.assertIn("AUTHENTICATE failed", self.open(token()))

    def test_a_session_ends_with_its_token(self):
        self.serve()
        token = self.sign_in()["access_token"]
        client = self.connect()
        client.authenticate("XOAUTH2", lambda _: f"user={self.ADA}\1auth=Bearer {token}\1\1")
        client.select()
        self.identity.settings.clock_skew = 4000
        with self.assertRaisesRegex((imaplib.IMAP4.abort, ssl.SSLError, OSError),
                                    "AccessTokenExpired|EOF|closed"):
            client.noop()
        self.assertIn("AUTHENTICATE failed", self.open(token))

    def test_other_servers_explain_themselves_in_a_challenge(self):
        for mechanism in ("XOAUTH2", "OAUTHBEARER"):
            with self.subTest(mechanism):
                self.serve(token_challenge='{"status": "401"}', extra=("AUTH=OAUTHBEARER",))
                self.assertIn("AUTHENTICATE failed", self.open("x", mechanism))
                token = self.sign_in()["access_token"]
                self.assertEqual(self.open(token, mechanism), "opened")

    def test_passwords_are_refused_though_they_are_listed(self):
        self.serve(password_refusal="NO Basic authentication is disabled.", password_bye=True)
        client = self.connect()
        self.assertIn("AUTH=PLAIN", client.capabilities)
        with self.assertRaisesRegex(imaplib.IMAP4.error, "Basic authentication"):
            client.login(self.ADA, "x")

    def test_nonsense_is_an_argument_error(self):
        self.serve()
        client = self.connect()
        with self.assertRaisesRegex(imaplib.IMAP4.error, "Argument Error. 12"):
            client.authenticate("XOAUTH2", lambda _: b"user=x")


if __name__ == "__main__":
    main()
