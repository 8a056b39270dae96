#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""LIST and STAT: `sizes = "fast"` repeats the server's estimate, `"exact"` counts once."""

from harness import DaemonTest, main
import messages
from messages import as_retrieved, message


class Sizes(DaemonTest):
    SAMPLES = messages.small()

    def bodies_fetched(self):
        return [text for text in self.imap.journal.texts("UID FETCH") if "BODY" in text]

    def test_fast_sizes_are_the_servers_whatever_they_are(self):
        for kind in ("estimate", "exact", "half", "double"):
            with self.subTest(kind):
                self.imap = None
                self.start_imap([sample.octets for sample in self.SAMPLES], sizes=kind)
                self.start_daemon([self.account(sizes="fast")])
                client = self.log_in()
                expected = {uid: self.imap.options.size_of(self.inbox.find(uid))
                            for uid in self.inbox.uids()}
                self.assertEqual(client.sizes(), expected)
                self.assertEqual(client.stat(), (len(expected), sum(expected.values())))
                self.assertEqual(self.bodies_fetched(), [])
                self.stop()

    def test_a_wrong_size_does_not_cut_or_stretch_a_message(self):
        for kind in ("half", "double"):
            with self.subTest(kind):
                self.imap = None
                self.start_imap([sample.octets for sample in self.SAMPLES], sizes=kind)
                self.start_daemon([self.account(sizes="fast")])
                client = self.log_in()
                for msgno, sample in enumerate(self.SAMPLES, 1):
                    self.assertEqual(client.retrieve(msgno)[1], as_retrieved(sample.octets),
                                     sample.name)
                self.quit(client)
                self.stop()

    def test_exact_sizes_are_what_retr_sends(self):
        self.start_imap([sample.octets for sample in self.SAMPLES], sizes="double")
        self.start_daemon([self.account(sizes="exact")])
        client = self.log_in()
        expected = {msgno: len(as_retrieved(sample.octets))
                    for msgno, sample in enumerate(self.SAMPLES, 1)}
        self.assertEqual(client.sizes(), expected)
        self.assertEqual(client.stat(), (len(expected), sum(expected.values())))
        self.assertEqual([len(client.retrieve(msgno)[1]) for msgno in expected],
                         list(expected.values()))

    def test_exact_sizes_are_learnt_once(self):
        # Of no octets nothing is learnt: they might be the server's failure.
        self.start_imap([sample.octets for sample in self.SAMPLES if sample.octets])
        self.start_daemon([self.account(sizes="exact")])
        client = self.log_in()
        self.assert_ok(self.quit(client))
        self.assertGreater(len(self.bodies_fetched()), 0)
        self.imap.journal.clear()
        client = self.log_in()
        sizes = client.sizes()
        self.assert_ok(self.quit(client))
        self.assertEqual(self.bodies_fetched(), [])
        new = self.inbox.append(message("new", b"new\r\n"))
        client = self.log_in()
        self.assertEqual(client.sizes(), {**sizes, new: len(message("new", b"new\r\n"))})
        self.assertEqual(len(self.bodies_fetched()), 1)
        self.assertIn(f" {new} ", self.bodies_fetched()[0])

    def test_many_exact_sizes_are_learnt_in_batches(self):
        self.start_imap()
        expected = []
        for number in range(700):
            octets = message(f"number {number}", b"x" * number)
            expected.append(len(as_retrieved(octets)))
            self.inbox.append(octets, uid=10 + 3 * number)
        self.start_daemon([self.account(sizes="exact")])
        client = self.log_in()
        self.assertEqual(list(client.sizes().values()), expected)
        self.assertLess(len(self.bodies_fetched()), 100)

    def test_learning_sizes_marks_nothing_read(self):
        self.start_imap([sample.octets for sample in self.SAMPLES])
        self.start_daemon([self.account(sizes="exact")])
        self.assert_ok(self.quit(self.log_in()))
        self.daemon.log.wait("session-end")
        self.assertEqual({frozenset(self.inbox.flags(uid)) for uid in self.inbox.uids()},
                         {frozenset()})


if __name__ == "__main__":
    main()
