#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""The log: one line an event, one summary a session, nothing secret, nothing forged."""

import base64
import re

from harness import DaemonTest, main, parse_log_line
from messages import as_retrieved, message
from outlook import Fault

MESSAGES = [message(f"number {number}", b"text\r\n" * number) for number in range(1, 5)]


class Logs(DaemonTest):
    def test_a_session_leaves_one_summary(self):
        self.start_imap(MESSAGES)
        self.start_daemon(log={"level": "info"})
        self.deleted = {1, 2}
        client = self.log_in()
        octets = sum(len(client.retrieve(msgno)[1]) for msgno in (1, 2, 3))
        topped = len(client.top(4, 1)[1])
        self.assertEqual(octets, sum(len(as_retrieved(one)) for one in MESSAGES[:3]))
        for msgno in (1, 2):
            self.assert_ok(client.command(f"DELE {msgno}"))
        self.assert_ok(self.quit(client))
        line = self.daemon.log.wait("session-end")
        self.assertEqual(line.level, "info")
        self.assertRegex(line.fields.pop("session"), "^[0-9a-f]{8}$")
        self.assertRegex(line.fields.pop("seconds"), r"^[0-9]+\.[0-9]+$")
        self.assertEqual(line.fields, {
            "address": "127.0.0.1", "user": self.USER, "retrieved": "3",
            "retrieved_octets": str(octets), "topped": "1", "topped_octets": str(topped),
            "unreadable": "0", "deleted": "2", "left": "2", "reason": "quit"})

    def test_lines_of_a_session_carry_its_id_and_login_comes_before_the_end(self):
        self.start_imap(MESSAGES)
        self.start_daemon()
        self.assert_ok(self.quit(self.log_in()))
        end = self.daemon.log.wait("session-end")
        login = self.daemon.log.wait("login")
        self.assertEqual(login.fields["session"], end.fields["session"])
        self.assertEqual(login.fields["user"], self.USER)
        self.assertEqual(login.fields["messages"], str(len(MESSAGES)))

    def test_every_line_has_the_form_that_is_promised(self):
        self.start_imap(MESSAGES)
        self.start_daemon()
        client = self.log_in()
        client.retrieve(1)
        client.command("NONSENSE")
        self.quit(client)
        self.assert_err(self.connect().log_in(self.USER, "wrong"), "AUTH")
        self.stop()
        for text in self.daemon.log.text().split("\n"):
            line = parse_log_line(text)
            self.assertIsNotNone(line, text)
            plain = re.sub(r'"(?:[^"\\]|\\.)*"', "", line.text)
            for word in plain.split(" ")[2:]:
                self.assertRegex(word, r"^[a-z0-9_]+=[!-~]*$", text)

    def test_nothing_secret_is_logged_at_debug(self):
        """The harness looks for every password, plain and in base64, in every test; this one sees
        to it that each way of logging in, right and wrong, is among them."""
        wrong = "wr0ng-" + self.password
        self.secrets.add(wrong)
        for drop in (set(), {"SASL-IR"}, {"AUTH=PLAIN"}):
            self.imap = None
            self.start_imap(MESSAGES, drop=drop)
            self.start_daemon()
            for password in (self.password, wrong):
                # From several addresses: a wrong password makes its own address wait.
                for source, way in (("127.0.0.2", "log_in"), ("127.0.0.3", "log_in_plain")):
                    client = self.connect(source=source)
                    getattr(client, way)(self.USER, password)
                    client.close()
                client = self.connect()
                client.command("AUTH LOGIN")
                client.command(base64.b64encode(self.USER.encode()).decode())
                client.command(base64.b64encode(password.encode()).decode())
                client.close()
            client = self.connect()
            client.command(f"PASS {self.password}")        # out of turn
            client.command(f"USER {self.USER} {self.password}")
            client.command(f"XPASS {self.password}")       # a verb misspelt
            client.close()
            self.stop()
            text = self.daemon.log.text()
            self.assertIn("debug", text)
            for secret in (self.password, wrong):
                self.assertNotIn(secret, text)
                together = f"\0{self.USER}\0{secret}".encode()
                self.assertNotIn(base64.b64encode(together).decode(), text)
                self.assertNotIn(base64.b64encode(secret.encode()).decode(), text)

    def test_a_client_cannot_forge_lines(self):
        self.start_imap(MESSAGES)
        self.start_daemon()
        forged = "x\nerror forged session=1\x1b[31m\ruser=\"y\" z=\\"
        client = self.connect()
        self.assert_err(client.log_in_plain(forged, "wrong"), "AUTH")
        client.close()
        client = self.connect()
        client.command("USER a\x1b]0;title\x07\"b")
        client.command("PASS wrong")
        self.stop()
        self.assertEqual(self.daemon.log.lines("forged"), [])
        self.assertNotRegex(self.daemon.log.text(), "[\x00-\x09\x0b-\x1f\x7f-\xff]")
        users = [line.fields.get("user") for line in self.daemon.log.lines("login-failed")]
        self.assertIn(forged, users)

    def test_a_server_cannot_forge_lines_or_replies(self):
        self.start_imap(MESSAGES)
        words = "NO [X-Y] gone\x1b[2J\x07\x7f wild \"quoted\" " + "x" * 3000
        self.imap.faults.cue(Fault("SELECT", reply=words, times=None))
        self.start_daemon()
        reply = self.connect().log_in(self.USER, self.password)
        self.assertFalse(reply.ok)
        self.assertLessEqual(len(reply), 510)
        self.assertRegex(reply, "^[ -~]*$")
        self.stop()
        self.assertNotRegex(self.daemon.log.text(), "[\x00-\x09\x0b-\x1f\x7f-\xff]")

    def test_info_is_quieter_than_debug(self):
        self.start_imap(MESSAGES)
        counts = {}
        for level in ("info", "debug"):
            self.start_daemon(log={"level": level})
            self.assert_ok(self.quit(self.log_in()))
            self.stop()
            counts[level] = [line.level for line in self.daemon.log.lines()].count("debug")
        self.assertEqual(counts["info"], 0)
        self.assertGreater(counts["debug"], 0)


if __name__ == "__main__":
    main()
