/**
 * What a child process or another thread gets of a ring: nothing. Its memory is left out of forks, its
 * descriptors close at exec, and its objects mean nothing where they were not made.
 */
import { expect } from 'chai';
import { readFileSync } from 'node:fs';
import { DatagramSocket, Ring } from 'ringlet';
import { frameRings, RING_CONFIGURATIONS } from '../support/backends.js';
import { runProgram, startWorker } from '../support/child.js';
import { numberedRange, take } from '../support/datagrams.js';
import { rejection, turns } from '../support/eventually.js';
import { openDescriptors } from '../support/leftovers.js';
import { Peer } from '../support/peer.js';
import { pattern, temporaryDirectory } from '../support/temporary.js';

const O_CLOEXEC = 0o2000000;

interface Mapping {
  /** First line of its entry: addresses, rights, and what is mapped. */
  title: string;
  flags: string[];
}

/** The process's mappings of rings, with the kernel's flags for each (proc_pid_smaps(5)). */
function ringMappings(): Mapping[] {
  const mappings: Mapping[] = [];
  let title = '';
  for (const line of readFileSync('/proc/self/smaps', 'utf8').split('\n')) {
    if (/^[0-9a-f]+-[0-9a-f]+ /.test(line)) title = line;
    const flags = /^VmFlags: (.*)$/.exec(line)?.[1];
    if (flags !== undefined && title.includes('[io_uring]'))
      mappings.push({ title, flags: flags.trim().split(' ') });
  }
  return mappings;
}

function expectLeftOutOfForks(mappings: readonly Mapping[]): void {
  for (const { title, flags } of mappings) expect(flags, title).to.include('dc');
}

for (const { title, options } of RING_CONFIGURATIONS) {
  describe(`Inheritance [${title}]`, () => {
    const makeRing = frameRings({ ...options, registeredFds: 4 });
    const directory = temporaryDirectory();

    // A ring in user space has none.
    const itWithMappings = options.backend === 'epoll' ? (): void => {} : it;
    itWithMappings('fork: both mappings of the ring are left out (MADV_DONTFORK)', () => {
      const before = ringMappings().length;
      makeRing();
      const mappings = ringMappings();
      expect(mappings.length - before).to.equal(2);
      expectLeftOutOfForks(mappings);
    });

    it('exec: no descriptor of the ring, its files, sockets and watches reaches a child', async () => {
      const before = new Set(openDescriptors().keys());
      const ring = makeRing();
      await using file = await ring.fs.open(directory.file('a', pattern(10)));
      await using fifo = await ring.fs.open(directory.fifo('fifo'), 'r+');
      await using socket = await DatagramSocket.bind({ address: '127.0.0.1', ring });
      const next = socket.messages().next();
      // A regular file's 'priority' is not for a ring to tell: epoll watches it, or refuses to.
      const controller = new AbortController();
      const { signal } = controller;
      const poll = ring.poll(fifo.fd, ['priority'], { signal }).catch(() => {});
      await turns(3);
      const made = [...openDescriptors()].filter(([fd]) => !before.has(fd));
      const own = options.backend === 'epoll' ? '[eventpoll]' : '[io_uring]';
      expect(made.some(([, target]) => target.includes(own))).to.equal(true);
      expect(made.map(([fd]) => fd)).to.include.members([file.fd, fifo.fd]);
      for (const [fd, target] of made) {
        const flags =
          /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1] ?? '0';
        expect(Number.parseInt(flags, 8) & O_CLOEXEC, `${fd} -> ${target}`).to.equal(O_CLOEXEC);
      }
      const { stdout } = await runProgram([
        'sh',
        '-c',
        'for fd in /proc/$$/fd/*; do echo "$fd $(readlink "$fd")"; done',
      ]);
      const inherited = stdout
        .trim()
        .split('\n')
        .map((line) => line.replace(/^\/proc\/\d+\/fd\//, ''))
        .filter((line) => Number(line.split(' ')[0]) > 2);
      expect(
        inherited.filter((line) => /io_uring|eventfd|eventpoll|timerfd|socket:|ringlet-test/.test(line)),
      ).to.deep.equal([]);
      controller.abort();
      await poll;
      await socket.close();
      await next;
    });
  });
}

describe('Inheritance of a ring that has grown', () => {
  const makeRing = frameRings({});

  it('fork: the larger queue, mapped anew, is left out as well', async () => {
    const ring = makeRing({
      submissionEntries: 4,
      completionEntries: 8,
      completionEntriesMin: 8,
      completionEntriesMax: 1024,
    });
    await using socket = await DatagramSocket.bind({
      address: '127.0.0.1',
      ring,
      receiveBufferBytes: 1 << 20,
    });
    await using peer = await Peer.open();
    const payloads = numberedRange(0, 300, 32);
    for (const payload of payloads.slice(0, 100)) await peer.send(payload, socket.address);
    const reading = take(socket, payloads.length);
    for (const payload of payloads.slice(100)) await peer.send(payload, socket.address);
    await reading;
    if (ring.stats().resizes > 0) expect(ring.profile.completionEntries).to.be.greaterThan(8);
    expectLeftOutOfForks(ringMappings());
  });
});

describe('Other threads', () => {
  const makeRing = frameRings({});
  const directory = temporaryDirectory();

  it('a clone of a ring, socket or recording is an empty object that nothing accepts', async () => {
    const ring = makeRing();
    await using socket = await DatagramSocket.bind({ address: '127.0.0.1', ring });
    using recording = ring.recordLatency();
    for (const object of [ring, socket, recording, socket.messages(), ring.interval(10)]) {
      const clone: unknown = structuredClone(object);
      expect(Object.getPrototypeOf(clone), object.constructor.name).to.equal(Object.prototype);
      expect(clone, object.constructor.name).to.deep.equal({});
    }
    const clone = structuredClone(ring) as Ring;
    expect(() => Ring.prototype.stats.call(clone)).to.throw(TypeError);
    const error = await rejection(DatagramSocket.bind({ ring: clone }));
    expect(error.code).to.equal('ERR_INVALID_ARG_TYPE');
  });

  it('none of them can be transferred, and a handle and ring.fs cannot even be cloned', async () => {
    const ring = makeRing();
    await using file = await ring.fs.open(directory.file('a', pattern(10)));
    for (const object of [ring, file]) {
      // A TypeError or a DataCloneError, depending on Node's release.
      expect(() => structuredClone(object, { transfer: [object as unknown as ArrayBuffer] })).to.throw();
    }
    for (const object of [ring.fs, file]) {
      expect(() => structuredClone(object))
        .to.throw()
        .with.property('name', 'DataCloneError');
    }
    // Still whole.
    expect((await file.read(Buffer.alloc(10), 0, 10, 0)).bytesRead).to.equal(10);
  });

  it('a worker that is posted a ring gets nothing to call, and makes rings of its own', async () => {
    const ring = makeRing();
    await using file = await ring.fs.open(directory.file('a', pattern(10)));
    const script = startWorker(
      `
      const { ring } = await receive();
      const isRing = ring instanceof ringlet.Ring;
      const own = new ringlet.Ring({ backend: 'io_uring' });
      const text = await own.fs.readFile(workerData);
      await own.close();
      parentPort.postMessage({ isRing, keys: Object.keys(ring), bytes: text.length });
      parentPort.close();
    `,
      directory.at('a'),
    );
    script.post({ ring });
    expect(await script.next()).to.deep.equal({ isRing: false, keys: [], bytes: 10 });
    await script.ended;
    expect((await file.read(Buffer.alloc(10), 0, 10, 0)).bytesRead).to.equal(10);
  });
});
