#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""The same mailbox through packetboatd and through Dovecot's POP3 over imapc: the same answers."""

import dovecot
from real import REFERENCE, RealTest, as_served, main, retrieved
from messages import Sample, as_topped, corpus, message, small


class AnswersTest(RealTest):
    """`reference` is Dovecot's front; `front` is ours."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if cls.missing:
            return
        cls.reference = dovecot.Pop3Front(cls.root / "reference", cls.imap)
        cls.reference.start()
        cls.addClassCleanup(cls.reference.stop)

    def setUp(self):
        if REFERENCE:
            self.skipTest("there is nothing to compare the reference with")
        super().setUp()

    def test_stat_list_and_uidl_agree_with_the_reference(self):
        self.deliver([sample for sample in small() if sample.octets])
        answers = []
        for front in (self.reference, self.front):
            session = self.log_in(front)
            answers.append({"STAT": session.stat(), "LIST": session.sizes(),
                            # Dovecot's %08Xu%08Xv; only the letters' case may differ.
                            "UIDL": {number: text.lower()
                                     for number, text in session.unique_ids().items()},
                            "LIST 2": session.command("LIST 2").split()[:3],
                            "UIDL 2": session.command("UIDL 2").lower().split()[:3]})
            self.assertTrue(session.command("QUIT").ok)
            session.close()
        self.assertEqual(answers[0], answers[1])

    def test_retr_and_top_agree_with_the_reference(self):
        # A dot that is the first octet of a message is not stuffed by Dovecot 2.3, and an empty
        # message gets a line: those two kinds are compared with the RFC only, below.
        samples = [sample for sample in corpus()
                   if sample.octets and not sample.octets.startswith(b".")]
        self.deliver(samples)
        answers = []
        for front in (self.reference, self.front):
            session = self.log_in(front)
            answers.append([(session.retrieve(number), session.top(number, 0),
                             session.top(number, 2))
                            for number in range(1, len(samples) + 1)])
            self.assertTrue(session.command("QUIT").ok)
            session.close()
        for sample, expected, got in zip(samples, *answers):
            for verb, one, other in zip(("RETR", "TOP 0", "TOP 2"), expected, got):
                self.assertTrue(other[0].ok, f"{verb} {sample.name}: {other[0]}")
                self.assert_same(other[1], one[1], f"{verb} {sample.name}")

    def test_every_message_arrives_octet_for_octet(self):
        samples = corpus()
        self.deliver(samples)
        session = self.log_in()
        for number, sample in enumerate(samples, 1):
            status, got = session.retrieve(number)
            self.assertTrue(status.ok, f"{sample.name}: {status}")
            self.assert_same(got, retrieved(sample.octets), sample.name)
            for lines in (0, 1, 3):
                status, got = session.top(number, lines)
                self.assertTrue(status.ok, f"TOP {lines} {sample.name}: {status}")
                self.assert_same(got, as_topped(as_served(sample.octets), lines),
                                 f"TOP {lines} {sample.name}")
        self.assertTrue(session.command("QUIT").ok)

    def test_one_fetch_per_message_marks_it_seen_at_the_end_and_top_does_not(self):
        self.deliver([Sample(f"{n}", message(f"{n}", b"x\r\n")) for n in range(3)])
        session = self.log_in()
        session.retrieve(1)
        session.top(2, 0)
        self.assertTrue(session.command("QUIT").ok)
        seen = ["\\Seen" in flags for _, flags, _ in self.imap.served(self.user)]
        self.assertEqual(seen, [True, False, False])

    def test_messages_that_others_flagged_deleted_are_not_listed_and_survive(self):
        self.deliver([Sample(f"{n}", message(f"{n}", b"x\r\n")) for n in range(4)])
        with self.imap.session(self.user) as other:
            other.uid("STORE", "2", "+FLAGS.SILENT", "(\\Deleted)")
        session = self.log_in()
        self.assertEqual(session.stat()[0], 3)
        self.assertEqual(sorted(text[:8] for text in session.unique_ids().values()),
                         ["00000001", "00000003", "00000004"])
        self.assertTrue(session.command("DELE 2").ok)
        self.assertTrue(session.command("QUIT").ok)
        self.assertEqual(self.uids(), [1, 2, 4])

    def test_a_thousand_messages_are_deleted_in_one_session(self):
        self.deliver([Sample(f"{n}", message(f"{n}", b"x\r\n")) for n in range(1000)])
        session = self.log_in()
        self.assertEqual(session.stat()[0], 1000)
        # All odd ones: sets without ranges, which are as long as they can be.
        wanted = list(range(1, 1001, 2))
        session.send(b"".join(b"DELE %d\r\n" % number for number in wanted) + b"QUIT\r\n")
        for number in wanted:
            self.assertTrue(session.line().ok, number)
        self.assertTrue(session.line().ok)
        self.assertEqual(self.uids(), list(range(2, 1001, 2)))


if __name__ == "__main__":
    main()
