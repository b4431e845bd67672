/** process.exit(), an uncaught error and a signal in the middle of operations: the process ends as told. */
import { expect } from 'chai';
import { needsIoUring, RING_CONFIGURATIONS } from '../support/backends.js';
import { runScript } from '../support/child.js';
import { temporaryDirectory } from '../support/temporary.js';

/** How the process ends, with the exit status that it must end with. */
const WAYS: readonly (readonly [name: string, statement: string, code: number])[] = [
  ['process.exit', 'process.exit(5);', 5],
  ['process.exit after the first has settled', 'await Promise.race(pending); process.exit(5);', 5],
  ['process.exit a turn later', 'setImmediate(() => process.exit(5)); await Promise.all(pending);', 5],
  [
    'process.exit from a settled read',
    'pending[500].then(() => process.exit(5)); await Promise.all(pending);',
    5,
  ],
  ['an uncaught error', "setImmediate(() => { throw new Error('on purpose'); });", 1],
];

for (const { title, options } of RING_CONFIGURATIONS) {
  describe(`Exit in flight [${title}]`, () => {
    needsIoUring(options);
    const directory = temporaryDirectory();

    for (const [name, statement, code] of WAYS) {
      it(`${name}, in the middle of 1,000 reads: ends with status ${code}`, async () => {
        const source = `
          import { DatagramSocket, Ring } from 'ringlet';
          const ring = new Ring(${JSON.stringify(options)});
          const [, file, fifo] = process.argv;
          const handle = await ring.fs.open(file);
          const blocked = await ring.fs.open(fifo, 'r+');
          const socket = await DatagramSocket.bind({ address: '127.0.0.1', ring });
          (async () => { for await (const message of socket) console.log('?'); })();
          for (let index = 0; index < 50; index += 1) blocked.read(Buffer.alloc(100));
          const pending = [];
          for (let index = 0; index < 1000; index += 1) pending.push(handle.read(Buffer.alloc(4096), 0, 4096, 0));
          ${statement}
        `;
        const args = [directory.file('file', Buffer.alloc(4096)), directory.fifo('fifo')];
        const outcome = await runScript(source, { args });
        expect([outcome.code, outcome.signal, outcome.hasTimedOut]).to.deep.equal([code, null, false]);
        if (code === 5) expect(outcome.stderr).to.equal('');
        else expect(outcome.stderr).to.contain('on purpose');
      });
    }
  });
}
