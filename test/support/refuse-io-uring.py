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

import ctypes
import errno
import os
import sys

PR_SET_SECCOMP = 22
PR_SET_NO_NEW_PRIVS = 38
SECCOMP_MODE_FILTER = 2
SECCOMP_RET_ERRNO = 0x00050000
SECCOMP_RET_KILL_PROCESS = 0x80000000
SECCOMP_RET_ALLOW = 0x7FFF0000
# struct seccomp_data: the number of the call is its first word.
NUMBER_OFFSET = 0
# The low half of the first argument of the call, on little-endian machines: the submission entries.
ENTRIES_OFFSET = 16
# The same numbers on every architecture: they came after the numbering was unified.
NUMBERS = {"io_uring_setup": 425, "openat2": 437}

BPF_LOAD_WORD = 0x20  # BPF_LD | BPF_W | BPF_ABS
BPF_JUMP_IF_EQUAL = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
BPF_JUMP_IF_GREATER = 0x25  # BPF_JMP | BPF_JGT | BPF_K
BPF_RETURN = 0x06  # BPF_RET | BPF_K


class Instruction(ctypes.Structure):
    _fields_ = [
        ("code", ctypes.c_ushort),
        ("if_true", ctypes.c_ubyte),
        ("if_false", ctypes.c_ubyte),
        ("operand", ctypes.c_uint32),
    ]


class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.POINTER(Instruction))]


def refuse(number: int, answer: int, above: int) -> None:
    instructions = (Instruction * 6)(
        Instruction(BPF_LOAD_WORD, 0, 0, NUMBER_OFFSET),
        Instruction(BPF_JUMP_IF_EQUAL, 0, 3, number),
        Instruction(BPF_LOAD_WORD, 0, 0, ENTRIES_OFFSET),
        Instruction(BPF_JUMP_IF_GREATER, 0, 1, above),
        Instruction(BPF_RETURN, 0, 0, answer),
        Instruction(BPF_RETURN, 0, 0, SECCOMP_RET_ALLOW),
    )
    program = Program(len(instructions), instructions)
    libc = ctypes.CDLL(None, use_errno=True)
    unused = ctypes.c_ulong(0)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, ctypes.c_ulong(1), unused, unused, unused):
        raise OSError(ctypes.get_errno(), "PR_SET_NO_NEW_PRIVS")
    if libc.prctl(PR_SET_SECCOMP, ctypes.c_ulong(SECCOMP_MODE_FILTER), ctypes.byref(program), unused, unused):
        raise OSError(ctypes.get_errno(), "PR_SET_SECCOMP")


if __name__ == "__main__":
    refusal, _, above = sys.argv[1].partition(">")
    call, _, name = refusal.rpartition(":")
    refuse(
        NUMBERS[call or "io_uring_setup"],
        SECCOMP_RET_KILL_PROCESS if name == "KILL" else SECCOMP_RET_ERRNO | getattr(errno, name),
        int(above or 0),
    )
    os.execvp(sys.argv[2], sys.argv[2:])
