#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Functions and habits that the house does without, each with what to use instead."""

import re

import tree

INSTEAD = {
    "strcpy": "snprintf() or memcpy() with a length",
    "stpcpy": "snprintf() or memcpy() with a length",
    "strncpy": "snprintf() or memcpy() with a length",
    "strcat": "snprintf() at the end, or bytebuf_append()",
    "strncat": "snprintf() at the end, or bytebuf_append()",
    "sprintf": "snprintf()",
    "vsprintf": "vsnprintf()",
    "gets": "fgets() or read()",
    "strtok": "a loop over a span, or strcspn()",
    "strtok_r": "a loop over a span, or strcspn()",
    "scanf": "a parser with overflow checks, such as span_number()",
    "fscanf": "a parser with overflow checks, such as span_number()",
    "sscanf": "a parser with overflow checks, such as span_number()",
    "atoi": "strtol() with checks, or span_number()",
    "atol": "strtol() with checks, or span_number()",
    "atoll": "strtoll() with checks, or span_number()",
    "atof": "strtod() with checks",
    "alloca": "malloc(), or an array of fixed size",
    "setlocale": "nothing: octets have no locale",
    "localtime": "localtime_r()",
    "gmtime": "gmtime_r()",
    "strerror_r": "strerror(), from the loop's thread",
}
for name in ("isalnum", "isalpha", "isblank", "iscntrl", "isdigit", "isgraph", "islower",
             "isprint", "ispunct", "isspace", "isupper", "isxdigit"):
    INSTEAD[name] = "a comparison of octets, such as octet_is_digit(): ctype depends on the locale"
for name in ("tolower", "toupper"):
    INSTEAD[name] = "octet_upper(): ctype depends on the locale"
for name in ("strcasecmp", "strncasecmp"):
    INSTEAD[name] = "a comparison of ASCII octets, such as span_equal_nocase()"

CALL = re.compile(r"\b(" + "|".join(INSTEAD) + r")\s*\(")
TYPEDEF = re.compile(r"^\s*typedef\b[^()]*;")
# A file's own variable: column 0, no parameters, nothing constant.
VARIABLE = re.compile(r"^static (?!.*\bconst\b)(?!inline\b)[^()]*(;|=.*)$")
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX)\b")


def check(path):
    text = tree.read(path)
    if not text.startswith("/* SPDX-License-Identifier: ISC */\n"):
        yield f"{path}:1: begins with /* SPDX-License-Identifier: ISC */"
    for number, line in tree.lines(text):
        match = UNFINISHED.search(line)
        if match:
            yield f"{path}:{number}: {match.group(1)}: finish it"
    for number, line in tree.lines(tree.without_comments(text)):
        for match in CALL.finditer(line):
            yield f"{path}:{number}: {match.group(1)}: use {INSTEAD[match.group(1)]}"
        if TYPEDEF.match(line):
            yield f"{path}:{number}: typedef: name the struct or enum itself"
        if path.parts[0] != "tests" and VARIABLE.match(line):
            yield f"{path}:{number}: a global variable: put it into a struct that has an owner"


paths = tree.files("*.c", "*.h")
tree.finish([finding for path in paths for finding in check(path)], len(paths))
