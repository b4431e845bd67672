#!/usr/bin/env bash
# Linux: preadv2 with RWF_NOWAIT is refused on a FIFO that was opened by its name, and works on a pipe of pipe(2).
# Both are the same kind of file, and fstat, poll and F_GETPIPE_SZ tell no difference. pipe(2) marks its descriptors as
# able to answer without waiting (FMODE_NOWAIT, since Linux 6.4), and opening a FIFO does not: EOPNOTSUPP, whether there
# is something to read or not. A reader that must not block has to poll a FIFO first, where it could just try a pipe.
# Seen on Linux 6.18. Needs Python 3.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat >"$folder/nowait.py" <<'PY'
import errno
import os
import socket
import stat
import sys


def read_nowait(fd):
    try:
        return f"{os.preadv(fd, [bytearray(4)], -1, os.RWF_NOWAIT)} bytes"
    except OSError as error:
        return errno.errorcode[error.errno]


def show(name, reader, writer):
    empty = read_nowait(reader)
    os.write(writer, b"abcd")
    kind = "FIFO" if stat.S_ISFIFO(os.fstat(reader).st_mode) else "socket"
    print(f"{name} (fstat says {kind}): {empty} when empty, {read_nowait(reader)} with 4 bytes in it")


path = os.path.join(sys.argv[1], "fifo")
os.mkfifo(path)
show("pipe(2)", *os.pipe())
opened = os.open(path, os.O_RDWR)
show("a FIFO by name", opened, opened)
one, other = socket.socketpair()
show("socketpair(2)", one.fileno(), other.fileno())
PY
seen=$(timeout 20 python3 "$folder/nowait.py" "$folder")
echo "Linux $(uname -r)"
echo "$seen"
diff <(echo "$seen") - <<'EXPECTED'
pipe(2) (fstat says FIFO): EAGAIN when empty, 4 bytes with 4 bytes in it
a FIFO by name (fstat says FIFO): ENOTSUP when empty, ENOTSUP with 4 bytes in it
socketpair(2) (fstat says socket): EAGAIN when empty, 4 bytes with 4 bytes in it
EXPECTED
