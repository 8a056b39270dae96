#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""What QUIT does upstream: each way of deleting, with and without the extensions it likes best."""

from typing import NamedTuple

from harness import DaemonTest, eventually, main
from messages import as_retrieved, message
from outlook import Fault

MESSAGES = [message(f"number {number}", b"text\r\n" * number) for number in range(1, 6)]


class Way(NamedTuple):
    """One row: how the account deletes, what the server can, what must come of it."""

    name: str
    settings: dict
    drop: tuple
    special_use: bool
    said: list          # the commands of UPDATE, in order
    target: str         # where 2 and 4 are then, or ""
    remain: list        # UIDs in INBOX
    flagged: tuple      # those among them that are flagged \Deleted


STORED = "UID STORE 2,4 +FLAGS.SILENT (\\Seen \\Deleted)"
SEEN = "UID STORE 2,4 +FLAGS.SILENT (\\Seen)"
ALL, KEPT = [1, 2, 3, 4, 5], [1, 3, 5]

WAYS = (
    Way("expunge", {"delete": "expunge"}, (), False, [STORED, "UID EXPUNGE 2,4"], "", KEPT, ()),
    Way("expunge without UIDPLUS", {"delete": "expunge"}, ("UIDPLUS",), False, [STORED], "", ALL,
        (2, 4)),
    Way("trash by its attribute", {"delete": "trash"}, (), True,
        ['LIST "" "*"', SEEN, "UID MOVE 2,4 Papierkorb"], "Papierkorb", KEPT, ()),
    Way("trash by its name", {"delete": "trash", "delete_folder": "Deleted Items"}, (), False,
        ['LIST "" "*"', SEEN, 'UID MOVE 2,4 "Deleted Items"'], "Deleted Items", KEPT, ()),
    Way("trash without MOVE", {"delete": "trash"}, ("MOVE",), True,
        ['LIST "" "*"', SEEN, "UID COPY 2,4 Papierkorb", STORED, "UID EXPUNGE 2,4"], "Papierkorb",
        KEPT, ()),
    Way("trash without MOVE and UIDPLUS", {"delete": "trash"}, ("MOVE", "UIDPLUS"), True,
        ['LIST "" "*"', SEEN, "UID COPY 2,4 Papierkorb", STORED], "Papierkorb", ALL, (2, 4)),
    Way("move", {"delete": "move", "delete_folder": "Done"}, (), False,
        [SEEN, "UID MOVE 2,4 Done"], "Done", KEPT, ()),
    Way("move to a folder with a difficult name",
        {"delete": "move", "delete_folder": "Größe & \"Maß\""}, (), False,
        [SEEN, 'UID MOVE 2,4 "Gr&APYA3w-e &- \\"Ma&AN8-\\""'], "Größe & \"Maß\"", KEPT, ()),
    Way("move without MOVE", {"delete": "move", "delete_folder": "Done"}, ("MOVE",), False,
        [SEEN, "UID COPY 2,4 Done", STORED, "UID EXPUNGE 2,4"], "Done", KEPT, ()),
    Way("flag", {"delete": "flag"}, (), False, [STORED], "", ALL, (2, 4)),
    Way("keep", {"delete": "keep", "mark_seen": "never"}, (), False, [], "", ALL, ()),
)

UPDATES = ("UID STORE", "UID EXPUNGE", "UID MOVE", "UID COPY", "LIST", "CREATE")


