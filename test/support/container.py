"""Runs a program as Docker runs one in a container, as far as system calls and capabilities go.

    python3 container.py node script.mjs
    python3 container.py --report refused.json node script.mjs

Docker's default seccomp profile is in force, and no capability but those that it leaves to root. File systems, processes
and networks are those of the machine. With --report the calls that were refused are counted in a file, by name of the call
and of the thread: {"io_uring_setup": {"node": 1}}. For root, and for others too where capabilities are none.
"""

import array
import ctypes
import fcntl
import json
import os
import select
import signal
import socket
import struct
import sys

sys.dont_write_bytecode = True
from docker_profile import CAPABILITIES, answer_to, filter_program, system_calls  # noqa: E402
from seccomp_filter import ERRNO, NOTIFY, SECCOMP_FILTER_FLAG_NEW_LISTENER, check, install, libc  # noqa: E402

PR_SET_PDEATHSIG = 1
PR_CAPBSET_READ = 23
PR_CAPBSET_DROP = 24
CAPABILITY_VERSION_3 = 0x20080522
# linux/seccomp.h: struct seccomp_notif and seccomp_notif_resp, and the calls for them.
NOTIFICATION = struct.Struct("=QII iIQ 6Q")
RESPONSE = struct.Struct("=QqiI")
SECCOMP_IOCTL_NOTIF_RECV = 0xC0502100
SECCOMP_IOCTL_NOTIF_SEND = 0xC0182101


def drop_capabilities() -> None:
    """Leaves Docker's default ones, also to what root starts from here."""
    header = struct.pack("=Ii", CAPABILITY_VERSION_3, 0)
    sets = bytearray(24)
    view = (ctypes.c_char * 24).from_buffer(sets)
    check(libc.capget(header, view), "capget")
    for half in (0, 1):
        kept = sum(1 << (each - 32 * half) for each in CAPABILITIES if each // 32 == half)
        effective, permitted, _ = struct.unpack_from("=III", sets, 12 * half)
        struct.pack_into("=III", sets, 12 * half, effective & kept, permitted & kept, 0)
    for capability in range(64):
        if capability not in CAPABILITIES and libc.prctl(PR_CAPBSET_READ, capability, 0, 0, 0) == 1:
            # Who has none has nothing to drop.
            libc.prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)
    check(libc.capset(header, view), "capset")


def become(program: list[str]) -> None:
    drop_capabilities()
    os.execvp(program[0], program)


def comm_of(thread: int) -> str:
    try:
        with open(f"/proc/{thread}/comm") as file:
            return file.read().strip()
    except OSError:
        return "?"


def count_refusals(listener: int, numbers: dict[str, int]) -> dict[str, dict[str, int]]:
    """Answers what the filter refuses, until no process is left that has it."""
    names = {number: name for name, number in numbers.items()}
    counts: dict[str, dict[str, int]] = {}
    poll = select.poll()
    poll.register(listener, select.POLLIN)
    while True:
        ((_, events),) = poll.poll()
        if not events & select.POLLIN:
            return counts
        notification = bytearray(NOTIFICATION.size)
        try:
            fcntl.ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, notification)
            identity, thread, _, number, *_ = NOTIFICATION.unpack(notification)
            by_thread = counts.setdefault(names.get(number, str(number)), {})
            comm = comm_of(thread)
            by_thread[comm] = by_thread.get(comm, 0) + 1
            response = RESPONSE.pack(identity, 0, -answer_to(number, numbers), 0)
            fcntl.ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, bytearray(response))
        except FileNotFoundError:
            # A signal has ended the call, or the process.
            continue


def run_reported(program: list[str], report: str, numbers: dict[str, int]) -> int:
    ours, theirs = socket.socketpair()
    instructions = filter_program(numbers, lambda _errno: NOTIFY)
    child = os.fork()
    if child == 0:
        check(libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "PR_SET_PDEATHSIG")
        listener = install(instructions, SECCOMP_FILTER_FLAG_NEW_LISTENER)
        rights = array.array("i", [listener])
        theirs.sendmsg([b"-"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
        os.close(listener)
        become(program)
    theirs.close()
    for ending in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ending, lambda number, _frame: os.kill(child, number))
    _, [(_, _, passed)], _, _ = ours.recvmsg(1, socket.CMSG_SPACE(4))
    counts = count_refusals(array.array("i", passed)[0], numbers)
    with open(report, "w") as file:
        json.dump(counts, file, indent=2, sort_keys=True)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    numbers = system_calls()
    if sys.argv[1] == "--report":
        status = run_reported(sys.argv[3:], sys.argv[2], numbers)
        sys.exit(status if status >= 0 else 128 - status)
    install(filter_program(numbers, lambda error: ERRNO | error))
    become(sys.argv[1:])
