"""
A file system that stalls: FUSE's own protocol over /dev/fuse (linux/fuse.h), without a library.

    stalling-fs.py MOUNT_POINT

The line 'mount' on standard input mounts one, of which the kernel has nothing in its caches yet; 'unmount' takes it
away again. Each is answered by a line.

Every request about a name that begins with 'stall' waits for the line 'release', as it would for a server that has
gone away; from then on it fails with EIO. Each one that begins to wait is reported as a
line 'held NUMBER', with the request's opcode. A caller that gives up (FUSE_INTERRUPT) gets EINTR.

What stalls is in the name: 'stall-lookup' can't even be found, 'stall-getattr' can't be asked about,
'stall-open' can't be opened, and anything else about a 'stall-…' comes as far as being opened. 'fifo' is one, and does not stall.
It ends, and unmounts, when standard input is closed, and lets nobody wait for longer than 20 seconds.
"""
import ctypes
import errno
import os
import select
import stat
import struct
import sys

LOOKUP, FORGET, GETATTR, SETATTR, MKDIR, UNLINK, RMDIR, RENAME = 1, 2, 3, 4, 9, 10, 11, 12
OPEN, READ, WRITE, STATFS, RELEASE, FSYNC, FLUSH, INIT = 14, 15, 16, 17, 18, 20, 25, 26
OPENDIR, READDIR, RELEASEDIR, ACCESS, INTERRUPT, BATCH_FORGET, RENAME2 = 27, 28, 29, 34, 36, 42, 45

ROOT = 1
PATIENCE_S = 20
MNT_DETACH = 2
NAMES = ["stall-getattr", "stall-open", "stall-transfer", "stall-directory", "fifo"]
#: By node number, after the root's.
NODES = {ROOT + 1 + index: name for index, name in enumerate(NAMES)}
#: What waits for nodes that could be opened.
TRANSFERS = {READ, WRITE, FSYNC, SETATTR}

libc = ctypes.CDLL(None, use_errno=True)


def call(result):
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


class StallingFs:
    def __init__(self, mount_point):
        self.device = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC | os.O_NONBLOCK)
        self.mount_point = mount_point.encode()
        options = f"fd={self.device},rootmode=40000,user_id={os.getuid()},group_id={os.getgid()}"
        call(libc.mount(b"stalling", self.mount_point, b"fuse", 0, options.encode()))
        self.held = set()
        self.is_released = False

    def reply(self, unique, body=b"", error=0):
        try:
            os.write(self.device, struct.pack("<IiQ", 16 + len(body), -error, unique) + body)
        except OSError as failure:
            # ENOENT: nobody waits for it any more.
            if failure.errno != errno.ENOENT:
                raise

    def hold(self, unique, opcode):
        if self.is_released:
            self.reply(unique, error=errno.EIO)
            return
        self.held.add(unique)
        print(f"held {opcode}", flush=True)

    def release(self):
        self.is_released = True
        for unique in self.held:
            self.reply(unique, error=errno.EIO)
        self.held.clear()

    def attributes(self, node):
        kinds = {"": stat.S_IFDIR, "stall-directory": stat.S_IFDIR, "fifo": stat.S_IFIFO}
        mode = kinds.get(NODES.get(node, ""), stat.S_IFREG) | 0o755
        return struct.pack("<6Q10I", node, 4096, 8, 0, 0, 0, 0, 0, 0, mode, 1, 0, 0, 0, 4096, 0)

    def look_up(self, unique, name):
        if name == "stall-lookup":
            self.hold(unique, LOOKUP)
            return
        node = next((number for number, known in NODES.items() if known == name), None)
        if node is None:
            self.reply(unique, error=errno.ENOENT)
            return
        # The name is remembered, as by most such file systems; attributes are asked for each time.
        self.reply(unique, struct.pack("<4Q2I", node, 0, 3600, 0, 0, 0) + self.attributes(node))

    def answer(self, request):
        _, opcode, unique, node = struct.unpack_from("<IIQQ", request)
        body = request[40:]
        name = NODES.get(node, "")
        if opcode == INIT:
            self.reply(unique, struct.pack("<4I2H2I2H8I", 7, 31, 4096, 0, 16, 12, 65536, 1, 0, 0, *[0] * 8))
        elif opcode == LOOKUP:
            self.look_up(unique, body.rstrip(b"\0").decode())
        elif opcode == INTERRUPT:
            (target,) = struct.unpack_from("<Q", body)
            if target in self.held:
                self.held.discard(target)
                self.reply(target, error=errno.EINTR)
        elif opcode == GETATTR and name != "stall-getattr":
            self.reply(unique, struct.pack("<QII", 0, 0, 0) + self.attributes(node))
        elif opcode == OPEN and name != "stall-open":
            self.reply(unique, struct.pack("<QII", 0, 1, 0))
        elif opcode in (OPENDIR, STATFS) and node == ROOT:
            self.reply(unique, struct.pack("<QII", 0, 0, 0) if opcode == OPENDIR else bytes(80))
        elif opcode in (FLUSH, RELEASE, RELEASEDIR, ACCESS) or (opcode == READDIR and node == ROOT):
            self.reply(unique)
        elif opcode in (GETATTR, OPEN, OPENDIR, MKDIR, UNLINK, RMDIR, RENAME, RENAME2) or opcode in TRANSFERS:
            self.hold(unique, opcode)
        elif opcode not in (FORGET, BATCH_FORGET):
            self.reply(unique, error=errno.ENOSYS)

    def serve_one(self):
        try:
            self.answer(os.read(self.device, 1 << 20))
        except OSError as failure:
            # The request was given up before it was read.
            if failure.errno not in (errno.ENOENT, errno.EINTR, errno.EAGAIN):
                raise

    def unmount(self):
        self.release()
        libc.umount2(self.mount_point, MNT_DETACH)
        os.close(self.device)


def mount(mount_point):
    try:
        file_system = StallingFs(mount_point)
    except OSError as failure:
        print(f"refused {failure}", flush=True)
        return None
    print("mounted", flush=True)
    return file_system


def main():
    file_system = None
    is_ended = False
    while not is_ended:
        devices = [file_system.device] if file_system else []
        ready, _, _ = select.select([0, *devices], [], [], PATIENCE_S)
        if not ready and file_system:
            file_system.release()
        commands = os.read(0, 4096).decode().split() if 0 in ready else []
        is_ended = 0 in ready and not commands
        for command in commands:
            if command == "mount":
                file_system = mount(sys.argv[1])
            elif file_system and command == "release":
                file_system.release()
            elif command == "unmount":
                if file_system:
                    file_system.unmount()
                file_system = None
                print("unmounted", flush=True)
        if file_system and file_system.device in ready:
            file_system.serve_one()
    if file_system:
        file_system.unmount()


main()
