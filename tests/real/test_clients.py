#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Each real client retrieves the corpus from a real IMAP server, and deletes it when told to."""

import unittest

import clients
from messages import Sample, corpus, message, small
from real import RealTest, as_served, lacking, main


class ClientTest(RealTest):
    """The tests of one client; `client` is set by each subclass below."""

    client = None

    def setUp(self):
        if self.client is None:
            self.skipTest("the base of the others")
        if self.client.lacks():
            lacking(self, self.client.lacks())
        super().setUp()

    def samples(self, of):
        return [sample for sample in of
                if self.client.carries(sample) and self.front.carries(sample)]

    def retrieve(self, delete, tls="none"):
        return self.client.retrieve(self.target, self.folder, delete, tls)

    def assert_arrived(self, got, samples):
        self.assertEqual(len(got), len(samples))
        for octets, sample in zip(got, samples):
            self.assert_same(octets, self.client.arrives(as_served(sample.octets)), sample.name)

    def unique_ids(self):
        session = self.log_in()
        found = session.unique_ids()
        self.assertTrue(session.command("QUIT").ok)
        session.close()
        return found

    def test_what_is_kept_stays_and_only_new_mail_comes_again(self):
        samples = self.samples(corpus())
        self.deliver(samples)
        uids, unique_ids = self.uids(), self.unique_ids()
        self.assert_arrived(self.retrieve(delete=False), samples)
        self.assertEqual(self.uids(), uids)
        self.assertEqual(self.unique_ids(), unique_ids)

        new = [Sample(f"new {number}", message(f"new {number}", b"fresh\r\n"))
               for number in (1, 2)]
        if not self.client.remembers:
            new = []
        self.deliver(new)
        again = self.retrieve(delete=False)
        self.assert_arrived(again, new if self.client.remembers else samples)
        self.assertEqual(self.uids()[:len(uids)], uids)

    def test_what_is_deleted_has_arrived_and_is_gone(self):
        samples = self.samples(corpus())
        self.deliver(samples)
        self.assert_arrived(self.retrieve(delete=True), samples)
        self.assertEqual(self.uids(), [])
        self.assertEqual(self.unique_ids(), {})

    def test_the_same_over_tls(self):
        for tls in self.client.tls_ways:
            if tls == "none":
                continue
            with self.subTest(tls=tls):
                self.user = self.unused.pop(0)
                self.password = self.imap.users[self.user]
                self.folder = self.root / self.user
                self.folder.mkdir()
                samples = self.samples(small())
                self.deliver(samples)
                self.assert_arrived(self.retrieve(delete=False, tls=tls), samples)
                self.assertEqual(len(self.uids()), len(samples))
                self.assert_arrived(self.retrieve(delete=True, tls=tls), samples)
                self.assertEqual(self.uids(), [])

    def test_a_wrong_password_is_refused_and_nothing_is_lost(self):
        samples = self.samples(small())[:3]
        self.deliver(samples)
        right, self.password = self.password, "not it"
        with self.assertRaises(clients.ClientError):
            self.retrieve(delete=True)
        self.password = right
        self.assertEqual(len(self.uids()), 3)


class PoplibTest(ClientTest):
    client = clients.Poplib()


class CurlTest(ClientTest):
    client = clients.Curl()


class FetchmailTest(ClientTest):
    client = clients.Fetchmail()


class MpopTest(ClientTest):
    client = clients.Mpop()


class GetmailTest(ClientTest):
    client = clients.Getmail()


class NetPop3Test(ClientTest):
    client = clients.NetPop3()


def load_tests(_loader, _standard, _pattern):
    """Every client's tests; not those of their base."""
    suite = unittest.TestSuite()
    for one in (PoplibTest, CurlTest, FetchmailTest, MpopTest, GetmailTest, NetPop3Test):
        suite.addTests(unittest.defaultTestLoader.loadTestsFromTestCase(one))
    return suite


if __name__ == "__main__":
    main()
