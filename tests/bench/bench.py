#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Measures packetboatd beside Dovecot's POP3 over imapc and beside a bare IMAP download.

    tests/bench/bench.py [--quick] [--build DIR] [--json FILE]

All three fetch from the same Dovecot IMAP server over TLS, in the same run, so that what counts are
the ratios. Prints one table; exits with 1 when a target is missed. See README.md beside this.
"""

import argparse
import contextlib
import json
import os
import pathlib
import platform
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
for _folder in (HERE.parent / "real", HERE.parent):
    sys.path.insert(0, str(_folder))

import dovecot  # noqa: E402  pylint: disable=wrong-import-position
import processes  # noqa: E402  pylint: disable=wrong-import-position
from messages import message, patterned  # noqa: E402  pylint: disable=wrong-import-position

PASSWORD = "bench"
MEGABYTE = 1000 * 1000
MESSAGES = 1000
MAILBOX = 50 * MEGABYTE
LARGE = 200 * MEGABYTE
SLOW_RATE = MEGABYTE   # octets a second
SLOW_SECONDS = 5       # enough: 200 seconds show the same
FEW = 50               # messages over the slow link, when in a hurry
ROUND_TRIP = 0.050
IDLE_SESSIONS = 1000
IDLE_SESSIONS_DOVECOT = 50   # a process each; the figure is one session's
COMMANDS = 1000
PATIENCE = 300         # seconds for one run of a client; a ceiling

# So that the IMAP server bears a thousand sessions: logins share processes.
UPSTREAM_EXTRA = """
default_process_limit = 4000
default_client_limit = 20000
service imap-login {{
  service_count = 0
  process_limit = 2
}}
"""
FRONT_EXTRA = """
default_process_limit = 4000
default_client_limit = 20000
"""


class Failure(Exception):
    """Something could not be measured."""


def mixed_messages():
    """1,000 messages of 50 MB: most are notes, some are pages, a few carry attachments."""
    sizes = [4000] * 700 + [40000] * 250
    sizes += [(MAILBOX - sum(sizes)) // 50] * 50
    random.Random(1).shuffle(sizes)
    body = patterned(max(sizes))
    made = []
    for number, size in enumerate(sizes):
        head = message(f"bench {number}", b"")
        made.append(head + body[:size - len(head) - 2] + b"\r\n")
    return made


class Rig:
    """Servers, links and clients, all ended with the run."""

    def __init__(self, build, stack):
        self.build = build
        self.stack = stack
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="packetboat-bench-"))
        self.folder.chmod(0o755)
        stack.callback(shutil.rmtree, self.folder, ignore_errors=True)
        users = ["mixed", "few", "large"]
        users += [f"idle{number:04}" for number in range(IDLE_SESSIONS)]
        self.imap = dovecot.ImapServer(self.folder / "imap", dict.fromkeys(users, PASSWORD),
                                       UPSTREAM_EXTRA)
        self.imap.start()
        stack.callback(self.imap.stop)

    def fill(self, few):
        mixed = mixed_messages()
        self.imap.deliver("mixed", mixed)
        self.imap.deliver("few", mixed[:few])
        self.imap.deliver("large", [message("large", patterned(LARGE))])

    def program(self, name):
        path = self.build / "tests" / "bench" / name
        if not path.exists():
            raise Failure(f"{path} is not built")
        return str(path)

    def link(self, round_trip):
        """The port at which the IMAP server is reached over such a link."""
        if round_trip == 0:
            return self.imap.tls_port
        relay = subprocess.Popen(
            [self.program("relay"), "--to", f"127.0.0.1:{self.imap.tls_port}",
             "--delay-ms", str(round_trip * 1000 / 2)], stdout=subprocess.PIPE, text=True)
        self.stack.callback(relay.wait)
        self.stack.callback(relay.terminate)
        return int(relay.stdout.readline())

    def load(self, *arguments):
        """Runs a client to its end; what it saw, as one dictionary."""
        done = subprocess.run([self.program("load"), *map(str, arguments)], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                              timeout=PATIENCE)
        if done.returncode != 0:
            raise Failure(f"load {' '.join(map(str, arguments))}: {done.stderr.strip()}")
        seen = {}
        for line in done.stdout.splitlines():
            seen.update(json.loads(line))
        return seen


class Direct:
    """A minimal IMAP client: the least that the job can cost."""

    name = "direct"

    def __init__(self, rig, round_trip):
        self.rig = rig
        self.port = rig.link(round_trip)

    def run(self, user):
        return self.rig.load("imap", self.port, user, PASSWORD, "--ca", self.rig.imap.ca)

    @staticmethod
    def cpu():
        return 0   # a client's, which is measured for none of them


class Front:
    """A POP3 server before the IMAP server. `pid`: whose family is measured."""

    def run(self, user, *arguments):
        return self.rig.load("pop3", self.port, user, PASSWORD, *arguments)

    def cpu(self):
        return processes.cpu_seconds(self.pid)

    def memory(self):
        return processes.memory(self.pid)


class DovecotFront(Front):
    name = "dovecot"

    def __init__(self, rig, round_trip):
        self.rig = rig
        folder = rig.folder / f"dovecot-{round_trip}-{time.monotonic_ns()}"
        self.server = dovecot.Pop3Front(folder, rig.imap, port=rig.link(round_trip),
                                        extra=FRONT_EXTRA)
        self.server.start()
        rig.stack.callback(self.server.stop)
        self.port = self.server.port

    @property
    def pid(self):
        return self.server.process.pid


class Packetboat(Front):
    name = "packetboat"

    def __init__(self, rig, round_trip):
        # Imported here: it wants more of the test suite than the other two need.
        os.environ["PACKETBOAT_BUILD"] = str(rig.build)
        import real
        self.rig = rig
        folder = rig.folder / f"packetboat-{round_trip}-{time.monotonic_ns()}"
        folder.mkdir()
        self.server = real.Packetboat(str(folder), rig.imap, account={
            "imap": {"host": "127.0.0.1", "port": rig.link(round_trip)}})
        self.server.start()
        rig.stack.callback(self.server.stop)
        self.port = self.server.port

    @property
    def pid(self):
        return self.server.daemon.process.pid


def median(runs, key):
    return statistics.median(run[key] for run in runs)


def measure_stat(front, user, figures):
    figures["stat_cold"] = front.run(user, "--retrieve", 0)["stat"]
    figures["stat_warm"] = median([front.run(user, "--retrieve", 0) for _ in range(3)], "stat")


def measure_retrieval(contenders, user, rounds, table):
    """Everything, again and again: in turn, so that what else the machine does hits all alike."""
    runs = {one.name: [] for one in contenders}
    used = dict.fromkeys(runs, 0)
    for _ in range(rounds):
        for one in contenders:
            before = one.cpu()
            runs[one.name].append(one.run(user))
            used[one.name] += one.cpu() - before
    for one in contenders:
        first = runs[one.name][0]
        figures = table[one.name]
        figures["retrieve"] = median(runs[one.name], "retrieve")
        figures["messages"], figures["octets"] = first["messages"], first["octets"]
        if used[one.name] and rounds > 1:   # counted in hundredths: one round would be noise
            figures["cpu_per_gb"] = used[one.name] / (first["octets"] * rounds / 1e9)
    if len({figures["octets"] for figures in table.values()}) != 1:
        raise Failure(f"not the same octets: {table}")


def measure_large(front, rounds, figures):
    """A message of 200 MB: read slowly, then as fast as it comes."""
    front.run("few", "--retrieve", 1)   # whatever is allocated once is allocated
    idle = front.memory()
    with processes.Watch(front.pid) as watch:
        slow = front.run("large", "--rate", SLOW_RATE, "--seconds", SLOW_SECONDS)
    figures["large_memory"] = watch.peak - idle
    before = front.cpu()
    runs = [front.run("large") for _ in range(rounds)]
    figures["large_retrieve"] = median(runs, "retrieve")
    figures["large_first"] = median([slow, *runs], "first")
    if rounds > 1:
        figures["large_cpu_per_gb"] = (front.cpu() - before) / (runs[0]["octets"] * rounds / 1e9)


def measure_idle(front, sessions, figures):
    """Memory of a session that is logged in and silent."""
    front.run("few", "--retrieve", 1)
    before = front.memory()
    holder = subprocess.Popen(
        [front.rig.program("load"), "hold", str(front.port), "idle", PASSWORD, str(sessions)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        said = holder.stdout.readline()
        if not said:
            raise Failure(f"{front.name}: {sessions} sessions could not be held")
        figures["idle_session"] = (front.memory() - before) / sessions
        figures["logins_per_second"] = sessions / json.loads(said)["seconds"]
    finally:
        holder.stdin.close()
        holder.wait()
        holder.stdout.close()


def measure(rig, kinds, quick):
    """{round trip in ms: {name: figures}}"""
    results = {}
    for round_trip in (0, ROUND_TRIP):
        near = round_trip == 0
        user = "mixed" if near or not quick else "few"
        say(f"{round_trip * 1000:.0f} ms: time to STAT")
        direct = Direct(rig, round_trip)
        fronts = [kind(rig, round_trip) for kind in kinds]
        table = {one.name: {} for one in (direct, *fronts)}
        results[int(round_trip * 1000)] = table
        direct.run(user)   # the server's caches
        stat, large = direct.run(user)["stat"], direct.run("large")
        table["direct"] = {"stat_cold": stat, "stat_warm": stat, "large_first": large["first"],
                           "large_retrieve": large["retrieve"]}
        for front in fronts:
            measure_stat(front, user, table[front.name])
        say(f"{round_trip * 1000:.0f} ms: all messages")
        measure_retrieval([direct, *fronts], user, (4 if quick else 15) if near else 1, table)
        table["direct"]["retrieve_pipelined"] = table["direct"]["retrieve"]
        for front in fronts:
            figures = table[front.name]
            figures["retrieve_pipelined"] = front.run(user, "--pipeline")["retrieve"]
            figures["top"] = front.run(user, "--top", 0)["retrieve"]
        say(f"{round_trip * 1000:.0f} ms: a large message")
        for front in fronts:
            measure_large(front, 2 if near else 1, table[front.name])
    return results


def measure_sessions(rig, kinds, results):
    """What depends on no link: fresh fronts, for memory that was once used stays."""
    for kind in kinds:
        say(f"sessions, {kind.name}")
        front, figures = kind(rig, 0), results[0][kind.name]
        measure_idle(front, IDLE_SESSIONS if kind is Packetboat else IDLE_SESSIONS_DOVECOT,
                     figures)
        commands = rig.load("commands", front.port, "mixed", PASSWORD, COMMANDS)
        figures["commands_in_order"] = commands["in_order"]
        figures["commands"] = commands["seconds"]


ROWS = (
    ("time to STAT, first login", "stat_cold", "s", 1),
    ("time to STAT, a later login", "stat_warm", "s", 1),
    ("retrieve all, one by one", "retrieve", "s", 1),
    ("retrieve all, pipelined", "retrieve_pipelined", "s", 1),
    ("TOP n 0 of all", "top", "s", 1),
    ("first octet of 200 MB", "large_first", "s", 1),
    ("retrieve 200 MB", "large_retrieve", "s", 1),
    ("memory for 200 MB read at 1 MB/s", "large_memory", "MB", 1e6),
    ("CPU per GB, mixed", "cpu_per_gb", "s", 1),
    ("CPU per GB, 200 MB message", "large_cpu_per_gb", "s", 1),
    ("1,000 pipelined commands", "commands", "s", 1),
    ("memory of an idle session", "idle_session", "kB", 1e3),
    ("logins a second, one client", "logins_per_second", "", 1),
)


def shown(value, scale):
    if value is None:
        return "-"
    value /= scale
    return f"{value:.4f}" if abs(value) < 0.1 else f"{value:.3g}" if value < 100 else f"{value:.0f}"


def ratio(figures, other, key):
    if not other or other.get(key) in (None, 0) or figures is None or figures.get(key) is None:
        return "-"
    return f"{figures[key] / other[key]:.2f}"


def print_table(results):
    print(f"\n{'':35}{'':4}{'direct':>9}{'dovecot':>9}{'packetboat':>11}{'/direct':>9}"
          f"{'/dovecot':>9}")
    for round_trip, table in results.items():
        one = next(iter(table.values()))
        print(f"{round_trip} ms round trip, {one['messages']} messages, "
              f"{one['octets'] / 1e6:.0f} MB")
        ours, dovecots = table.get("packetboat"), table.get("dovecot")
        for title, key, unit, scale in ROWS:
            values = [(table.get(name) or {}).get(key)
                      for name in ("direct", "dovecot", "packetboat")]
            if any(value is not None for value in values):
                cells = [shown(value, scale) for value in values]
                print(f"  {title:33}{unit:4}{cells[0]:>9}{cells[1]:>9}{cells[2]:>11}"
                      f"{ratio(ours, table['direct'], key):>9}{ratio(ours, dovecots, key):>9}")


def targets(results):
    """[(what, limit, measured, whether it holds)]"""
    near, far = results[0], results[int(ROUND_TRIP * 1000)]
    ours, dovecots = near["packetboat"], near["dovecot"]

    def compare(what, figure, limit, unit="", scale=1):
        return (what, f"at most {shown(limit, scale)} {unit}".rstrip(),
                f"{shown(figure, scale)} {unit}".rstrip(), figure <= limit)

    return [
        compare("retrieving 1,000 messages, to Dovecot's front",
                ours["retrieve"] / dovecots["retrieve"], 1),
        compare("CPU per GB, to Dovecot's front", ours["cpu_per_gb"] / dovecots["cpu_per_gb"], 0.5),
        compare("memory for 200 MB read at 1 MB/s", ours["large_memory"], 8e6, "MB", 1e6),
        compare("first octet of 200 MB, in round trips of 50 ms",
                far["packetboat"]["large_first"] / ROUND_TRIP, 2),
        compare("an idle session", ours["idle_session"], 150e3, "kB", 1e3),
        ("1,000 pipelined commands answered in order", "yes",
         "yes" if ours["commands_in_order"] else "no", ours["commands_in_order"]),
    ]


def print_targets(rows):
    print(f"\n{'target':52}{'limit':>16}{'measured':>12}")
    for what, limit, measured, holds in rows:
        print(f"  {what:50}{limit:>16}{measured:>12}  {'ok' if holds else 'MISSED'}")
    print(f"\n{sum(row[3] for row in rows)} of {len(rows)} targets hold")


def say(what):
    print(f"bench: {what}", file=sys.stderr, flush=True)


def machine():
    with open("/proc/cpuinfo", encoding="utf-8") as file:
        model = next((line.split(":")[1].strip() for line in file
                      if line.startswith("model name")), platform.machine())
    return {"cpu": model, "cpus": os.cpu_count(), "kernel": platform.release()}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--quick", action="store_true",
                        help="fewer rounds, and 50 messages over the slow link: two minutes")
    parser.add_argument("--build", default=HERE.parent.parent / "build", type=pathlib.Path,
                        help="build folder (build); measure a release build")
    parser.add_argument("--json", type=pathlib.Path, help="where the figures go, too")
    parser.add_argument("--reference-only", action="store_true",
                        help="without packetboat: what there is to compare with")
    options = parser.parse_args()
    missing = dovecot.installed()
    if missing:
        sys.exit(f"bench: not installed: {missing}")
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    kinds = [DovecotFront] if options.reference_only else [DovecotFront, Packetboat]
    began = time.monotonic()
    try:
        with contextlib.ExitStack() as stack:
            rig = Rig(options.build.resolve(), stack)
            say("mailboxes")
            rig.fill(FEW)
            results = measure(rig, kinds, options.quick)
            measure_sessions(rig, kinds, results)
    except (Failure, subprocess.TimeoutExpired) as error:
        sys.exit(f"bench: {error}")
    print_table(results)
    rows = [] if options.reference_only else targets(results)
    if rows:
        print_targets(rows)
    print(f"{time.monotonic() - began:.0f} s")
    if options.json:
        options.json.write_text(json.dumps(
            {"machine": machine(), "quick": options.quick, "results": results,
             "targets": [dict(zip(("what", "limit", "measured", "holds"), row)) for row in rows]},
            indent=1) + "\n", encoding="utf-8")
    return 0 if all(row[3] for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
