"""Runs a program for which io_uring_setup fails with an errno of our choice, or another call.

    python3 refuse-io-uring.py EPERM node script.mjs
    python3 refuse-io-uring.py 'ENOMEM>512' node script.mjs
    python3 refuse-io-uring.py KILL node script.mjs
    python3 refuse-io-uring.py openat2:ENOSYS node script.mjs

The second refuses only rings of more than 512 submission entries, as a system short of memory would. The third ends
the process with SIGSYS, as systemd's SystemCallFilter does without SystemCallErrorNumber.
Container engines refuse io_uring in the same way: by a seccomp filter that answers with EPERM.
The filter is inherited by everything the program starts, and needs no privilege.
"""

import errno
import os
import sys

sys.dont_write_bytecode = True
from seccomp_filter import (  # noqa: E402
    ALLOW,
    ARGUMENTS_OFFSET,
    ERRNO,
    KILL_PROCESS,
    NUMBER_OFFSET,
    answer,
    equal,
    greater,
    install,
    load_word,
)

# The same numbers on every architecture: they came after the numbering was unified.
NUMBERS = {"io_uring_setup": 425, "openat2": 437}

if __name__ == "__main__":
    refusal, _, above = sys.argv[1].partition(">")
    call, _, name = refusal.rpartition(":")
    install(
        [
            load_word(NUMBER_OFFSET),
            equal(NUMBERS[call or "io_uring_setup"], 0, 3),
            # The first argument: submission entries.
            load_word(ARGUMENTS_OFFSET),
            greater(int(above or 0), 0, 1),
            answer(KILL_PROCESS if name == "KILL" else ERRNO | getattr(errno, name)),
            answer(ALLOW),
        ]
    )
    os.execvp(sys.argv[2], sys.argv[2:])
