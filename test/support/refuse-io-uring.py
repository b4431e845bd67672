"""Runs a program for which io_uring_setup fails with an errno of our choice, or another call.

    python3 refuse-io-uring.py EPERM node script.mjs
    python3 refuse-io-uring.py 'ENOMEM>512' node script.mjs
    python3 refuse-io-uring.py KILL node script.mjs
    python3 refuse-io-uring.py openat2:ENOSYS node script.mjs
    python3 refuse-io-uring.py 'epoll_ctl[2]:ENOSPC>60' node script.mjs

The second refuses only rings of more than 512 submission entries, as a system short of memory would. The third ends
the process with SIGSYS, as systemd's SystemCallFilter does without SystemCallErrorNumber. The last goes by the third
argument: what epoll is to watch is a descriptor above 60.
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

# Newer calls have the same number on every architecture.
NUMBERS = {"io_uring_setup": 425, "openat2": 437, "epoll_ctl": 21 if os.uname().machine == "aarch64" else 233}

if __name__ == "__main__":
    refusal, _, above = sys.argv[1].partition(">")
    call, _, name = refusal.rpartition(":")
    # The first one of io_uring_setup: submission entries.
    call, _, argument = (call or "io_uring_setup").rstrip("]").partition("[")
    install(
        [
            load_word(NUMBER_OFFSET),
            equal(NUMBERS[call], 0, 3),
            load_word(ARGUMENTS_OFFSET + 8 * int(argument or 0)),
            greater(int(above or 0), 0, 1),
            answer(KILL_PROCESS if name == "KILL" else ERRNO | getattr(errno, name)),
            answer(ALLOW),
        ]
    )
    os.execvp(sys.argv[2], sys.argv[2:])
