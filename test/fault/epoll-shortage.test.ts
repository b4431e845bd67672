/** What a ring on epoll is short of: places in the epoll set, descriptors of its own, threads for what waits. */
import { expect } from 'chai';
import { constants } from 'node:fs';
import { Ring } from 'ringlet';
import { needsIoUring } from '../support/backends.js';
import { expectCleanExit, runScript } from '../support/child.js';
import { type CallError, eventually, isPending, rejection, within } from '../support/eventually.js';
import { threadsNamed } from '../support/leftovers.js';
import { expectAbort } from '../support/outcomes.js';
import { needsSeccomp, refusing } from '../support/refuser.js';
import { temporaryDirectory } from '../support/temporary.js';

/** Descriptors above this one are refused by epoll_ctl, as all are when fs.epoll.max_user_watches is reached. */
const WATCHED_MAX = 60;

/** Before the body, a ring and `early`, an open FIFO, have descriptors that are watched; what is opened in it has not. */
const scriptOf = (body: string): string => `
  import { closeSync, openSync } from 'node:fs';
  import { DatagramSocket, Ring, StreamSocket } from 'ringlet';
  const [, fifo, port] = process.argv;
  const told = (promise) => promise.then(() => 'fulfilled', ({ code, syscall }) => code + ' ' + syscall);
  const takeLow = () => {
    const taken = [];
    while (taken.length === 0 || taken.at(-1) < ${WATCHED_MAX}) taken.push(openSync('/dev/null'));
    return taken;
  };
  const report = {};
  const ring = new Ring({ backend: 'epoll' });
  const early = await ring.fs.open(fifo, 'r+');
  ${body}
  console.log(JSON.stringify(report));
`;

describe('fs.epoll.max_user_watches (ENOSPC)', () => {
  needsIoUring({ backend: 'epoll' });
  before(function () {
    needsSeccomp(this);
  });
  const directory = temporaryDirectory();

  async function run(body: string): Promise<unknown> {
    const outcome = await runScript(scriptOf(body), {
      launcher: refusing(`epoll_ctl[2]:ENOSPC>${WATCHED_MAX}`),
      args: [directory.fifo('fifo')],
    });
    expectCleanExit(outcome);
    return JSON.parse(outcome.stdout);
  }

  it('what would have to wait rejects with it; all else goes on, and so does that once there is room', async () => {
    const report = await run(`
      const taken = takeLow();
      const late = await ring.fs.open(fifo, 'r+');
      const socket = await DatagramSocket.bind({ address: '127.0.0.1', ring });
      report.read = await told(late.read(Buffer.alloc(4)));
      report.poll = await told(ring.poll(late.fd, ['readable']));
      report.watch = await told(ring.watch(late.fd, ['readable']).next());
      report.receive = await told(socket.receive());
      // What need not wait, what waits already, and what threads do.
      const reading = early.read(Buffer.alloc(4));
      await late.write('text');
      report.early = (await reading).bytesRead;
      report.sleep = await told(ring.sleep(1));
      report.file = await told(ring.fs.writeFile(fifo + '-file', 'text', { flush: true }));
      for (const each of taken) closeSync(each);
      const again = await ring.fs.open(fifo, 'r+');
      const waiting = again.read(Buffer.alloc(4));
      await again.write('text');
      report.again = (await waiting).bytesRead;
      for (const each of [early, late, again, socket, ring]) await each.close();
    `);
    expect(report).to.deep.equal({
      read: 'ENOSPC read',
      poll: 'ENOSPC poll',
      watch: 'ENOSPC poll',
      receive: 'ENOSPC recvmsg',
      early: 4,
      sleep: 'fulfilled',
      file: 'fulfilled',
      again: 4,
    });
  });

  it('a ring for which there is no room is none, and the reason names the sysctl', async () => {
    const report = await run(`
      const taken = takeLow();
      try {
        new Ring({ backend: 'epoll' });
      } catch ({ code, message }) {
        report.message = code + ': ' + message;
      }
      for (const each of taken) closeSync(each);
      await new Ring({ backend: 'epoll' }).close();
      await early.close();
      await ring.close();
    `);
    expect(report).to.deep.equal({
      message:
        'ERR_RINGLET_UNAVAILABLE: epoll is unavailable: ' +
        'epoll makes no ring: ENOSPC, the sysctl fs.epoll.max_user_watches leaves no room',
    });
  });
});

describe('Threads of a ring on epoll (ioWorkers)', () => {
  needsIoUring({ backend: 'epoll' });
  const directory = temporaryDirectory();

  it('all of one kind wait for others: what is queued behind them can be taken back, and the other kind goes on', async () => {
    await using ring = new Ring({ backend: 'epoll', ioWorkers: { bounded: 1, unbounded: 2 } });
    const fifo = directory.fifo('fifo');
    const before = threadsNamed('ringlet-worker').length;
    const controllers = Array.from({ length: 6 }, () => new AbortController());
    const opens = controllers.map(({ signal }) =>
      rejection(ring.fs.open(fifo, constants.O_WRONLY, null, { signal })),
    );
    await eventually('both threads', () => threadsNamed('ringlet-worker').length === before + 2);
    // Last come, and never begun.
    controllers.at(-1)?.abort('enough');
    expectAbort(await within('one that is queued', opens.at(-1) as Promise<CallError>), 'enough');
    const path = directory.at('file');
    // A thread makes the file, and does not wait for a disk.
    for (let round = 0; round < 3; round++) {
      await within('a write', ring.fs.writeFile(path, `round ${round}`));
      expect(await within('a read', ring.fs.readFile(path, 'utf8'))).to.equal(`round ${round}`);
    }
    expect(await isPending(Promise.race(opens.slice(0, -1)))).to.equal(true);
    for (const controller of controllers) controller.abort('enough');
    for (const error of await within('the opens', Promise.all(opens))) expectAbort(error, 'enough');
  });
});
