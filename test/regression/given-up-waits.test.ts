/** Waits that are given up, on something where nothing comes: none of them is kept, in whichever line it stood. */
import { expect } from 'chai';
import type { RingOptions } from 'ringlet';
import { CONFIGURATIONS, needsIoUring } from '../support/backends.js';
import { expectCleanExit, runScript } from '../support/child.js';

const COUNT = 300;

/** Each begins a wait that `signal` ends. */
const KINDS: Record<string, string> = {
  'DatagramSocket.receive': 'socket.receive({ signal })',
  'DatagramSocket.messages': 'socket.messages({ signal }).next()',
  'DatagramSocket.batches': 'socket.batches({ signal }).next()',
  'Listener.accept': 'listener.accept({ signal })',
  'Listener.connections': 'listener.connections({ signal }).next()',
  'BufferPool.acquire': 'pool.acquire({ signal })',
  'a call beyond inFlightMax': "full.fs.readFile('/etc/hostname', { signal })",
};

const scriptFor = (options: RingOptions, wait: string): string => `
  import { DatagramSocket, Listener, Ring } from 'ringlet';
  import { execFileSync } from 'node:child_process';
  import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
  import { tmpdir } from 'node:os';
  import { join } from 'node:path';
  const options = ${JSON.stringify(options)};
  const ring = new Ring(options);
  const over = { host: '127.0.0.1', port: 0, ring };
  const socket = await DatagramSocket.bind({ address: '127.0.0.1', ring });
  const listener = await Listener.listen(over);
  const pool = ring.bufferPool({ count: 1, bytes: 4096 });
  const held = await pool.acquire();
  const full = new Ring({ ...options, inFlightMax: 1 });
  const directory = mkdtempSync(join(tmpdir(), 'ringlet-'));
  execFileSync('mkfifo', [join(directory, 'fifo')]);
  const writer = openSync(join(directory, 'fifo'), 'r+');
  const fifo = await full.fs.open(join(directory, 'fifo'), 'r+');
  const blocked = fifo.read(Buffer.alloc(1)).catch(() => {});
  let kept = [];
  async function giveUp() {
    const controllers = Array.from({ length: ${COUNT} }, () => new AbortController());
    const waits = controllers.map(({ signal }) => ${wait});
    kept = controllers.map(({ signal }) => new WeakRef(signal));
    await new Promise(setImmediate);
    for (const controller of controllers) controller.abort();
    const ends = await Promise.allSettled(waits);
    return ends.filter(({ reason }) => reason?.code === 'ABORT_ERR').length;
  }
  const aborted = await giveUp();
  const alive = () => kept.filter((ref) => ref.deref() !== undefined).length;
  const deadline = Date.now() + 9000;
  while (alive() > 2 && Date.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, 2));
    gc();
  }
  console.log(JSON.stringify({ aborted, isLetGo: alive() <= 2 }));
  held.release();
  writeSync(writer, 'x');
  await blocked;
  await fifo.close();
  closeSync(writer);
  rmSync(directory, { recursive: true });
  await Promise.all([socket.close(), listener.close(), pool.close()]);
  await Promise.all([ring.close(), full.close()]);
`;

for (const { title, options } of CONFIGURATIONS.filter(({ hasCompanion }) => hasCompanion !== true)) {
  describe(`Waits that are given up are let go of [${title}]`, () => {
    needsIoUring(options);

    for (const [kind, wait] of Object.entries(KINDS)) {
      it(kind, async () => {
        const outcome = await runScript(scriptFor(options, wait), { execArgv: ['--expose-gc'] });
        expectCleanExit(outcome);
        expect(JSON.parse(outcome.stdout)).to.deep.equal({ aborted: COUNT, isLetGo: true });
      });
    }
  });
}
