"""Programs for the kernel's seccomp filters, and their installation. Every instruction is (code, operand, if true, if false)."""

import ctypes
import os

# struct seccomp_data: the number of the call, the architecture, and from here the arguments, of which the low half comes
# first on little-endian machines.
NUMBER_OFFSET = 0
ARCHITECTURE_OFFSET = 4
ARGUMENTS_OFFSET = 16

ERRNO = 0x00050000
KILL_PROCESS = 0x80000000
NOTIFY = 0x7FC00000
ALLOW = 0x7FFF0000

PR_SET_NO_NEW_PRIVS = 38
SECCOMP_SET_MODE_FILTER = 1
SECCOMP_FILTER_FLAG_NEW_LISTENER = 8
# <asm/unistd.h>: seccomp(2), for which C libraries have no function.
SECCOMP_NUMBERS = {"x86_64": 317, "aarch64": 277}

libc = ctypes.CDLL(None, use_errno=True)


class Instruction(ctypes.Structure):
    _fields_ = [
        ("code", ctypes.c_ushort),
        ("if_true", ctypes.c_ubyte),
        ("if_false", ctypes.c_ubyte),
        ("operand", ctypes.c_uint32),
    ]


class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.POINTER(Instruction))]


def load_word(offset: int):
    return (0x20, offset, 0, 0)  # BPF_LD | BPF_W | BPF_ABS


def and_with(mask: int):
    return (0x54, mask, 0, 0)  # BPF_ALU | BPF_AND | BPF_K


def equal(value: int, if_true: int, if_false: int):
    return (0x15, value, if_true, if_false)  # BPF_JMP | BPF_JEQ | BPF_K


def greater(value: int, if_true: int, if_false: int):
    return (0x25, value, if_true, if_false)  # BPF_JMP | BPF_JGT | BPF_K


def answer(action: int):
    return (0x06, action, 0, 0)  # BPF_RET | BPF_K


def check(result: int, what: str) -> int:
    if result < 0:
        raise OSError(ctypes.get_errno(), what)
    return result


def install(program, flags: int = 0) -> int:
    """Installs a filter for this process and what it starts; the listener's descriptor if the flags ask for one.

    Without CAP_SYS_ADMIN the process gives up gaining privileges, which is what the kernel wants then.
    """
    instructions = (Instruction * len(program))(
        *(Instruction(code, if_true, if_false, operand) for code, operand, if_true, if_false in program)
    )
    result = set_filter(Program(len(program), instructions), flags)
    if result >= 0:
        return result
    unused = ctypes.c_ulong(0)
    check(libc.prctl(PR_SET_NO_NEW_PRIVS, ctypes.c_ulong(1), unused, unused, unused), "PR_SET_NO_NEW_PRIVS")
    return check(set_filter(Program(len(program), instructions), flags), "seccomp")


def set_filter(program: Program, flags: int) -> int:
    number = SECCOMP_NUMBERS[os.uname().machine]
    mode = SECCOMP_SET_MODE_FILTER
    return libc.syscall(ctypes.c_long(number), ctypes.c_ulong(mode), ctypes.c_ulong(flags), ctypes.byref(program))
