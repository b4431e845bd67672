/** Ring.bufferPool: lending and giving back, waiting in order, what is pending on a buffer, and the ends of a pool. */

import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { type BufferPool, type BufferPoolOptions, PooledBuffer } from 'ringlet';
import { addressOf } from '#ringlet/native/addresses.js';
import { describeOnEachBackend } from '../support/backends.js';
import { expectCleanExit, runScript } from '../support/child.js';
import { isPending, rejection, within } from '../support/eventually.js';
import { pattern, temporaryDirectory } from '../support/temporary.js';

const PAGE_BYTES = 4096;

/** All that can be had now. */
function takeAll(pool: BufferPool): PooledBuffer[] {
  const taken: PooledBuffer[] = [];
  for (;;) {
    const buffer = pool.tryAcquire();
    if (buffer === undefined) return taken;
    taken.push(buffer);
  }
}

describeOnEachBackend('Ring.bufferPool', (makeRing, configuration) => {
  const directory = temporaryDirectory();
  const { backend } = configuration.options;
  const isUring = backend === 'io_uring';
  const whyNot =
    backend === 'node'
      ? 'the node backend has no ring to register memory with'
      : 'a ring on epoll has no table of buffers';

  it('buffers begin on pages, do not overlap, and are as long as asked for', async () => {
    for (const bytes of [1, 1000, PAGE_BYTES, 10_000]) {
      await using pool = makeRing().bufferPool({ count: 5, bytes });
      expect([pool.count, pool.bytes, pool.alignment, pool.freeCount]).to.deep.equal([
        5,
        bytes,
        PAGE_BYTES,
        5,
      ]);
      expect([pool.isRegistered, pool.reason]).to.deep.equal(isUring ? [true, null] : [false, whyNot]);
      const buffers = takeAll(pool);
      const starts = buffers.map(({ data }) => addressOf(data)).sort((one, other) => one - other);
      expect(buffers.map(({ data }) => data.length)).to.deep.equal(new Array(5).fill(bytes));
      for (const [index, start] of starts.entries()) {
        expect(start % PAGE_BYTES).to.equal(0);
        if (index > 0) expect(start - (starts[index - 1] as number)).to.be.at.least(bytes);
      }
      for (const buffer of buffers) buffer.release();
      expect(pool.freeCount).to.equal(5);
    }
  });

  it('read, write, readv and writev move the right bytes, whole buffers and parts of them', async () => {
    const ring = makeRing();
    await using pool = ring.bufferPool({ count: 8, bytes: 2 * PAGE_BYTES });
    const content = pattern(8 * 2 * PAGE_BYTES);
    await using file = await ring.fs.open(directory.at('file'), 'w+');
    const buffers = takeAll(pool);
    const places = buffers.map(({ data }, index) => ({ data, position: index * data.length }));
    for (const { data, position } of places) content.copy(data, 0, position, position + data.length);
    await Promise.all(places.map(({ data, position }) => file.write(data, { position })));
    expect(readFileSync(directory.at('file')).equals(content)).to.equal(true);

    for (const { data } of places) data.fill(0);
    const reads = await Promise.all(places.map(({ data, position }) => file.read(data, { position })));
    for (const [index, { bytesRead, buffer }] of reads.entries()) {
      const { data, position } = places[index] as (typeof places)[number];
      expect(bytesRead).to.equal(data.length);
      expect(buffer).to.equal(data);
      expect(data.equals(content.subarray(position, position + data.length))).to.equal(true);
    }

    // At an odd place in the buffer and in the file, past the end, and at the cursor.
    const [first, second, third] = places.map(({ data }) => data.fill(0)) as [Buffer, Buffer, Buffer];
    const odd = await Promise.all([
      file.read(first, 5, 7, 11),
      file.read(second.subarray(3), { offset: 4, length: 100, position: content.length - 10 }),
      file.read(third, 0, 10, content.length),
      file.read(third, 10, 20, null),
    ]);
    expect(odd.map(({ bytesRead }) => bytesRead)).to.deep.equal([7, 10, 0, 20]);
    expect(first.subarray(5, 12).equals(content.subarray(11, 18))).to.equal(true);
    expect(second.subarray(7, 17).equals(content.subarray(-10))).to.equal(true);
    expect(third.subarray(10, 30).equals(content.subarray(0, 20))).to.equal(true);

    const { bytesRead } = await file.readv([first.subarray(0, 10), Buffer.alloc(5), second], 100);
    expect(bytesRead).to.equal(15 + second.length);
    expect(first.subarray(0, 10).equals(content.subarray(100, 110))).to.equal(true);
    expect(second.equals(content.subarray(115, 115 + second.length))).to.equal(true);
    await file.writev([first.subarray(0, 10), Buffer.from('between'), second], 0);
    expect(
      readFileSync(directory.at('file'))
        .subarray(17, 17 + second.length)
        .equals(second),
    ).to.equal(true);
    for (const buffer of buffers) buffer.release();
  });

  it('a chain reads and writes them too', async () => {
    const ring = makeRing();
    await using pool = ring.bufferPool({ count: 2, bytes: PAGE_BYTES });
    using one = await pool.acquire();
    using other = await pool.acquire();
    pattern(PAGE_BYTES).copy(one.data);
    await using file = await ring.fs.open(directory.at('file'), 'w+');
    const [written, read] = await ring.chain((chain) => [
      chain.write(file, one.data, { position: 0 }),
      chain.read(file, other.data, { position: 0 }),
    ]);
    expect([written.status, read.status]).to.deep.equal(['fulfilled', 'fulfilled']);
    expect(other.data.equals(one.data)).to.equal(true);
  });

  it('acquire: when all are out it waits, first come, first served; tryAcquire says undefined', async () => {
    await using pool = makeRing().bufferPool({ count: 2, bytes: 10 });
    const [one, other] = takeAll(pool) as [PooledBuffer, PooledBuffer];
    const order: string[] = [];
    const waiting = ['first', 'second', 'third'].map(async (name) => {
      const buffer = await pool.acquire();
      order.push(name);
      return buffer;
    });
    expect(await isPending(Promise.race(waiting))).to.equal(true);
    expect([pool.waitingCount, pool.freeCount, pool.tryAcquire()]).to.deep.equal([3, 0, undefined]);
    one.release();
    expect([pool.tryAcquire(), pool.freeCount]).to.deep.equal([undefined, 0]);
    (await (waiting[0] as Promise<PooledBuffer>)).release();
    other.release();
    const [second, third] = await within('the others', Promise.all(waiting.slice(1)));
    expect(order).to.deep.equal(['first', 'second', 'third']);
    expect(pool.waitingCount).to.equal(0);
    second?.release();
    third?.release();
    expect(pool.freeCount).to.equal(2);
  });

  it('release: twice is once, and the memory is out of reach after it; using releases', async () => {
    await using pool = makeRing().bufferPool({ count: 2, bytes: 10 });
    {
      using buffer = await pool.acquire();
      expect(buffer).to.be.an.instanceOf(PooledBuffer);
      expect(pool.freeCount).to.equal(1);
    }
    expect(pool.freeCount).to.equal(2);
    const buffer = await pool.acquire();
    buffer.release();
    buffer.release();
    expect([pool.freeCount, buffer.isReleased]).to.deep.equal([2, true]);
    expect(() => buffer.data)
      .to.throw('released')
      .with.property('code', 'ERR_INVALID_STATE');
  });

  it('release during a read: nobody else gets it before the read has ended, aborted or not', async () => {
    const ring = makeRing();
    await using pool = ring.bufferPool({ count: 1, bytes: 16 });
    await using fifo = await ring.fs.open(directory.fifo('fifo'), 'r+');
    for (const isVectored of [false, true]) {
      const buffer = await pool.acquire();
      const { data } = buffer;
      const reading = isVectored ? fifo.readv([Buffer.alloc(2), data]) : fifo.read(data, 0, 16, null);
      buffer.release();
      const next = pool.acquire();
      expect(await isPending(next)).to.equal(true);
      expect(pool.freeCount).to.equal(0);
      await fifo.write('0123456789');
      await reading;
      (await within('the next one', next)).release();
    }

    const buffer = await pool.acquire();
    const controller = new AbortController();
    const reading = rejection(fifo.read(buffer.data, { signal: controller.signal }));
    buffer.release();
    controller.abort();
    expect((await reading).name).to.equal('AbortError');
    (await within('the one after the abort', pool.acquire())).release();
  });

  it('acquire: a signal ends the wait, before it and during it; waitingMax bounds it with ENOBUFS', async () => {
    await using pool = makeRing().bufferPool({ count: 1, bytes: 1, waitingMax: 1 });
    const held = await pool.acquire();
    const before = await rejection(pool.acquire({ signal: AbortSignal.abort() }));
    const controller = new AbortController();
    const during = rejection(pool.acquire({ signal: controller.signal }));
    const beyond = await rejection(pool.acquire());
    expect([before.name, beyond.code, beyond.syscall]).to.deep.equal(['AbortError', 'ENOBUFS', 'acquire']);
    controller.abort(new Error('enough'));
    expect([(await during).name, ((await during).cause as Error).message]).to.deep.equal([
      'AbortError',
      'enough',
    ]);
    expect((await rejection(pool.acquire({ timeout: 5 }))).name).to.equal('AbortError');
    expect(pool.waitingCount).to.equal(0);
    const next = pool.acquire();
    held.release();
    (await next).release();
    expect(pool.freeCount).to.equal(1);
  });

  it('options: each mistake is named', () => {
    const ring = makeRing();
    const mistakes: [unknown, string, string][] = [
      [undefined, 'ERR_INVALID_ARG_TYPE', 'options'],
      [{ bytes: 1 }, 'ERR_INVALID_ARG_TYPE', 'options.count'],
      [{ count: 1 }, 'ERR_INVALID_ARG_TYPE', 'options.bytes'],
      [{ count: 0, bytes: 1 }, 'ERR_OUT_OF_RANGE', 'options.count'],
      [{ count: 65_537, bytes: 1 }, 'ERR_OUT_OF_RANGE', 'options.count'],
      [{ count: 1.5, bytes: 1 }, 'ERR_OUT_OF_RANGE', 'options.count'],
      [{ count: 1, bytes: 0 }, 'ERR_OUT_OF_RANGE', 'options.bytes'],
      [{ count: 1, bytes: 2 ** 30 + 1 }, 'ERR_OUT_OF_RANGE', 'options.bytes'],
      [{ count: 1024, bytes: 2 ** 20 + 1 }, 'ERR_OUT_OF_RANGE', '<= 1048576 for a count of 1024'],
      [{ count: 1, bytes: 1, registered: 1 }, 'ERR_INVALID_ARG_TYPE', 'options.registered'],
      [{ count: 1, bytes: 1, waitingMax: -1 }, 'ERR_OUT_OF_RANGE', 'options.waitingMax'],
    ];
    for (const [options, code, text] of mistakes) {
      expect(() => ring.bufferPool(options as BufferPoolOptions), JSON.stringify(options))
        .to.throw(text)
        .with.property('code', code);
    }
  });

  it('registered: false is heeded, and true is an error where there is no table', async () => {
    const ring = makeRing();
    await using plain = ring.bufferPool({ count: 1, bytes: 1, registered: false });
    expect([plain.isRegistered, plain.reason]).to.deep.equal([false, null]);
    if (isUring) {
      await using pool = ring.bufferPool({ count: 1, bytes: 1, registered: true });
      expect(pool.isRegistered).to.equal(true);
    } else {
      expect(() => ring.bufferPool({ count: 1, bytes: 1, registered: true }))
        .to.throw(whyNot)
        .with.property('code', 'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM');
    }
  });

  it('close: who waits is told, what is out stays usable, and a pending read is waited for', async () => {
    const ring = makeRing();
    const pool = ring.bufferPool({ count: 1, bytes: 16 });
    await using fifo = await ring.fs.open(directory.fifo('fifo'), 'r+');
    const buffer = await pool.acquire();
    const waiting = rejection(pool.acquire());
    const reading = fifo.read(buffer.data, 0, 16, null);
    const closing = pool.close();
    expect(pool.close()).to.equal(closing);
    expect([(await waiting).code, pool.isClosed]).to.deep.equal(['ERR_INVALID_STATE', true]);
    expect(await isPending(closing)).to.equal(true);
    await fifo.write('some');
    expect((await reading).bytesRead).to.equal(4);
    await within('the close', closing);
    expect([buffer.data.toString('utf8', 0, 4), pool.isRegistered]).to.deep.equal(['some', false]);
    const after = fifo.read(buffer.data, 0, 16, null);
    await fifo.write('more');
    expect([(await after).bytesRead, buffer.data.toString('utf8', 0, 4)]).to.deep.equal([4, 'more']);
    buffer.release();
    expect(() => pool.tryAcquire())
      .to.throw('closed')
      .with.property('code', 'ERR_INVALID_STATE');
    expect((await rejection(pool.acquire())).code).to.equal('ERR_INVALID_STATE');
  });

  it('the ring’s close: who waits rejects, a pending read ends, the pool can still be closed', async () => {
    const ring = makeRing();
    const pool = ring.bufferPool({ count: 1, bytes: 16 });
    const fifo = await ring.fs.open(directory.fifo('fifo'), 'r+');
    const buffer = await pool.acquire();
    const reading = rejection(fifo.read(buffer.data, 0, 16, null));
    const waiting = rejection(pool.acquire());
    const closing = ring.close();
    const codes = [(await waiting).code, (await reading).code];
    expect(codes).to.deep.equal(['ERR_RINGLET_CLOSED', 'ERR_RINGLET_CLOSED']);
    // What Node's pool has begun goes on.
    if (!isUring) await rejection(fifo.write('x'));
    await closing;
    buffer.release();
    expect((await rejection(pool.acquire())).code).to.equal('ERR_RINGLET_CLOSED');
    expect(() => pool.tryAcquire()).to.throw('closed');
    expect(() => ring.bufferPool({ count: 1, bytes: 1 })).to.throw('closed');
    await within('the pool’s close', pool.close());
    await fifo.close();
  });

  it('a hundred readers and four buffers: every read has its own bytes', async () => {
    const ring = makeRing();
    const content = pattern(100 * 5000);
    await using file = await ring.fs.open(directory.file('file', content));
    await using pool = ring.bufferPool({ count: 4, bytes: 5000 });
    const reads = Array.from({ length: 100 }, async (_unused, index) => {
      using buffer = await pool.acquire();
      const { bytesRead } = await file.read(buffer.data, { position: index * 5000 });
      return bytesRead === 5000 && buffer.data.equals(content.subarray(index * 5000, (index + 1) * 5000));
    });
    expect((await within('all reads', Promise.all(reads))).every(Boolean)).to.equal(true);
    expect(pool.freeCount).to.equal(4);
  });

  it('memory that is transferred away is not taken for the pool’s', async () => {
    const ring = makeRing();
    await using pool = ring.bufferPool({ count: 1, bytes: PAGE_BYTES });
    await using file = await ring.fs.open(directory.file('file', pattern(PAGE_BYTES)));
    const { data } = await pool.acquire();
    const start = data.byteOffset;
    const elsewhere = Buffer.from(
      structuredClone(data.buffer, { transfer: [data.buffer] }),
      start,
      PAGE_BYTES,
    );
    expect(data.length).to.equal(0);
    const { bytesRead } = await file.read(elsewhere, { position: 0 });
    expect([bytesRead, elsewhere.equals(pattern(PAGE_BYTES))]).to.deep.equal([PAGE_BYTES, true]);
  });

  it('a pool that is dropped gives its memory back', async () => {
    const outcome = await runScript(
      `
      import { Ring } from 'ringlet';
      const ring = new Ring(${JSON.stringify(configuration.options)});
      const path = process.argv[1];
      const file = await ring.fs.open(path);
      async function use() {
        const pool = ring.bufferPool({ count: 16, bytes: 65_536 });
        const buffer = await pool.acquire();
        await file.read(buffer.data, { position: 0 });
        buffer.release();
      }
      const deadline = Date.now() + 15_000;
      // More pools than a ring's table has slots: they are all registered only if slots come back.
      for (let index = 0; index < 600; index += 1) {
        await use();
        if (index % 50 === 0) {
          globalThis.gc();
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
      }
      let left = Infinity;
      while (left > 20 * 2 ** 20 && Date.now() < deadline) {
        globalThis.gc();
        await new Promise((resolve) => setTimeout(resolve, 1));
        left = process.memoryUsage().arrayBuffers;
      }
      const { isRegistered } = ring.bufferPool({ count: 1, bytes: 1 });
      await file.close();
      await ring.close();
      console.log(JSON.stringify({ isGone: left <= 20 * 2 ** 20, isRegistered }));
    `,
      { args: [directory.file('file', pattern(65_536))], execArgv: ['--expose-gc'] },
    );
    expectCleanExit(outcome);
    expect(JSON.parse(outcome.stdout)).to.deep.equal({ isGone: true, isRegistered: isUring });
  });

  it('a wait for a buffer alone does not keep the process alive', async () => {
    const outcome = await runScript(`
      import { Ring } from 'ringlet';
      const ring = new Ring(${JSON.stringify(configuration.options)});
      const pool = ring.bufferPool({ count: 1, bytes: 1 });
      const held = await pool.acquire();
      pool.acquire().then(() => console.log('never'));
      await ring.sleep(1);
      console.log(held.data.length);
    `);
    expectCleanExit(outcome);
    expect(outcome.stdout).to.equal('1\n');
  });
});
