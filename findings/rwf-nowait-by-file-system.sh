#!/usr/bin/env bash
# Linux: whether a cached read, or an overwrite of a cached page, can be tried without waiting is up to the file system,
# and the usual ones disagree. RWF_NOWAIT is known to xfs for both, to ext4 for reads only, and to tmpfs, all of which
# is memory, for neither: EOPNOTSUPP, where 'it would wait' is EAGAIN. So "try without waiting, else use a thread" always
# takes the thread on tmpfs, /dev/shm and most containers' /tmp. Seen on Linux 6.18. Needs Python 3, mkfs.ext4,
# mkfs.xfs, and root for its mounts.
set -euo pipefail
folder=$(mktemp -d)
mounted=()
finish() {
  for each in "${mounted[@]}"; do umount "$each"; done
  rm -rf "$folder"
}
trap finish EXIT
place() { # name, mount arguments
  mkdir "$folder/$1"
  mount "${@:2}" "$folder/$1"
  mounted+=("$folder/$1")
}
for type in ext4 xfs; do
  truncate -s 320M "$folder/$type.image"
  "mkfs.$type" -q "$folder/$type.image"
  place "$type" -o loop "$folder/$type.image"
done
place tmpfs -t tmpfs none
cat >"$folder/nowait.py" <<'PY'
import errno
import os
import sys


def answer(call):
    try:
        call()
    except OSError as error:
        if error.errno == errno.EOPNOTSUPP:
            return "refused"
        # Whether it would wait, for a time stamp to be changed, say, is another question.
        assert error.errno == errno.EAGAIN, error
    return "tried"


for place in sys.argv[1:]:
    fd = os.open(os.path.join(place, "file"), os.O_RDWR | os.O_CREAT)
    os.write(fd, b"x" * 4096)
    os.fsync(fd)
    read = answer(lambda: os.preadv(fd, [bytearray(4096)], 0, os.RWF_NOWAIT))
    written = answer(lambda: os.pwritev(fd, [b"y" * 4096], 0, os.RWF_NOWAIT))
    print(f"{os.path.basename(place)}: read {read}, overwrite {written}")
    os.close(fd)
PY
seen=$(timeout 20 python3 "$folder/nowait.py" "$folder/ext4" "$folder/xfs" "$folder/tmpfs")
echo "Linux $(uname -r)"
echo "$seen"
diff <(echo "$seen") - <<'EXPECTED'
ext4: read tried, overwrite refused
xfs: read tried, overwrite tried
tmpfs: read refused, overwrite refused
EXPECTED
