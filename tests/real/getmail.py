#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""getmail as it is installed, but for how it waits for its deliveries; arguments are getmail's.

It delivers in a child process, into a Maildir as well, and looks out for SIGCHLD only after fork():
a child that was quicker is waited for in vain, for minutes, and then the run fails. Its POP3 is
untouched.
"""

import os
import runpy
import shutil
import sys

from getmailcore.baseclasses import ForkingBase


def wait_for_child(_, child):
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


ForkingBase._prepare_child = lambda _: None
ForkingBase._wait_for_child = wait_for_child
sys.argv[0] = shutil.which("getmail")
sys.path.pop(0)  # this folder
runpy.run_path(sys.argv[0], run_name="__main__")
