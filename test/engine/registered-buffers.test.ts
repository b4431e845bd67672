/** Buffer pools as the kernel sees them: what it has registered and pinned, what it refuses, and what names it. */

import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { expect } from 'chai';
import type { BufferPool, PooledBuffer } from 'ringlet';
import { addressOf } from '#ringlet/native/addresses.js';
import { binding, FAULT_REGISTER } from '#ringlet/native/binding.js';
import { frameRings } from '../support/backends.js';
import { expectCleanExit, runScript } from '../support/child.js';
import { rejection } from '../support/eventually.js';
import { findProgram } from '../support/programs.js';
import { skip } from '../support/skip.js';
import { withDescriptor } from '../support/sq-poll.js';
import { pattern, temporaryDirectory } from '../support/temporary.js';

const PAGE_BYTES = 4096;
const SLOTS = 256;

/** The registered buffers of a ring (fdinfo): [address, bytes] each. */
function registeredBuffers(fd: number): [number, number][] {
  const text = readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8');
  const rows = [...text.matchAll(/^ *\d+: 0x([0-9a-f]+)\/(\d+)$/gm)].map(
    ([, address = '', bytes]): [number, number] => [Number.parseInt(address, 16), Number(bytes)],
  );
  // Older kernels list empty slots, too, at the last address that there is.
  return rows.filter(([address]) => address < 2 ** 63);
}

const PINS = `
  import { readFileSync } from 'node:fs';
  import { setTimeout as delay } from 'node:timers/promises';
  import { Ring } from 'ringlet';
  const pinnedKiB = () => Number(/^VmPin:\\s+(\\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);
  const untilPinned = async (kiB) => {
    const deadline = Date.now() + 10_000;
    while (pinnedKiB() !== kiB && Date.now() < deadline) await delay(3);
    if (pinnedKiB() !== kiB) throw new Error(\`\${pinnedKiB()} KiB are pinned, not \${kiB}\`);
  };
  const ring = new Ring({ backend: 'io_uring', ...JSON.parse(process.argv.at(-1)) });
  const small = ring.bufferPool({ count: 3, bytes: 1000 });
  const large = ring.bufferPool({ count: 16, bytes: 65_536 });
  await untilPinned(12 + 1024);
  await large.close();
  await untilPinned(12);
  ring.bufferPool({ count: 16, bytes: 65_536 });
  await untilPinned(12 + 1024);
  await ring.close();
  await untilPinned(0);
`;

function take(pool: BufferPool): PooledBuffer {
  const buffer = pool.tryAcquire();
  if (buffer === undefined) throw new Error('the pool has none');
  return buffer;
}

