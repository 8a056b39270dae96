#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""A POP3 session from the socket to the mailbox and back (RFC 1939, 2449, 5034)."""

import base64
import socket

from harness import DaemonTest, eventually, main
from messages import as_retrieved, as_topped, message
from outlook import Octets

MESSAGES = [message("first", b"one\r\n"), message("second", b"two\r\n.\r\nthree\r\n"),
            message("third", b"four\r\n" * 10)]


def base64_text(octets):
    return base64.b64encode(octets).decode()


class Verbs(DaemonTest):
    def setUp(self):
        super().setUp()
        self.start_imap(MESSAGES, sizes="exact")
        self.start_daemon()

    def test_every_verb_answers(self):
        client = self.connect()
        self.assert_ok(client.greeting)
        _, before = client.listing("CAPA")
        self.assert_ok(client.command(f"USER {self.USER}"))
        self.assert_ok(client.command(f"PASS {self.password}"))
        octets = [len(one) for one in MESSAGES]
        self.assertEqual(client.stat(), (3, sum(octets)))
        self.assertEqual(client.sizes(), dict(enumerate(octets, 1)))
        self.assertEqual(client.command("LIST 2"), f"+OK 2 {octets[1]}")
        unique_ids = client.unique_ids()
        self.assertEqual(client.command("UIDL 3"), f"+OK 3 {unique_ids[3]}")
        for msgno, octets in enumerate(MESSAGES, 1):
            status, received = client.retrieve(msgno)
            self.assert_ok(status)
            self.assertEqual(received, as_retrieved(octets))
        self.assertEqual(client.top(3, 2)[1], as_topped(MESSAGES[2], 2))
        self.assert_ok(client.command("NOOP"))
        self.assert_ok(client.command("DELE 1"))
        self.assertEqual(client.stat()[0], 2)
        self.assertEqual(list(client.sizes()), [2, 3])
        self.assertEqual(list(client.unique_ids()), [2, 3])
        for text in ("RETR 1", "TOP 1 0", "DELE 1", "LIST 1", "UIDL 1"):
            self.assert_err(client.command(text))
        self.assert_ok(client.command("RSET"))
        self.assertEqual(client.stat()[0], 3)
        self.assertEqual(client.listing("CAPA")[1], before)
        self.assert_ok(client.command("QUIT"))
        self.assert_ended(client)
        self.assertEqual(self.inbox.uids(), [1, 2, 3])

    def test_verbs_are_understood_in_any_case(self):
        client = self.connect()
        self.assert_ok(client.command(f"uSeR {self.USER}"))
        self.assert_ok(client.command(f"pass {self.password}"))
        for text in ("stat", "Noop", "lIsT 1", "uidl 1", "rset", "quit"):
            with self.subTest(text):
                self.assert_ok(client.command(text))

    def test_capabilities_are_those_of_the_manual(self):
        _, lines = self.connect().listing("CAPA")
        names = {line.split(" ")[0] for line in lines}
        self.assertLessEqual({"TOP", "UIDL", "USER", "SASL", "RESP-CODES", "AUTH-RESP-CODE",
                              "PIPELINING", "EXPIRE", "IMPLEMENTATION", "UTF8"}, names)
        self.assertIn("EXPIRE NEVER", lines)
        self.assertTrue({"SASL PLAIN LOGIN", "SASL LOGIN PLAIN"} & set(lines), lines)
        self.assertNotIn("STLS", names)  # there is no certificate
        self.assertFalse(names & {"LANG", "LOGIN-DELAY", "APOP"}, names)

    def test_every_listed_capability_is_there(self):
        client = self.log_in()
        self.assert_ok(client.top(1, 0)[0])
        self.assertEqual(len(client.unique_ids()), 3)
        client.send(b"NOOP\r\nNOOP\r\n")
        self.assert_ok(client.line())
        self.assert_ok(client.line())

    def test_transaction_verbs_are_refused_before_login(self):
        for text in ("STAT", "LIST", "UIDL", "RETR 1", "TOP 1 0", "DELE 1", "RSET"):
            with self.subTest(text):
                self.assert_err(self.connect().command(text))

    def test_what_is_no_command_is_one_error_each(self):
        rows = ("", ":", "FOO", "APOP ada 00", "LANG de", "LIST 0", "LIST 4294967297", "LIST x",
                "RETR", "RETR -1", "RETR 4", "RETR 1 x", "TOP 1", "TOP 1 -1", "TOP x 1", "DELE",
                "DELE 99999999999999999999", "STAT 1", "UIDL 1 2", "X" * 600)
        for text in rows:
            with self.subTest(text[:30]):
                client = self.log_in()
                self.assert_err(client.command(text))
                self.assert_ok(client.command("NOOP"))
                self.quit(client)

    def test_numbers_may_have_leading_zeros_and_blanks_around_them(self):
        client = self.log_in()
        self.assertEqual(client.command("LIST  1 "), client.command("LIST 1"))

    def test_a_unique_id_is_uid_then_uidvalidity_in_hex(self):
        client = self.log_in()
        validity = self.inbox.uidvalidity
        self.assertEqual(client.unique_ids(),
                         {uid: f"{uid:08x}{validity:08x}" for uid in (1, 2, 3)})

    def test_list_of_one_message_is_one_line(self):
        client = self.log_in()
        client.send(b"LIST 1\r\nUIDL 1\r\nNOOP\r\n")
        replies = [client.line() for _ in range(3)]
        self.assertTrue(replies[0].startswith("+OK 1 "), replies)
        self.assertTrue(replies[1].startswith("+OK 1 "), replies)
        self.assert_ok(replies[2])

    def test_utf8_is_accepted_before_login(self):
        client = self.connect()
        self.assert_ok(client.command("UTF8"))
        self.assert_ok(client.log_in(self.USER, self.password))


