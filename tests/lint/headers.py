#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Each header compiles alone, and twice, with each compiler that is there; its guard is named after
its place."""

import concurrent.futures
import os
import subprocess

import tree


def library_flags():
    """Where the libraries keep their headers, if that is not /usr/include."""
    program = tree.tool("pkg-config")
    flags = []
    for library in ("openssl", "libconfig", "libevent", "sqlite3") if program else ():
        run = subprocess.run([program, "--cflags", library], capture_output=True, text=True,
                             check=False)
        flags += run.stdout.split()
    return flags


def guard(path):
    return "_".join(path.with_suffix("").parts).upper().replace("-", "_") + "_H"


def check(path):
    text = tree.read(path)
    name = guard(path)
    if f"#ifndef {name}\n#define {name}\n" not in text:
        yield f"{path}:1: its guard should be {name}"
    program = f'#include "{path}"\n#include "{path}"\nextern int header_is_complete;\n'
    for compiler in compilers:
        command = [compiler, "-fsyntax-only", "-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra",
                   "-Werror", "-Wno-unused-function", "-I", str(tree.ROOT), *flags,
                   "-x", "c", "-"]
        run = subprocess.run(command, input=program, capture_output=True, text=True, check=False)
        if run.returncode != 0:
            yield f"{path}:1: does not compile alone with {compiler}:\n{run.stderr}"


compilers = [path for path in (tree.tool("gcc"), tree.tool("clang", "clang-14")) if path]
if len(compilers) < 2 and os.environ.get("CI"):
    tree.give_up("gcc or clang")
if not compilers:
    tree.give_up("a compiler")
flags = library_flags()
paths = tree.files("*.h")
with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
    results = list(pool.map(lambda path: list(check(path)), paths))
tree.finish([finding for result in results for finding in result], len(paths))
