/** The registered-file table, as the kernel shows it: who has a slot, who falls back, and that a close is one. */
import { constants, closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { constants as system } from 'node:os';
import { binding, FAULT_REGISTER, type NativeRing } from '#ringlet/native/binding.js';
import { DIRECT_SLOTS_MAX } from '#ringlet/uring/files/direct-slots.js';
import { FdTable, unregistered } from '#ringlet/uring/engine/fd-table.js';
import { expect } from 'chai';
import { DatagramSocket, type FileHandle, type Ring, type RingOptions } from 'ringlet';
import { frameRings, needsOfKernel } from '../support/backends.js';
import { take } from '../support/datagrams.js';
import { eventually } from '../support/eventually.js';
import { droppedAt, Peer } from '../support/peer.js';
import { freePort } from '../support/ports.js';
import { withDescriptor } from '../support/sq-poll.js';
import { pattern, temporaryDirectory } from '../support/temporary.js';

const CONTENT_BYTES = 200;

/** The rows of UserFiles in the ring's fdinfo: slot and name. Null when the kernel was too busy to show them. */
function slotsOf(ringFd: number): Map<number, string> | null {
  const text = readFileSync(`/proc/self/fdinfo/${ringFd}`, 'utf8');
  const listing = /^UserFiles:\t\d+\n((?: *\d+: .*\n)*)/m.exec(text);
  if (listing === null) return null;
  const rows = (listing[1] ?? '').split('\n').filter((row) => row !== '');
  return new Map(
    rows.map((row) => [Number.parseInt(row, 10), row.slice(row.indexOf(':') + 2)] as [number, string]),
  );
}

/** Waits for the table to hold just these names, in any slots. */
async function expectInTable(ringFd: number, names: readonly string[]): Promise<void> {
  let seen: string[] = [];
  await eventually(`${names.length} slots in use`, () => {
    seen = [...(slotsOf(ringFd)?.values() ?? ['not shown'])].sort();
    return seen.join() === [...names].sort().join();
  }).catch((cause: unknown) => {
    throw new Error(`the table has ${seen.join()} and not ${names.join()}`, { cause });
  });
}

for (const [title, options] of [
  ['loop', {}],
  ['sqPoll', { sqPoll: true }],
  ['ring of 4 entries', { submissionEntries: 4, completionEntries: 8, completionEntriesMin: 4 }],
] as const satisfies readonly (readonly [string, RingOptions])[]) {
  describe(`RingOptions.registeredFds [${title}]`, () => {
    const makeRing = frameRings(options);
    needsOfKernel('registeredFds', { registeredFds: 1 });
    const directory = temporaryDirectory();
    const make = (registeredFds: number): { ring: Ring; fd: number } =>
      withDescriptor(() => makeRing({ ...options, backend: 'io_uring', registeredFds }));

    it('fdinfo: the table is as large as asked for and empty; an open file has a slot until its close', async () => {
      const { ring, fd } = make(16);
      // Behind the slots that were asked for there are those of whole-file operations.
      const slotCount = 16 + DIRECT_SLOTS_MAX;
      expect(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8')).to.match(
        new RegExp(`^UserFiles:\\t${slotCount}$`, 'm'),
      );
      await expectInTable(fd, []);
      const paths = [1, 2, 3].map((seed) => directory.file(`f${seed}`, pattern(CONTENT_BYTES, seed)));
      const handles = await Promise.all(paths.map((path) => ring.fs.open(path)));
      await expectInTable(fd, paths);
      expect(ring.stats().fdTable).to.deep.include({ slots: 16, used: 3, free: 13, exhaustions: 0 });
      for (const handle of handles) await handle.close();
      await expectInTable(fd, []);
      expect(ring.stats().fdTable.used).to.equal(0);
    });

    it('a full table: further files work without a slot, and a slot that comes free is used again', async () => {
      const { ring, fd } = make(2);
      const paths = [1, 2, 3, 4].map((seed) => directory.file(`f${seed}`, pattern(CONTENT_BYTES, seed)));
      const handles: FileHandle[] = [];
      for (const path of paths) handles.push(await ring.fs.open(path));
      await expectInTable(fd, paths.slice(0, 2));
      expect(ring.stats().fdTable).to.deep.include({ used: 2, free: 0, exhaustions: 2, refusals: 0 });
      for (const [index, handle] of handles.entries()) {
        const { buffer } = await handle.read(Buffer.alloc(CONTENT_BYTES), { position: 0 });
        expect(buffer.equals(pattern(CONTENT_BYTES, index + 1)), `file ${index}`).to.equal(true);
      }
      await handles[0]?.close();
      const later = directory.file('later', pattern(CONTENT_BYTES, 9));
      await using handle = await ring.fs.open(later);
      await expectInTable(fd, [paths[1] as string, later]);
      expect((await handle.readFile()).equals(pattern(CONTENT_BYTES, 9))).to.equal(true);
      for (const each of handles) await each.close();
    });

    it('a descriptor that the kernel will not register works without a slot, and the next one has one', async () => {
      const { ring, fd } = make(4);
      const [first, second] = [1, 2].map((seed) => directory.file(`f${seed}`, pattern(CONTENT_BYTES, seed)));
      binding().injectFault(FAULT_REGISTER, system.errno.EBADF, 1);
      await using refused = await ring.fs.open(first as string);
      await using registered = await ring.fs.open(second as string);
      binding().injectFault(FAULT_REGISTER, 0, 0);
      await expectInTable(fd, [second as string]);
      expect(ring.stats().fdTable).to.deep.include({ used: 1, refusals: 1, exhaustions: 0 });
      expect((await refused.readFile()).equals(pattern(CONTENT_BYTES, 1))).to.equal(true);
      expect((await registered.readFile()).equals(pattern(CONTENT_BYTES, 2))).to.equal(true);
    });

    it('1,000 files through 4 slots, 4 at a time: every one finds a slot', async () => {
      const { ring, fd } = make(4);
      const path = directory.file('a', pattern(CONTENT_BYTES));
      const openInTurn = async (): Promise<void> => {
        for (let round = 0; round < 250; round += 1) {
          await using handle = await ring.fs.open(path);
          expect((await handle.read(Buffer.alloc(10))).bytesRead).to.equal(10);
        }
      };
      await Promise.all([1, 2, 3, 4].map(openInTurn));
      expect(ring.stats().fdTable).to.deep.include({ used: 0, free: 4, exhaustions: 0, refusals: 0 });
      await expectInTable(fd, []);
    });

    it('FileHandle.close: once it has fulfilled the reader of a FIFO is at its end', async () => {
      const { ring, fd } = make(4);
      const path = directory.fifo('fifo');
      const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
      try {
        const writer = await ring.fs.open(path, 'w');
        await expectInTable(fd, [path]);
        await writer.write('last words');
        await writer.close();
        const buffer = Buffer.alloc(64);
        expect(readSync(reader, buffer)).to.equal(10);
        // EAGAIN here would mean that the slot still holds the writing end.
        expect(readSync(reader, buffer)).to.equal(0);
      } finally {
        closeSync(reader);
      }
    });

    it('DatagramSocket.close: once it has fulfilled the port is free, though a receive was armed', async () => {
      const { ring, fd } = make(4);
      const port = await freePort();
      const socket = await DatagramSocket.bind({ address: '127.0.0.1', port, ring });
      await using peer = await Peer.open();
      await peer.send('through a slot', socket.address);
      const [payload] = await take(socket, 1);
      expect(payload?.toString()).to.equal('through a slot');
      expect(ring.stats().fdTable.used).to.equal(1);
      const ended = take(socket, 1).catch(() => undefined);
      await socket.close();
      await expectInTable(fd, []);
      expect(droppedAt(port)).to.equal(null);
      await using again = await DatagramSocket.bind({ address: '127.0.0.1', port, ring });
      expect(again.address.port).to.equal(port);
      await ended;
    });
  });
}

describe('FdTable', () => {
  it('the same descriptor twice is one slot, cleared by the last release', () => {
    const updates: [number, number][] = [];
    const table = new FdTable(
      {
        updateFile(index: number, fd: number) {
          updates.push([index, fd]);
          return 1;
        },
      } as NativeRing,
      2,
    );
    expect([7, 7, 8].map((fd) => table.acquire(fd).fixedIndex)).to.deep.equal([0, 0, 1]);
    expect(table.acquire(9)).to.deep.equal(unregistered(9));
    table.release(7);
    expect(table.stats).to.include({ used: 2, exhaustions: 1 });
    table.release(7);
    expect(table.acquire(9).fixedIndex).to.equal(0);
    expect(updates).to.deep.equal([
      [0, 7],
      [1, 8],
      [0, -1],
      [0, 9],
    ]);
  });
});