for (const [title, options] of [
  ['loop', {}],
  ['sqPoll', { sqPoll: true }],
  ['4 entries', { submissionEntries: 4, completionEntries: 8, completionEntriesMin: 4 }],
  ['registered descriptors', { registeredFds: 4 }],
] as const) {
  describe(`Registered buffers [${title}]`, () => {
    const makeRing = frameRings({ ...options, inlineReads: false });
    const directory = temporaryDirectory();
    afterEach(() => binding().injectFault(FAULT_REGISTER, 0, 0));

    it('fdinfo: pools come and go, each in one piece', async () => {
      const { ring, fd } = withDescriptor(() => makeRing());
      const small = ring.bufferPool({ count: 3, bytes: 1000 });
      const large = ring.bufferPool({ count: 16, bytes: 65_536 });
      const starts = [addressOf(take(small).data), addressOf(take(large).data)];
      expect(registeredBuffers(fd).map(([, bytes]) => bytes)).to.have.members([3 * PAGE_BYTES, 16 * 65_536]);
      expect(registeredBuffers(fd).map(([address]) => address)).to.have.members(starts);
      await small.close();
      expect(registeredBuffers(fd)).to.deep.equal([[starts[1], 16 * 65_536]]);
      await using another = ring.bufferPool({ count: 1, bytes: 10 });
      expect(registeredBuffers(fd)).to.have.length(2);
      await large.close();
      await another.close();
      expect(registeredBuffers(fd)).to.deep.equal([]);
    });

    it('the kernel pins the pages of pools, and lets go of them when they or their ring are closed', async () => {
      // In a process of its own: what other rings had is unpinned when the kernel comes to it.
      expectCleanExit(await runScript(PINS, { args: [JSON.stringify(options)] }));
    });

    it('reads and writes of a pool’s memory name its slot, those of other memory do not', async () => {
      const ring = makeRing();
      await using file = await ring.fs.open(directory.file('file', pattern(3 * PAGE_BYTES)), 'r+');
      await using first = ring.bufferPool({ count: 1, bytes: PAGE_BYTES });
      // The kernel is not asked, and so knows no such buffer: whatever names it fails.
      binding().injectFault(FAULT_REGISTER, -1, 1);
      const unknown = ring.bufferPool({ count: 2, bytes: 2 * PAGE_BYTES });
      binding().injectFault(FAULT_REGISTER, 0, 0);
      expect(unknown.isRegistered).to.equal(true);
      const { data } = take(unknown);
      for (const call of [
        file.read(data, { position: 0 }),
        file.read(data.subarray(100, 200), { position: 5 }),
        file.write(data, { position: 0 }),
      ]) {
        expect((await rejection(call)).code).to.equal('EFAULT');
      }
      // Beyond one buffer, or vectored, it is plain memory; so is all other.
      const whole = Buffer.from(data.buffer, data.byteOffset, 2 * PAGE_BYTES + 1);
      expect((await file.read(whole, 0, whole.length, 0)).bytesRead).to.equal(whole.length);
      expect((await file.readv([data], 0)).bytesRead).to.equal(data.length);
      const own = take(first).data;
      expect((await file.read(own, { position: 0 })).bytesRead).to.equal(PAGE_BYTES);
      expect((await file.read(Buffer.alloc(PAGE_BYTES), { position: 0 })).bytesRead).to.equal(PAGE_BYTES);
      await unknown.close();
      expect((await file.read(data, { position: 0 })).bytesRead).to.equal(data.length);
    });

    it('more pools than the table has slots: the others say why they are not registered, and work', async () => {
      const ring = makeRing();
      const pools = Array.from({ length: SLOTS + 2 }, () => ring.bufferPool({ count: 1, bytes: 10 }));
      expect(pools.filter(({ isRegistered }) => isRegistered)).to.have.length(SLOTS);
      const beyond = pools[SLOTS] as BufferPool;
      expect(beyond.reason).to.equal(`the ring has ${SLOTS} registered pools already`);
      await using file = await ring.fs.open(directory.file('file', 'content'));
      const { data } = take(beyond);
      expect((await file.read(data, { position: 0 })).bytesRead).to.equal(7);
      await pools[0]?.close();
      await using next = ring.bufferPool({ count: 1, bytes: 10, registered: true });
      expect(next.isRegistered).to.equal(true);
      await Promise.all(pools.map((pool) => pool.close()));
    });

    it('a refusal: the pool works unregistered and says why; by name it is an error, and nothing stays', async () => {
      const { ring, fd } = withDescriptor(() => makeRing());
      await using file = await ring.fs.open(directory.file('file', 'content'));
      for (const code of ['ENOMEM', 'EPERM'] as const) {
        const errno = constants.errno[code];
        // The table first, then the memory.
        for (const place of ['table', 'memory']) {
          if (place === 'memory') await ring.bufferPool({ count: 1, bytes: 1 }).close();
          binding().injectFault(FAULT_REGISTER, errno, 1);
          const pool = ring.bufferPool({ count: 1, bytes: 10 });
          expect([pool.isRegistered, pool.reason]).to.satisfy(
            ([isRegistered, reason]: [boolean, string]) => !isRegistered && reason.includes(code),
          );
          using buffer = await pool.acquire();
          expect((await file.read(buffer.data, { position: 0 })).bytesRead).to.equal(7);
          await pool.close();
          binding().injectFault(FAULT_REGISTER, errno, 1);
          expect(() => ring.bufferPool({ count: 1, bytes: 10, registered: true }))
            .to.throw(code)
            .with.property('code', 'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM');
          expect(registeredBuffers(fd)).to.deep.equal([]);
        }
      }
    });
  });
}

describe('Registered buffers and RLIMIT_MEMLOCK', () => {
  frameRings({});

  it('beyond the limit: unregistered, with the limit told; below it again registered', async function () {
    if (findProgram('setpriv') === '') skip(this, 'there is no setpriv');
    if (process.getuid?.() !== 0) skip(this, 'only root can give up CAP_IPC_LOCK for sure');
    const script = `
      import { Ring } from 'ringlet';
      const ring = new Ring({ backend: 'io_uring' });
      const attempt = (count, options) => {
        try {
          const { isRegistered, reason } = ring.bufferPool({ count, bytes: 65_536, ...options });
          return { isRegistered, reason };
        } catch ({ code }) {
          return code;
        }
      };
      const outcomes = [attempt(16), attempt(16, { registered: true }), attempt(1)];
      await ring.close();
      console.log(JSON.stringify(outcomes));
    `;
    const outcome = await runScript(script, {
      launcher: [
        'sh',
        '-c',
        // The limit is of all of a user's processes: of a user who has no others.
        'ulimit -l 512; exec setpriv --reuid 64123 --clear-groups "$0" "$@"',
      ],
    });
    expectCleanExit(outcome);
    const [beyond, byName, below] = JSON.parse(outcome.stdout);
    expect(beyond.isRegistered).to.equal(false);
    expect(beyond.reason).to.match(/pin 1048576 bytes \(ENOMEM\).* 524288 bytes.*RLIMIT_MEMLOCK/);
    expect(byName).to.equal('ERR_FEATURE_UNAVAILABLE_ON_PLATFORM');
    expect(below).to.deep.equal({ isRegistered: true, reason: null });
  });
});
