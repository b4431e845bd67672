/** A listener in a process that runs out of descriptors: it says so once, and goes on when there are some again. */
import { expect } from 'chai';
import { describeOnEachBackend } from '../support/backends.js';
import { runProgram } from '../support/child.js';
import { skip } from '../support/skip.js';

const LIMIT = 64;

const SCRIPT = `
import { closeSync, openSync } from 'node:fs';
import { AsyncLocalStorage } from 'node:async_hooks';
import { Listener, Ring, StreamSocket } from 'ringlet';
const ring = new Ring(JSON.parse(process.argv[1]));
const storage = new AsyncLocalStorage();
const errors = [];
const thrown = [];
process.on('uncaughtException', ({ message }) => thrown.push(message));
const onAcceptError = ({ code }) => {
  errors.push(code);
  throw new Error(storage.getStore());
};
const listener = await storage.run('of the listener', () =>
  Listener.listen({ host: '127.0.0.1', port: 0, ring, directDescriptors: false, onAcceptError }));
const { port } = listener.address;
const near = await Promise.all(Array.from({ length: 6 }, () => StreamSocket.connect({ host: '127.0.0.1', port, ring })));
const held = [];
for (;;) {
  try {
    held.push(openSync('/dev/null', 'r'));
  } catch {
    break;
  }
}
const taken = [];
const taking = (async () => {
  for await (const socket of listener) if (taken.push(socket) === 6) break;
})();
while (errors.length === 0) await ring.sleep(1);
const before = taken.length;
await ring.sleep(300);
for (const fd of held) closeSync(fd);
await taking;
for (const [index, socket] of near.entries()) await socket.write(String(index));
const heard = await Promise.all(taken.map(async (socket) => {
  const buffer = Buffer.alloc(1);
  await socket.read(buffer);
  return String(buffer);
}));
console.log(JSON.stringify({ errors, thrown, before, heard: heard.sort() }));
await ring.close();
`;

describeOnEachBackend('EMFILE at accept', (_makeRing, { options }) => {
  it('is survived and reported once, whatever the report throws; connections come when there are descriptors again', async function () {
    if (options.backend === 'node')
      skip(this, 'libuv resets such connections, with a descriptor it keeps for that');
    const launcher = ['sh', '-c', `ulimit -n ${LIMIT} && exec "$0" "$@"`];
    const argv = ['--input-type=module', '-e', SCRIPT, JSON.stringify(options)];
    const outcome = await runProgram([], { launcher: [...launcher, process.execPath, ...argv] });
    expect(outcome.stderr).to.equal('');
    const { errors, thrown, before, heard } = JSON.parse(outcome.stdout) as Record<string, unknown>;
    expect(errors).to.deep.equal(['EMFILE']);
    expect(thrown).to.deep.equal(['of the listener']);
    expect(before).to.equal(0);
    expect(heard).to.deep.equal(['0', '1', '2', '3', '4', '5']);
  });
});
