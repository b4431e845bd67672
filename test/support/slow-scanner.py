"""
A virus scanner that takes its time: a listener for fanotify(7) permission events.

    slow-scanner.py DIRECTORY MS

Allows every open and every read of a file in the directory, MS milliseconds after it was asked. Says 'ready', or why
it can't be had, on standard output; ends when standard input is closed.
"""
import ctypes
import os
import select
import struct
import sys
import time

FAN_CLASS_CONTENT = 0x4
FAN_MARK_ADD = 0x1
FAN_OPEN_PERM = 0x10000
FAN_ACCESS_PERM = 0x20000
FAN_EVENT_ON_CHILD = 0x8000000
FAN_ALLOW = 0x1
AT_FDCWD = -100

#: struct fanotify_event_metadata: event_len, vers, reserved, metadata_len, mask, fd, pid.
EVENT = struct.Struct("=IBBHQii")

libc = ctypes.CDLL(None, use_errno=True)


def call(result):
    if result < 0:
        print(os.strerror(ctypes.get_errno()), flush=True)
        sys.exit()
    return result


def main(directory, delay_ms):
    group = call(libc.fanotify_init(FAN_CLASS_CONTENT, os.O_RDONLY | os.O_CLOEXEC))
    mask = FAN_OPEN_PERM | FAN_ACCESS_PERM | FAN_EVENT_ON_CHILD
    call(libc.fanotify_mark(group, FAN_MARK_ADD, ctypes.c_uint64(mask), AT_FDCWD, directory.encode()))
    print("ready", flush=True)
    while True:
        readable, _, _ = select.select([group, sys.stdin], [], [])
        if sys.stdin in readable:
            return
        events = os.read(group, 4096)
        for _, _, _, _, _, fd, _ in EVENT.iter_unpack(events):
            time.sleep(delay_ms / 1000)
            os.write(group, struct.pack("=iI", fd, FAN_ALLOW))
            os.close(fd)


main(sys.argv[1], int(sys.argv[2]))