class Pipelining(DaemonTest):
    def setUp(self):
        super().setUp()
        self.start_imap(MESSAGES, sizes="exact")
        self.start_daemon()

    def test_a_thousand_commands_in_one_write_are_answered_in_order(self):
        client = self.log_in()
        commands, expected = [], []
        for number in range(1000):
            msgno = number % 3 + 1
            kind = number % 5
            if kind == 0:
                commands.append(f"LIST {msgno}")
                expected.append((f"+OK {msgno} {len(MESSAGES[msgno - 1])}", None))
            elif kind == 1:
                uid = f"{msgno:08x}{self.inbox.uidvalidity:08x}"
                commands.append(f"UIDL {msgno}")
                expected.append((f"+OK {msgno} {uid}", None))
            elif kind == 2:
                commands.append(f"RETR {msgno}")
                expected.append(("+OK", as_retrieved(MESSAGES[msgno - 1])))
            elif kind == 3:
                commands.append(f"TOP {msgno} 1")
                expected.append(("+OK", as_topped(MESSAGES[msgno - 1], 1)))
            else:
                commands.append("NOSUCH")
                expected.append(("-ERR", None))
        # Ten bad commands would end the session: only every hundredth stays one.
        for number, command in enumerate(commands):
            if command == "NOSUCH" and number % 200 != 4:
                commands[number], expected[number] = "NOOP", ("+OK", None)
        client.send("".join(command + "\r\n" for command in commands).encode())
        for number, (status, body) in enumerate(expected):
            reply = client.line()
            self.assertTrue(reply.startswith(status), f"{number} {commands[number]}: {reply}")
            if body is not None:
                self.assertEqual(client.message(), body, f"{number} {commands[number]}")

    def test_a_whole_session_in_one_write_is_answered(self):
        client = self.connect()
        self.deleted = {2}
        client.send(f"USER {self.USER}\r\nPASS {self.password}\r\nSTAT\r\nRETR 2\r\nDELE 2\r\n"
                    "QUIT\r\nSTAT\r\nDELE 1\r\n".encode())
        for _ in range(3):
            self.assert_ok(client.line())
        self.assert_ok(client.line())
        self.assertEqual(client.message(), as_retrieved(MESSAGES[1]))
        self.assert_ok(client.line())
        self.assert_ok(client.line())
        self.assert_ended(client)
        self.assertEqual(self.inbox.uids(), [1, 3])

    def test_a_session_octet_by_octet_reads_like_one_in_a_piece(self):
        script = (f"USER {self.USER}\r\nPASS {self.password}\r\nSTAT\r\nLIST\r\nUIDL\r\nTOP 2 1\r\n"
                  "RETR 3\r\nDELE 1\r\nRSET\r\nFOO\r\nQUIT\r\n").encode()
        whole = self.connect()
        whole.send(script)
        expected = whole.rest()
        self.assertTrue(expected.startswith(b"+OK"))
        single = self.connect()
        for position in range(len(script)):
            single.send(script[position:position + 1])
        self.assertEqual(single.rest(), expected)

    def test_quit_counts_when_the_client_closes_with_it(self):
        self.deleted = {1}
        client = self.log_in()
        client.send(b"DELE 1\r\nQUIT\r\n")
        client.socket.shutdown(socket.SHUT_WR)
        eventually(lambda: self.inbox.uids() == [2, 3], "message 1 is expunged")
        self.daemon.log.wait("session-end", reason="quit")


