#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Every configuration that the documentation shows is one that the daemon takes, without a warning.

In Markdown that is what stands in ```conf blocks, in packetboat.conf(5) the literal text of
EXAMPLES. One that begins with "{" shows accounts alone; "..." at the end of a hash stands for the
rest of it. Argument: the daemon that was built.
"""

import os
import pathlib
import re
import subprocess
import sys
import tempfile

import tree

PAGES = ("README.md", "SIGNING-IN.md")
MANUAL = "conf/packetboat.conf.5"
FENCE = re.compile(r"^(`{3,})conf\n(.*?)^\1$", re.MULTILINE | re.DOTALL)
LITERAL = re.compile(r"^\.Bd -literal[^\n]*\n(.*?)^\.Ed$", re.MULTILINE | re.DOTALL)
ACCOUNTS = re.compile(r"(\s*//[^\n]*\n)*\s*{")
SHORT_HASH = re.compile(r'"(\$scrypt\$[^".]*)\.\.\."')
HASH = '"$scrypt$ln=15,r=8,p=1$c29tZXNhbHRzYWx0c2FsdA$cGFja2V0Ym9hdCBwYXNzd2QgbWFrZXMgdGhlc2UuLi4"'

daemon = os.path.abspath(sys.argv[1])
openssl = tree.tool("openssl")
if not openssl:
    tree.give_up("openssl")


def line_of(text, offset):
    return text.count("\n", 0, offset) + 1


def shown():
    """(file, line, configuration)"""
    for page in PAGES:
        text = tree.read(page)
        for match in FENCE.finditer(text):
            yield page, line_of(text, match.start(2)), match.group(2)
    text = tree.read(MANUAL)
    begin = text.index("\n.Sh EXAMPLES\n")
    end = text.index("\n.Sh ", begin + 1)
    for match in LITERAL.finditer(text, begin, end):
        yield MANUAL, line_of(text, match.start(1)), match.group(1).replace("\\e", "\\")


def prepare(folder):
    """What the configurations name, and the daemon looks at when it checks them."""
    subprocess.run([openssl, "req", "-x509", "-newkey", "rsa:2048", "-sha256", "-nodes", "-days",
                    "2", "-subj", "/CN=packetboat", "-keyout", folder / "server.key", "-out",
                    folder / "server.pem"], check=True, capture_output=True)
    for kind in ("pem", "key"):
        (folder / f"app.{kind}").write_bytes((folder / f"server.{kind}").read_bytes())


findings = []
found = []
with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    prepare(folder)
    path = folder / "packetboat.conf"
    path.touch(mode=0o600)
    for page, line, text in shown():
        found.append(page)
        text = SHORT_HASH.sub(lambda match: HASH, text)
        if ACCOUNTS.match(text):
            # Without a line more in front, so that the daemon's lines are those of the page.
            text = f"accounts = ( {text});\n"
        path.write_text(text, encoding="utf-8")
        run = subprocess.run([daemon, "--check-config", "-c", str(path)], capture_output=True,
                             text=True, check=False,
                             env={**os.environ, "CREDENTIALS_DIRECTORY": name})
        if run.returncode != 0 and not run.stderr:
            findings.append(f"{page}:{line}: packetboatd exits {run.returncode}")
        for complaint in run.stderr.splitlines():
            # "packetboatd: FILE:LINE: ..." -> where that is on the page
            complaint = complaint.split(f"{path}:", 1)[-1]
            number, _, rest = complaint.partition(":")
            at = line - 1 + int(number) if number.isdigit() else line
            findings.append(f"{page}:{at}:{rest if number.isdigit() else ' ' + complaint}")
for page in (*PAGES, MANUAL):
    if page not in found:
        findings.append(f"{page}:1: shows no configuration")
tree.finish(findings, len(found))
