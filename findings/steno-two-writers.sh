#!/usr/bin/env bash
# steno: the temporary file beside "data.json" is always ".data.json.tmp". Two Writers of one file (two modules, or two
# processes) write the same temporary file; the first rename takes it away, and the other write fails after a second of
# tries with ENOENT for a name that its caller never gave. The file may hold either text, or a mixture.
# Seen on steno 4.0.2, Node 20.20.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{"private":true}' >package.json
npm install --silent --no-audit --no-fund --ignore-scripts steno@4.0.2
cat >writers.mjs <<'JS'
import { Writer } from 'steno';

const writes = await Promise.allSettled(['one', 'two'].map((text) => new Writer('data.json').write(text)));
for (const { status, reason } of writes.sort((a, b) => (a.status < b.status ? -1 : 1))) {
  console.log(status, reason ? `${reason.code} ${reason.syscall} ${reason.path}` : '');
}
JS
seen=$(timeout 30 node writers.mjs | sed 's/ *$//')
echo "steno 4.0.2, Node $(node --version)"
echo "$seen"
expected='fulfilled
rejected ENOENT rename .data.json.tmp'
[ "$seen" = "$expected" ] || { echo 'changed'; exit 1; }
echo 'as recorded'
