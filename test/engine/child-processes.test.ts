/** Child processes: nothing of a ring reaches them, and neither side disturbs the other. */
import { expect } from 'chai';
import { injectPollResults } from '#ringlet/uring/events/polls.js';
import { closeSync, readFileSync, writeSync } from 'node:fs';
import { DatagramSocket } from 'ringlet';
import { frameRings, RING_CONFIGURATIONS } from '../support/backends.js';
import { expectCleanExit, runProgram, runScript } from '../support/child.js';
import { addressOf } from '../support/datagrams.js';
import { openPipe } from '../support/descriptors.js';
import { eventually, within } from '../support/eventually.js';
import { temporaryDirectory } from '../support/temporary.js';

const EINVAL = 22;

/** The flags of this process's mappings of rings (proc_pid_smaps(5)). */
function ringMappings(): string[] {
  return readFileSync('/proc/self/smaps', 'utf8')
    .split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m)
    .filter((mapping) => mapping.split('\n', 1)[0]?.includes('[io_uring]'))
    .map((mapping) => /^VmFlags: (.*)$/m.exec(mapping)?.[1] ?? '');
}

for (const { title, options } of RING_CONFIGURATIONS) {
  describe(`Child processes [${title}]`, () => {
    const makeRing = frameRings(options);
    const directory = temporaryDirectory();

    it('inherit no descriptor and no memory of a ring; both sides go on', async () => {
      const ring = makeRing({ registeredFds: 8 });
      const fd = openPipe(directory.fifo('fifo'));
      // One watch on the ring and one on epoll, a timer, and an open file.
      const onRing = ring.watch(fd, ['readable']);
      const first = onRing.next();
      injectPollResults(-EINVAL);
      const onEpoll = ring.watch(fd, ['readable']);
      const second = onEpoll.next();
      await eventually('one watch on epoll', () => ring.stats().epollFallbacks === 1);
      const sleeping = ring.sleep(30);
      await using handle = await ring.fs.open(directory.file('file', 'content'));

      const child = await runProgram(['ls', '-l', '/proc/self/fd']);
      expectCleanExit(child);
      expect(child.stdout).not.to.match(/io_uring|eventpoll|eventfd|\/file/);

      // Not even a fork without an exec would have the queues: 'dc' is MADV_DONTFORK.
      const mappings = ringMappings();
      if (options.backend === 'io_uring') expect(mappings).not.to.have.lengthOf(0);
      for (const flags of mappings) expect(flags.split(' ')).to.include('dc');

      const source = `
        import { Ring } from 'ringlet';
        const ring = new Ring(${JSON.stringify(options)});
        await ring.sleep(1);
        console.log(await ring.fs.readFile(process.argv[1], 'utf8'), ring.stats().staleCompletions);
        await ring.close();
      `;
      const own = await runScript(source, { args: [directory.at('file')] });
      expectCleanExit(own);
      expect(own.stdout).to.equal('content 0\n');

      await within('the timer', sleeping);
      writeSync(fd, 'x');
      for (const { value } of await within('both watches', Promise.all([first, second]))) {
        expect(value).to.deep.equal(['readable']);
      }
      expect((await handle.read(Buffer.alloc(7))).bytesRead).to.equal(7);
      for (const watch of [onRing, onEpoll]) await watch.return?.();
      closeSync(fd);
    });

    it('started again and again under reads, receives and writes: none gets a descriptor, nothing is lost', async () => {
      const ring = makeRing();
      await using fifo = await ring.fs.open(directory.fifo('fifo'), 'r+');
      await using socket = await DatagramSocket.bind({ address: '127.0.0.1', ring });
      let hasEnded = false;
      let rounds = 0;
      const work = (async () => {
        while (!hasEnded) {
          const reading = fifo.read(Buffer.alloc(4));
          const receiving = socket.receive();
          const opening = ring.fs.open(directory.at('file'), 'w');
          await using file = await opening;
          await Promise.all([file.write('text'), fifo.write('text'), socket.send('text', addressOf(socket))]);
          await file.sync();
          expect([(await reading).bytesRead, String((await receiving).data)]).to.deep.equal([4, 'text']);
          rounds++;
        }
      })();
      for (let count = 0; count < 10; count++) {
        const child = await runProgram(['ls', '-l', '/proc/self/fd']);
        expectCleanExit(child);
        expect(child.stdout).not.to.match(/io_uring|eventpoll|eventfd|timerfd|\/file|\/fifo/);
      }
      hasEnded = true;
      await within('the last round', work);
      expect(rounds).to.be.above(0);
    });
  });
}
