#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""The walls of the house: protocol/, tls/ and conf/ never include one another or the daemon, and
each knows only its own library. Includes of ours are spelled from the root of the tree."""

import re

import tree

# What bytes in, events out can need: no descriptor, no clock.
LIBC = {
    "assert.h", "errno.h", "inttypes.h", "limits.h", "stdarg.h", "stdbool.h", "stddef.h",
    "stdint.h", "stdio.h", "stdlib.h", "string.h", "strings.h",
}
ALLOWED = {
    "protocol": (LIBC, r"(?!)"),
    "tls": (LIBC | {"arpa/inet.h", "fcntl.h", "netinet/in.h", "pthread.h", "sys/stat.h", "time.h",
                    "unistd.h"},
            r"openssl/.*"),
    "conf": (LIBC | {"arpa/inet.h", "netinet/in.h", "sys/stat.h", "sys/types.h", "unistd.h"},
             r"libconfig\.h"),
}
INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]')


def check(path):
    area = path.parts[0]
    for number, line in tree.lines(tree.read(path)):
        match = INCLUDE.match(line)
        if not match:
            continue
        ours, name = match.group(1) == '"', match.group(2)
        if ours:
            if not (tree.ROOT / name).is_file() and name != "config.h":
                yield f'{path}:{number}: "{name}": spell it from the root of the tree'
            elif area in tree.LIBRARIES and not name.startswith(area + "/"):
                yield f'{path}:{number}: {area}/ must not include "{name}"'
            elif area == "daemon" and name.startswith("tests/"):
                yield f'{path}:{number}: the daemon must not include "{name}"'
        elif area in tree.LIBRARIES:
            libc, library = ALLOWED[area]
            if name not in libc and not re.fullmatch(library, name):
                yield f"{path}:{number}: {area}/ must not include <{name}>"


paths = tree.files("*.c", "*.h")
tree.finish([finding for path in paths for finding in check(path)], len(paths))