class DeleteModes(DaemonTest):
    def open(self, settings, **options):
        self.start_imap(MESSAGES, **options)
        account = self.imap.store.any_account()
        for name, attributes in (("Papierkorb", ["\\Trash"]), ("Done", []),
                                 ("Größe & \"Maß\"", [])):
            account.create(name, attributes)
        if options.get("special_use"):
            account.delete("Deleted Items")
        self.start_daemon([self.account(**settings)])
        self.deleted = {2, 4}

    def updates(self):
        """What was said that changes something, in order; case and form of LIST's pattern aside."""
        return [entry.text.replace('LIST "" *', 'LIST "" "*"')
                for entry in self.imap.journal.entries() if entry.name in UPDATES]

    @staticmethod
    def same_flags(text):
        """Flags in one order."""
        return text.replace("(\\Deleted \\Seen)", "(\\Seen \\Deleted)").replace(
            " (\\Seen)", " \\Seen").replace(" \\Seen", " (\\Seen)")

    def test_each_way_of_deleting(self):
        for way in WAYS:
            with self.subTest(way.name):
                self.imap = None
                self.open(way.settings, drop=set(way.drop), special_use=way.special_use)
                client = self.log_in()
                self.assert_ok(client.command("DELE 2"))
                self.assert_ok(client.command("DELE 4"))
                self.assertEqual(self.updates(), [], "DELE alone does nothing")
                self.assert_ok(self.quit(client))
                self.assertEqual([self.same_flags(text) for text in self.updates()],
                                 [self.same_flags(text) for text in way.said])
                self.assertEqual(self.inbox.uids(), way.remain)
                self.assertEqual(tuple(uid for uid in way.remain
                                       if "\\Deleted" in self.inbox.flags(uid)), way.flagged)
                if way.target:
                    target = self.imap.store.any_account().find(way.target)
                    self.assertEqual([one.body.read(0, 10000) for one in target.messages],
                                     [MESSAGES[1], MESSAGES[3]])
                    for one in target.messages:
                        self.assertIn("\\Seen", one.flags)
                again = self.log_in()
                self.assertEqual([text[:8] for text in again.unique_ids().values()],
                                 ["00000001", "00000003", "00000005"])
                self.assert_ok(self.quit(again))
                self.stop()

    def test_what_others_flagged_is_not_listed_and_not_swept_away(self):
        for settings, drop in (({"delete": "expunge"}, set()), ({"delete": "expunge"}, {"UIDPLUS"}),
                               ({"delete": "move", "delete_folder": "Done"}, {"MOVE"})):
            with self.subTest(settings=settings, drop=drop):
                self.imap = None
                self.open(settings, drop=drop)
                self.inbox.change_flags(3, add=["\\Deleted"])
                client = self.log_in()
                self.assertEqual(sorted(text[:8] for text in client.unique_ids().values()),
                                 ["00000001", "00000002", "00000004", "00000005"])
                self.assert_ok(client.command("DELE 2"))
                self.assert_ok(self.quit(client))
                self.assertIn(3, self.inbox.uids())
                self.assertIn("\\Deleted", self.inbox.flags(3))
                self.stop()

    def test_messages_that_others_flag_during_the_session_survive_quit(self):
        self.open({"delete": "expunge"})
        client = self.log_in()
        self.assert_ok(client.command("DELE 2"))
        self.inbox.change_flags(5, add=["\\Deleted"])
        self.assert_ok(self.quit(client))
        self.assertEqual(self.inbox.uids(), [1, 3, 4, 5])

    def test_rset_takes_everything_back(self):
        self.open({"delete": "expunge"})
        client = self.log_in()
        for msgno in range(1, 6):
            self.assert_ok(client.command(f"DELE {msgno}"))
        self.assertEqual(client.stat()[0], 0)
        self.assert_ok(client.command("RSET"))
        self.assert_ok(self.quit(client))
        self.assertEqual(self.updates(), [])
        self.assertEqual(self.inbox.uids(), ALL)

    def test_a_lost_connection_deletes_nothing(self):
        for end in ("close", "reset"):
            with self.subTest(end):
                self.imap = None
                self.open({"delete": "expunge", "mark_seen": "never"})
                client = self.log_in()
                self.assert_ok(client.command("DELE 2"))
                getattr(client, end)()
                self.daemon.log.wait("session-end")
                again = self.log_in()
                self.assertEqual(again.stat()[0], 5)
                self.assert_ok(self.quit(again))
                self.assertEqual(self.updates(), [])
                self.stop()

    def test_kept_messages_stay_hidden_after_a_restart(self):
        self.open({"delete": "keep"})
        client = self.log_in()
        self.assert_ok(client.command("DELE 2"))
        self.assert_ok(client.command("DELE 4"))
        self.assert_ok(self.quit(client))
        self.stop()
        self.daemon.status = None
        self.daemon.start()
        client = self.log_in()
        self.assertEqual([text[:8] for text in client.unique_ids().values()],
                         ["00000001", "00000003", "00000005"])
        self.assertEqual(client.retrieve(2)[1], as_retrieved(MESSAGES[2]))
        self.assertEqual(self.inbox.uids(), ALL)

    def test_kept_messages_survive_a_killed_daemon(self):
        self.open({"delete": "keep"})
        client = self.log_in()
        self.assert_ok(client.command("DELE 2"))
        self.assert_ok(self.quit(client))
        self.daemon.kill()
        self.daemon.start()
        self.assertEqual(self.log_in().stat()[0], 4)

    def test_kept_messages_of_another_uidvalidity_are_others(self):
        self.open({"delete": "keep"})
        client = self.log_in()
        self.assert_ok(client.command("DELE 2"))
        self.assert_ok(self.quit(client))
        self.inbox.renumber(self.inbox.uidvalidity + 1000)
        self.assertEqual(self.log_in().stat()[0], 5)

    def test_a_missing_folder_is_created_once(self):
        for drop in (set(), {"MOVE"}):
            with self.subTest(drop=drop):
                self.imap = None
                self.open({"delete": "move", "delete_folder": "New folder"}, drop=drop)
                client = self.log_in()
                self.assert_ok(client.command("DELE 2"))
                self.assert_ok(self.quit(client))
                self.assertEqual(len(self.imap.journal.entries("CREATE")), 1)
                target = self.imap.store.any_account().find("New folder")
                self.assertEqual(target.messages[0].body.read(0, 1000), MESSAGES[1])
                self.assertEqual(self.inbox.uids(), [1, 3, 4, 5])
                self.stop()

    def test_a_folder_that_cannot_be_created_deletes_nothing(self):
        self.open({"delete": "move", "delete_folder": "New folder", "mark_seen": "never"})
        self.imap.faults.cue(Fault("CREATE", reply="NO Access denied.", times=None))
        client = self.log_in()
        self.assert_ok(client.command("DELE 2"))
        self.assert_err(self.quit(client), "SYS/TEMP")
        self.assertEqual(self.inbox.uids(), ALL)
        self.assertEqual(len(self.imap.journal.entries("CREATE")), 1)

    def test_deleting_is_refused_in_a_read_only_mailbox(self):
        self.open({"delete": "expunge"}, read_only=True)
        client = self.log_in()
        self.assert_err(client.command("DELE 2"), "SYS/PERM")
        self.assertEqual(client.retrieve(2)[1], as_retrieved(MESSAGES[1]))
        self.assert_ok(self.quit(client))
        self.assertEqual(self.inbox.uids(), ALL)

    def test_thousands_of_scattered_deletions_are_cut_into_short_commands(self):
        for settings, drop in (({"delete": "expunge"}, set()),
                               ({"delete": "move", "delete_folder": "Done"}, {"MOVE"})):
            with self.subTest(settings=settings):
                self.imap = None
                self.start_imap(drop=drop)
                self.imap.store.any_account().create("Done")
                for number in range(5000):
                    self.inbox.append(MESSAGES[0], uid=1000000 + 2 * number)
                self.start_daemon([self.account(**settings)])
                self.deleted = set(self.inbox.uids()[:4999])
                client = self.log_in()
                client.send(b"".join(b"DELE %d\r\n" % msgno for msgno in range(1, 5000)))
                for _ in range(4999):
                    self.assert_ok(client.line())
                self.assert_ok(self.quit(client))
                self.assertEqual(self.inbox.uids(), [1000000 + 2 * 4999])
                self.assertGreater(len(self.imap.journal.entries("UID EXPUNGE")), 1)
                self.stop()

    def test_a_range_never_spans_a_message_that_was_not_deleted(self):
        self.open({"delete": "expunge"})
        self.deleted = {1, 2, 4, 5}
        client = self.log_in()
        for msgno in (5, 1, 4, 2):
            self.assert_ok(client.command(f"DELE {msgno}"))
        self.assert_ok(self.quit(client))
        self.assertEqual(self.imap.journal.texts("UID EXPUNGE"), ["UID EXPUNGE 1:2,4:5"])
        eventually(lambda: self.inbox.uids() == [3], "all but 3 are expunged")

    def test_deleting_what_is_gone_already_is_no_error(self):
        self.open({"delete": "expunge"})
        client = self.log_in()
        self.assert_ok(client.command("DELE 2"))
        self.assert_ok(client.command("DELE 4"))
        self.inbox.remove([2])
        self.assert_ok(self.quit(client))
        self.assertEqual(self.inbox.uids(), KEPT)


if __name__ == "__main__":
    main()