class Logins(DaemonTest):
    """Names and passwords are octets, and none of them is syntax, here or upstream."""

    PASSWORDS = ("with blank", " blank in front", "blank behind ", "two  blanks", "tab\there",
                 'quote"inside', "back\\slash", "{10}", "{3+}", "*", "a)(b", "Grüße 世界", "%n%s",
                 "x" * 250)

    def test_any_password_reaches_the_server_as_it_was_typed(self):
        for password in self.PASSWORDS:
            for drop in (set(), {"SASL-IR"}, {"AUTH=PLAIN", "LITERAL+"}):
                with self.subTest(password=password[:20], drop=drop):
                    self.secrets.add(password if len(password) > 5 else self.password)
                    imap = self.start_imap(MESSAGES[:1], password=password, drop=drop)
                    self.start_daemon([self.account(imap)])
                    client = self.connect()
                    self.assert_ok(client.log_in(self.USER, password))
                    self.assertEqual(client.stat()[0], 1)
                    self.quit(client)
                    self.stop()
                    imap.stop()

    def test_any_user_name_reaches_the_server_as_it_was_typed(self):
        for user in ("a b", 'quo"te', "back\\slash", "{4}", "DOMAIN\\ada", "a%b"):
            with self.subTest(user):
                imap = self.start_imap(MESSAGES[:1], user=user, drop={"AUTH=PLAIN"})
                self.start_daemon([self.account(imap)])
                self.assert_ok(self.connect().log_in(user, self.password))
                self.stop()
                imap.stop()

    def setUp(self):
        super().setUp()
        self.octets = base64_text(f"\0{self.USER}\0{self.password}".encode())

    def start(self):
        self.start_imap(MESSAGES)
        self.start_daemon()
        return self.connect()

    def test_auth_plain_with_an_initial_response(self):
        client = self.start()
        self.assert_ok(client.command(f"AUTH PLAIN {self.octets}"))
        self.assertEqual(client.stat()[0], 3)

    def test_auth_plain_asks_for_its_response(self):
        client = self.start()
        self.assertEqual(client.command("AUTH PLAIN"), "+ ")
        self.assert_ok(client.command(self.octets))

    def test_auth_login_asks_for_name_and_password(self):
        client = self.start()
        self.assertTrue(client.command("AUTH LOGIN").startswith("+ "))
        self.assertTrue(client.command(base64_text(self.USER.encode())).startswith("+ "))
        self.assert_ok(client.command(base64_text(self.password.encode())))

    def test_an_exchange_can_be_cancelled(self):
        client = self.start()
        client.command("AUTH PLAIN")
        self.assert_err(client.command("*"))
        self.assert_ok(client.log_in(self.USER, self.password))

    def test_what_is_no_base64_is_an_error_for_this_connection_only(self):
        client, other = self.start(), self.connect()
        for text in ("!!!", "AGFk=YQ", "A"):
            with self.subTest(text):
                self.assert_err(client.command(f"AUTH PLAIN {text}"))
        self.assert_ok(other.log_in(self.USER, self.password))

    def test_an_initial_response_of_60_kb_is_read_to_its_end(self):
        client = self.start()
        response = base64_text(b"\0" + b"u" * 45000 + b"\0p")
        client.send(f"AUTH PLAIN {response}\r\nNOOP\r\n".encode())
        self.assertTrue(client.line().startswith("-ERR"))
        client.line()
        self.assert_ok(client.log_in(self.USER, self.password))

    def test_auth_alone_lists_the_mechanisms(self):
        status, lines = self.start().listing("AUTH")
        self.assert_ok(status)
        self.assertEqual(sorted(lines), ["LOGIN", "PLAIN"])

    def test_an_unknown_mechanism_is_refused(self):
        client = self.start()
        self.assert_err(client.command("AUTH CRAM-MD5"))
        self.assert_ok(client.log_in(self.USER, self.password))


