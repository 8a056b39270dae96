#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""packetboat.conf(5) describes the settings of the table, all of them and no others, each in the
section of its scope, with its kind, range, words, default, and whether it needs a restart. So do
the providers stand in its table.
Argument: the program that lists the table."""

import re
import subprocess
import sys

import tree

PAGE = "conf/packetboat.conf.5"
ITEM = re.compile(r"^\.It Ic (\S+) No = Ar (\S+)$")


findings = []


def wrong(text):
    findings.append(text)


def described():
    """(section, name) -> (line, kind, text)"""
    items = {}
    section = current = None
    nesting = 0
    for number, line in tree.lines(tree.read(PAGE)):
        match = ITEM.match(line)
        if line.startswith(".Sh "):
            section, current = line[4:], None
        elif line.startswith(".Bl "):
            nesting += 1
        elif line.startswith(".El"):
            nesting -= 1
            if nesting == 0:
                current = None
        elif match:
            current = (section, match.group(1))
            if current in items:
                wrong(f"{PAGE}:{number}: {match.group(1)} is described twice")
            items[current] = [number, match.group(2), ""]
            continue
        if current:
            items[current][2] += line + "\n"
    return items


def compare(row, item):
    _, name, kind, required, restart, default, low, high, words = row
    line, its_kind, text = item
    where = f"{PAGE}:{line}: {name}:"
    if its_kind != kind:
        wrong(f"{where} is a {kind}, not a {its_kind}")
    if kind == "number" and f"from {low} to {high}" not in text:
        wrong(f'{where} does not say "from {low} to {high}"')
    for word in words.split():
        if not re.search(rf"^\.(It )?Cm {re.escape(word)}\b", text, re.MULTILINE):
            wrong(f"{where} does not describe {word}")
    for word in re.findall(r"^\.(?:It )?Cm (\S+)", text, re.MULTILINE):
        if kind == "word" and word not in words.split():
            wrong(f"{where} describes {word}, which it does not take")
    if default and f"Default: {default}.\n" not in text:
        wrong(f'{where} does not say "Default: {default}."')
    if kind != "list" and (required == "1") != ("Required.\n" in text):
        wrong(f"{where} is {'' if required == '1' else 'not '}required")
    if (required == "2") != ("Required unless the provider has it.\n" in text):
        wrong(f"{where} is {'' if required == '2' else 'not '}what a provider has")
    if (restart == "1") != ("A change needs a restart." in text):
        wrong(f"{where} needs {'a' if restart == '1' else 'no'} restart")


listing = subprocess.run([sys.argv[1]], capture_output=True, text=True, check=True).stdout
table = [line.split("\t") for line in listing.splitlines()]
rows = {(fields[0], fields[1]): fields for fields in table if fields[0] != "PROVIDER"}
providers = [fields[1:] for fields in table if fields[0] == "PROVIDER"]
page = described()
for key, fields in rows.items():
    if key not in page:
        wrong(f"{PAGE}:1: {fields[1]} is not described in section {fields[0]}")
    else:
        compare(fields, page[key])
for key, entry in page.items():
    if key not in rows:
        wrong(f"{PAGE}:{entry[0]}: {key[1]} is no setting of section {key[0]}")
text = tree.read(PAGE)
for word, host, authority in providers:
    if f"\n.It {word} Ta {host} Ta {authority.removeprefix('https://')}\n" not in text:
        wrong(f"{PAGE}:1: the table of providers lacks {word}, {host}, {authority}")
if not providers:
    wrong(f"{PAGE}:1: there are no providers")
tree.finish(findings, len(rows))
