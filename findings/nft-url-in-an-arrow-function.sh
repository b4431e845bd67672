#!/usr/bin/env bash
# @vercel/nft, which decides what goes into Next.js's standalone output, follows `new URL('./file', import.meta.url)`
# in an arrow function with braces, and not in the same function without them: the file is left out of the deployment,
# and is missed at run time only.
# Seen on @vercel/nft 1.11.5, Node 20.20.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{"private":true,"type":"module"}' >package.json
npm install --silent --no-audit --no-fund --ignore-scripts @vercel/nft@1.11.5
touch data.bin
echo "export const place = () => { return new URL('./data.bin', import.meta.url); };" >braces.js
echo "export const place = () => new URL('./data.bin', import.meta.url);" >bare.js
cat >trace.mjs <<'JS'
import { nodeFileTrace } from '@vercel/nft';

for (const name of ['braces.js', 'bare.js']) {
  const { fileList } = await nodeFileTrace([name]);
  console.log(`${name}: ${fileList.has('data.bin') ? 'found' : 'left out'}`);
}
JS
seen=$(node trace.mjs)
echo "@vercel/nft 1.11.5, Node $(node --version)"
echo "$seen"
expected='braces.js: found
bare.js: left out'
[ "$seen" = "$expected" ] || { echo 'changed'; exit 1; }
echo 'as recorded'
