/** Ring.chain: what an abort, the time limit, a cancel request and the ring's close make of it. */
import { expect } from 'chai';
import { existsSync, writeSync } from 'node:fs';
import type { Chain, FileHandle } from 'ringlet';
import { describeOnEachBackend } from '../support/backends.js';
import { descriptorNamed } from '../support/descriptors.js';
import { type CallError, eventually, isPending, rejection, within } from '../support/eventually.js';
import { chainTimedOutAt, expectAbort } from '../support/outcomes.js';
import { temporaryDirectory } from '../support/temporary.js';

interface WithResults extends CallError {
  results?: PromiseSettledResult<unknown>[];
}

function reasonAt(results: readonly PromiseSettledResult<unknown>[] | undefined, index: number): CallError {
  const result = results?.[index];
  if (result?.status !== 'rejected') throw new Error(`part ${index} was to be rejected`);
  return result.reason as CallError;
}

describeOnEachBackend('Ring.chain, stopped', (makeRing, configuration) => {
  const directory = temporaryDirectory();
  const reason = new Error('no longer wanted');
  let opened: FileHandle[] = [];

  /** A FIFO with nothing in it: reads wait. The thread of a node backend's read is let go afterwards. */
  async function openFifo(ring: ReturnType<typeof makeRing>, name = 'fifo'): Promise<FileHandle> {
    const handle = await ring.fs.open(directory.fifo(name), 'r+');
    opened.push(handle);
    return handle;
  }

  afterEach(async () => {
    for (const handle of opened) {
      if (handle.fd >= 0) writeSync(handle.fd, Buffer.alloc(64));
      await within('closing the FIFO', handle.close());
    }
    opened = [];
  });

  it('a transfer at a position of a FIFO: ESPIPE, and what follows does not begin', async () => {
    const ring = makeRing();
    const fifo = await openFifo(ring);
    const buffer = Buffer.alloc(4);
    const transfers: Readonly<Record<string, (chain: Chain) => void>> = {
      read: (chain) => void chain.read(fifo, buffer, { position: 0 }),
      write: (chain) => void chain.write(fifo, buffer, { position: 5 }),
      readv: (chain) => void chain.readv(fifo, [buffer], 5),
      writev: (chain) => void chain.writev(fifo, [buffer], 0),
    };
    for (const [name, transfer] of Object.entries(transfers)) {
      const results = await ring.chain((chain) => {
        transfer(chain);
        chain.mkdir(directory.at(name));
      });
      const { code, syscall } = reasonAt(results, 0);
      expect([code, syscall]).to.deep.equal(['ESPIPE', name.startsWith('read') ? 'read' : 'write']);
      expect(reasonAt(results, 1).code).to.equal('ECANCELED');
      expect(existsSync(directory.at(name))).to.equal(false);
    }
  });

  it('aborted before: AbortError, and nothing is done', async () => {
    const ring = makeRing();
    const error: WithResults = await rejection(
      ring.chain((chain) => chain.mkdir(directory.at('dir')), { signal: AbortSignal.abort(reason) }),
    );
    expectAbort(error, reason);
    expect(error.results).to.equal(undefined);
    expect(existsSync(directory.at('dir'))).to.equal(false);
  });

  it('aborted under way: AbortError, whose results say how far it had come', async () => {
    const ring = makeRing();
    const fifo = await openFifo(ring);
    const controller = new AbortController();
    const chain = ring.chain(
      (parts) => {
        parts.mkdir(directory.at('before'));
        parts.read(fifo, Buffer.alloc(1));
        parts.mkdir(directory.at('after'));
      },
      { signal: controller.signal },
    );
    await eventually('the first part is done', () => existsSync(directory.at('before')));
    expect(await isPending(chain)).to.equal(true);
    controller.abort(reason);
    const error: WithResults = await rejection(chain);
    expectAbort(error, reason);
    expect(error.results?.map(({ status }) => status)).to.deep.equal(['fulfilled', 'rejected', 'rejected']);
    expect(reasonAt(error.results, 1)).to.equal(error);
    expect(reasonAt(error.results, 2)).to.include({ code: 'ECANCELED', failedPartIndex: 1, cause: error });
    expect(reasonAt(error.results, 2).message).to.contain('part 1 (read) was stopped');
    expect(existsSync(directory.at('after'))).to.equal(false);
  });

  it('aborted in the first part, with every part linked to the next', async () => {
    const ring = makeRing();
    const fifo = await openFifo(ring);
    const controller = new AbortController();
    const chain = ring.chain(
      (parts) => {
        parts.read(fifo, Buffer.alloc(1));
        parts.write(fifo, 'x');
        parts.write(fifo, 'x');
      },
      { signal: controller.signal },
    );
    expect(await isPending(chain)).to.equal(true);
    controller.abort(reason);
    const error: WithResults = await rejection(chain);
    expectAbort(error, reason);
    expect(error.results?.map(({ status }) => status)).to.deep.equal(['rejected', 'rejected', 'rejected']);
  });

  it('aborted too late: it fulfils', async () => {
    const ring = makeRing();
    const controller = new AbortController();
    const chain = ring.chain((parts) => [parts.mkdir(directory.at('dir'))], { signal: controller.signal });
    await eventually('the part is done', () => existsSync(directory.at('dir')));
    const [made] = await chain;
    controller.abort(reason);
    expect(made.status).to.equal('fulfilled');
  });

  it('aborted at any moment: what is fulfilled was done, and what is not was not', async () => {
    const ring = makeRing();
    for (let round = 0; round < 100; round += 1) {
      const names = [0, 1, 2, 3].map((index) => directory.at(`d${round}.${index}`));
      const controller = new AbortController();
      const chain = ring.chain(
        (parts) => {
          for (const name of names) parts.mkdir(name);
        },
        { signal: controller.signal },
      );
      for (let turn = 0; turn < round % 6; turn += 1) await new Promise((resolve) => setImmediate(resolve));
      controller.abort(reason);
      const results = await chain.catch((error: WithResults) => {
        expectAbort(error, reason);
        return error.results as PromiseSettledResult<unknown>[];
      });
      const done = results.filter(({ status }) => status === 'fulfilled').length;
      const isDone = results.map(({ status }) => status === 'fulfilled');
      expect(isDone, 'no part without those before it').to.deep.equal(
        names.map((_name, index) => index < done),
      );
      // What Node's threads have begun goes on in the background: a stated difference of that backend.
      if (configuration.title === 'node') continue;
      expect(
        names.map((name) => existsSync(name)),
        `round ${round}`,
      ).to.deep.equal(isDone);
    }
  });

  it('timeoutMs: the part under way ends with ETIMEDOUT, and the rest does not begin', async () => {
    const ring = makeRing();
    const fifo = await openFifo(ring);
    let startedAt = 0;
    const { results, timeoutMs: limitMs } = await chainTimedOutAt(3, 60, (timeoutMs) => {
      startedAt = performance.now();
      return ring.chain(
        (chain) => {
          chain.write(fifo, 'x');
          chain.read(fifo, Buffer.alloc(1));
          chain.mkdir(directory.at(`before-${timeoutMs}`));
          chain.read(fifo, Buffer.alloc(1));
          chain.mkdir(directory.at('after'));
        },
        { timeoutMs },
      );
    });
    expect(performance.now() - startedAt).to.be.at.least(limitMs - 1);
    expect(results.map(({ status }) => status)).to.deep.equal([
      'fulfilled',
      'fulfilled',
      'fulfilled',
      'rejected',
      'rejected',
    ]);
    expect(reasonAt(results, 3)).to.include({
      code: 'ETIMEDOUT',
      errno: -110,
      syscall: 'read',
      message: `ETIMEDOUT: the chain took longer than ${limitMs} ms, read`,
    });
    expect(reasonAt(results, 4)).to.include({ code: 'ECANCELED', failedPartIndex: 3 });
    expect(reasonAt(results, 4).cause).to.equal(reasonAt(results, 3));
    expect(existsSync(directory.at('after'))).to.equal(false);
  });

  it('timeoutMs ends an open of a FIFO that waits for its other end', async () => {
    const ring = makeRing();
    for (const flags of ['r', 'w']) {
      const fifo = directory.fifo(flags);
      const { results } = await chainTimedOutAt(1, 30, (timeoutMs) =>
        ring.chain(
          (chain) => {
            chain.stat(directory.path);
            chain.open(fifo, flags);
          },
          { timeoutMs },
        ),
      );
      expect(results[0]?.status).to.equal('fulfilled');
      expect(reasonAt(results, 1)).to.include({ code: 'ETIMEDOUT', syscall: 'open', path: fifo });
      // A thread of Node's pool is still in it, and what it opens in the end is closed.
      if (configuration.title === 'node') {
        await using _other = await ring.fs.open(fifo, 'r+');
        await eventually('the thread to be through', () => ring.stats().inFlight === 0);
      }
      await eventually('no handle to be left', () => descriptorNamed(fifo) === undefined);
    }
  });

  it('timeoutMs of 20 chains on 20 FIFOs at once, each its own', async () => {
    const ring = makeRing();
    const chains: Promise<unknown>[] = [];
    for (let index = 0; index < 20; index += 1) {
      const fifo = await openFifo(ring, `fifo${index}`);
      // Every other one is given what it waits for.
      if (index % 2 === 0) writeSync(fifo.fd, 'x');
      const chain = ring.chain(
        (parts) => {
          parts.read(fifo, Buffer.alloc(1));
          parts.mkdir(directory.at(`d${index}`));
        },
        { timeoutMs: index % 2 === 0 ? 10_000 : 40 + index },
      );
      chains.push(
        chain.then((results) => {
          if (index % 2 === 0)
            expect(results.map(({ status }) => status)).to.deep.equal(['fulfilled', 'fulfilled']);
          else expect(reasonAt(results, 0).code).to.equal('ETIMEDOUT');
          expect(existsSync(directory.at(`d${index}`))).to.equal(index % 2 === 0);
        }),
      );
      // Four threads are all that Node's pool has.
      if (configuration.title === 'node' && index === 6) break;
    }
    await within('all chains', Promise.all(chains));
  });

  it('timeoutMs ends a chain that still waits for a place, and nothing of it is done', async () => {
    const ring = makeRing({ inFlightMax: 4 });
    const fifo = await openFifo(ring);
    const reads = Array.from({ length: 4 }, () => fifo.read(Buffer.alloc(1)));
    const results = await within(
      'the chain',
      ring.chain(
        (chain) => {
          chain.mkdir(directory.at('one'));
          chain.mkdir(directory.at('two'));
        },
        { timeoutMs: 30 },
      ),
    );
    expect(reasonAt(results, 0)).to.include({
      code: 'ETIMEDOUT',
      syscall: 'mkdir',
      path: directory.at('one'),
    });
    expect(reasonAt(results, 1)).to.include({ code: 'ECANCELED', failedPartIndex: 0 });
    writeSync(fifo.fd, 'xxxx');
    await within('the reads', Promise.all(reads));
    await ring.fs.stat(directory.path);
    expect([existsSync(directory.at('one')), existsSync(directory.at('two'))]).to.deep.equal([false, false]);
  });

  it('a chain waits for places as a whole, in its turn, and then goes on', async () => {
    const ring = makeRing({ inFlightMax: 4 });
    const fifo = await openFifo(ring);
    await using handle = await ring.fs.open(directory.at('a'), 'w+');
    const reads = Array.from({ length: 3 }, () => fifo.read(Buffer.alloc(1)));
    const chain = ring.chain((parts) => {
      for (let index = 0; index < 4; index += 1) parts.write(handle, `${index}`);
    });
    const later = ring.fs.mkdir(directory.at('later'));
    expect(await isPending(chain)).to.equal(configuration.title !== 'node');
    writeSync(fifo.fd, 'xxx');
    const results = await within('the chain', chain);
    expect(results.map(({ status }) => status)).to.deep.equal(new Array(4).fill('fulfilled'));
    await within('what came after it', later);
    await Promise.all(reads);
    expect(await ring.fs.readFile(directory.at('a'), 'utf8')).to.equal('0123');
  });

  it('Ring.close under way: ERR_RINGLET_CLOSED, with results', async () => {
    const ring = makeRing();
    const fifo = await openFifo(ring);
    const chain = ring.chain((parts) => {
      parts.mkdir(directory.at('before'));
      parts.read(fifo, Buffer.alloc(1));
      parts.mkdir(directory.at('after'));
    });
    await eventually('the first part is done', () => existsSync(directory.at('before')));
    expect(await isPending(chain)).to.equal(true);
    const closing = ring.close();
    const error: WithResults = await rejection(chain);
    expect(error.code).to.equal('ERR_RINGLET_CLOSED');
    expect(error.results?.map(({ status }) => status)).to.deep.equal(['fulfilled', 'rejected', 'rejected']);
    await within('the close', closing);
    expect(existsSync(directory.at('after'))).to.equal(false);
    expect(
      (await rejection(ring.chain(() => {}).then(() => ring.chain((parts) => parts.mkdir('x'))))).code,
    ).to.equal('ERR_RINGLET_CLOSED');
  });

  it('FileHandle.cancel stops the part that is under way, and the rest does not begin', async () => {
    const ring = makeRing();
    const fifo = await openFifo(ring);
    const chain = ring.chain((parts) => {
      parts.read(fifo, Buffer.alloc(1));
      parts.mkdir(directory.at('after'));
    });
    expect(await isPending(chain)).to.equal(true);
    expect(await fifo.cancel()).to.equal(1);
    const results = await within('the chain', chain);
    expect(reasonAt(results, 0)).to.include({
      code: 'ECANCELED',
      message: 'ECANCELED: operation canceled, read',
    });
    expect(reasonAt(results, 1)).to.include({ code: 'ECANCELED', failedPartIndex: 0 });
    expect(existsSync(directory.at('after'))).to.equal(false);
  });

  // The node backend knows of a part only once its call is made.
  const itWhereAllIsPending = configuration.title === 'node' ? (): void => {} : it;

  itWhereAllIsPending('FileHandle.cancel stops the chain before a part that has not begun', async () => {
    const ring = makeRing();
    const [first, second] = [await openFifo(ring, 'first'), await openFifo(ring, 'second')];
    for (const add of ['linked', 'separate']) {
      const chain = ring.chain((parts) => {
        parts.read(first, Buffer.alloc(1));
        if (add === 'separate') parts.stat(directory.path);
        parts.read(second, Buffer.alloc(1));
        parts.mkdir(directory.at('after'));
      });
      expect(await isPending(chain)).to.equal(true);
      expect(await second.cancel()).to.equal(1);
      expect(await isPending(chain), 'the part under way goes on').to.equal(true);
      writeSync(first.fd, 'x');
      const results = await within('the chain', chain);
      const index = add === 'separate' ? 2 : 1;
      expect(results[0]?.status).to.equal('fulfilled');
      expect(reasonAt(results, index).message).to.equal('ECANCELED: operation canceled, read');
      expect(reasonAt(results, index + 1)).to.include({ code: 'ECANCELED', failedPartIndex: index });
      expect(existsSync(directory.at('after'))).to.equal(false);
    }
  });
});
