#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Secrets cannot be formatted: the compiler refuses it, and nobody goes round the compiler.

A `struct secret` (daemon/secret.h) is opaque, so what is handed to the log, to printf() or to
anything that takes text does not compile. What secret_borrow() shows may go where octets are wanted
on their way (a hash, a connection, a form), never into a function that makes text."""

import re
import subprocess

import tree

# Each must fail to compile, and with that word in the complaint; the last must compile, or the
# failures above mean nothing.
REFUSED = {
    "into the log as text": 'log_text(line, "token", secret);',
    "into the log as octets": 'log_span(line, "token", secret);',
    "into a line of the log": 'log_event(log, CONF_LOG_INFO, "x", "token", secret);',
    "by printf, as text": 'printf("%s", secret);',
    "by snprintf, as text": 'snprintf(text, sizeof(text), "%s", secret);',
    "into a failure": "failure_set(failure, FAILURE_AUTH, secret);",
    "by looking inside": 'printf("%c", ((const struct secret *)secret)->octets[0]);',
    "by copying it": "struct secret copy = *secret; (void)copy;",
}
ACCEPTED = 'log_text(line, "token", "***"); (void)secret_borrow(secret); (void)text;'
PROGRAM = """
#include <stdio.h>
#include "daemon/log.h"
#include "daemon/secret.h"
void test(struct log_line *line, struct log *log, struct failure *failure,
          const struct secret *secret);
void test(struct log_line *line, struct log *log, struct failure *failure,
          const struct secret *secret)
{
	char text[100] = "";
	(void)line, (void)log, (void)failure, (void)secret, (void)text;
	%s
}
"""
# Makers of text.
FORMATTERS = re.compile(
    r"\b(?:log_(?:text|span|event|number)|(?:v?s?n?|v?as|vf|f|d)printf|puts|fputs|perror|"
    r"failure_set(?:_words)?)\s*\(")
BORROWED = r"\bsecret_borrow\s*\("
KEPT = re.compile(r"\b(\w+)\s*=[^;=]*\bsecret_borrow\s*\(")


def compiles(statement):
    compiler = tree.tool("cc", "gcc", "clang")
    if compiler is None:
        tree.give_up("a C compiler")
    run = subprocess.run(
        [compiler, "-fsyntax-only", "-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Wformat=2",
         "-Werror", "-I", str(tree.ROOT), "-x", "c", "-"],
        input=PROGRAM % statement, capture_output=True, text=True, check=False)
    return run.returncode == 0, run.stderr


def check_compiler():
    fine, complaint = compiles(ACCEPTED)
    if not fine:
        yield f"what must compile does not: {complaint}"
    for how, statement in REFUSED.items():
        fine, complaint = compiles(statement)
        if fine:
            yield f"daemon/secret.h: a secret can be formatted {how}: {statement}"
        elif "secret" not in complaint:
            yield f"{how}: refused, but not for the secret: {complaint}"


def arguments(text, start):
    """What stands between the parenthesis at `start` and its partner."""
    depth = 0
    for at in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        if depth == 0:
            return text[start:at]
    return text[start:]


def check_file(path):
    """secret_borrow(), or what a function keeps of it, within the arguments of what makes text;
    and the struct anywhere but at home."""
    text = tree.without_comments(tree.read(path))
    line = 1
    for function in re.split(r"(?<=\n\}\n)", text):
        borrowed = "|".join([BORROWED, *(rf"\b{name}\b" for name in KEPT.findall(function))])
        for match in FORMATTERS.finditer(function):
            if re.search(borrowed, arguments(function, match.end() - 1)):
                yield (f"{path}:{line + function.count(chr(10), 0, match.start())}: a secret is "
                       f"made text by {match.group()}...)")
        line += function.count("\n")
    if str(path) != "daemon/secret.c" and re.search(r"\bstruct\s+secret\s*\{", text):
        yield f"{path}: struct secret is opened outside daemon/secret.c"


paths = tree.files("*.c", "*.h", folders=("daemon",))
tree.finish([*check_compiler(), *(finding for path in paths for finding in check_file(path))],
            len(paths))