class Mailboxes(DaemonTest):
    def test_an_empty_mailbox_is_an_empty_maildrop(self):
        self.start_imap()
        self.start_daemon()
        client = self.log_in()
        self.assertEqual(client.stat(), (0, 0))
        self.assertEqual(client.listing("LIST")[1], [])
        self.assertEqual(client.listing("UIDL")[1], [])
        self.assert_err(client.command("RETR 1"))

    def test_mail_that_comes_during_a_session_waits_for_the_next(self):
        self.start_imap(MESSAGES)
        self.start_daemon()
        client = self.log_in()
        self.inbox.append(message("late", b"late\r\n"))
        self.assertEqual(client.stat()[0], 3)
        self.assertEqual(client.retrieve(1)[1], as_retrieved(MESSAGES[0]))
        self.assertEqual(len(client.unique_ids()), 3)
        self.assert_ok(self.quit(client))
        self.assertEqual(self.log_in().stat()[0], 4)

    def test_sums_go_beyond_32_bits(self):
        self.start_imap()
        for size in (3 << 30, 3 << 30, 5 << 30):
            self.inbox.append(Octets(MESSAGES[0]), size=size)
        self.start_daemon()
        client = self.log_in()
        self.assertEqual(client.stat(), (3, 11 << 30))
        self.assertEqual(client.sizes()[3], 5 << 30)

    def test_a_hundred_thousand_messages_are_a_maildrop_like_any_other(self):
        self.start_imap()
        body = Octets(MESSAGES[0])
        for _ in range(100000):
            self.inbox.append(body)
        self.start_daemon(limits={"login_patience": 60})
        client = self.log_in()
        self.assertEqual(client.stat()[0], 100000)
        self.assertEqual(len(client.unique_ids()), 100000)
        self.assertEqual(client.retrieve(99999)[1], as_retrieved(MESSAGES[0]))
        self.assert_ok(client.command("DELE 99999"))
        self.deleted = {99999}
        self.assert_ok(self.quit(client))
        self.assertEqual(len(self.inbox.uids()), 99999)

    def test_message_numbers_follow_ascending_uids_with_gaps(self):
        self.start_imap()
        for uid, one in zip((7, 1000, 4294967294), MESSAGES):
            self.inbox.append(one, uid=uid)
        self.start_daemon()
        client = self.log_in()
        self.assertEqual([text[:8] for text in client.unique_ids().values()],
                         ["00000007", "000003e8", "fffffffe"])
        self.assertEqual(client.retrieve(3)[1], as_retrieved(MESSAGES[2]))

    def test_another_folder_can_be_the_maildrop(self):
        self.start_imap(MESSAGES)
        archive = self.imap.store.any_account().create("Archiv/Größe & so")
        archive.append(message("elsewhere", b"here\r\n"))
        self.start_daemon([self.account(folder="Archiv/Größe & so")])
        client = self.log_in()
        self.assertEqual(client.stat()[0], 1)
        self.assertIn(b"elsewhere", client.retrieve(1)[1])

    def test_fetch_items_may_come_in_any_order(self):
        for order in (("UID", "FLAGS", "RFC822.SIZE", "BODY"), ("BODY", "RFC822.SIZE", "UID"),
                      ("FLAGS", "BODY", "UID", "RFC822.SIZE")):
            with self.subTest(order):
                imap = self.start_imap(MESSAGES, fetch_order=order)
                self.start_daemon([self.account(imap)])
                client = self.log_in()
                for msgno, octets in enumerate(MESSAGES, 1):
                    self.assertEqual(client.retrieve(msgno)[1], as_retrieved(octets))
                self.quit(client)

    def test_unsolicited_data_at_any_time_changes_nothing(self):
        self.start_imap(MESSAGES, unsolicited=(
            "* OK [ALERT] Mind the gap", "* 7 RECENT", "* 3 FETCH (FLAGS (\\Seen))",
            "* X-NEWS ((a b) \"c\" NIL)", "* FLAGS (\\Seen)", "* NO [X-CODE (nested (list))] hm"))
        self.start_daemon()
        client = self.log_in()
        self.assertEqual(client.stat()[0], 3)
        for msgno, octets in enumerate(MESSAGES, 1):
            self.assertEqual(client.retrieve(msgno)[1], as_retrieved(octets))
        self.assert_ok(self.quit(client))


class Activation(DaemonTest):
    def test_a_socket_handed_over_by_the_service_manager_is_served(self):
        self.start_imap(MESSAGES)
        listener = socket.socket()
        self.addCleanup(listener.close)
        listener.bind(("127.0.0.1", 0))
        listener.listen(16)
        self.start_daemon(listeners=[], activated=listener)
        self.assertEqual(self.daemon.port("none"), listener.getsockname()[1])
        self.assertEqual(self.log_in().stat()[0], 3)

    def test_ipv6_is_listened_on_too(self):
        self.start_imap(MESSAGES)
        self.start_daemon(listeners=[{"address": "::1", "port": 0},
                                     {"address": "127.0.0.1", "port": 0}])
        for address in ("::1", "127.0.0.1"):
            with self.subTest(address):
                client = self.connect(address=address)
                self.assert_ok(client.log_in(self.USER, self.password))
                self.quit(client)


if __name__ == "__main__":
    main()
