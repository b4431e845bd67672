/**
 * What no generator comes by: files that are large, grow, shrink or tell no size, pipes, streams over a
 * handle in use, and what a handle does around its close. Each is a script, played on both sides.
 */
import { expect } from 'chai';
import { spawn } from 'node:child_process';
import { appendFileSync, closeSync, ftruncateSync, openSync, truncateSync, writeSync } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { text } from 'node:stream/consumers';
import { isPending, turns } from '../support/eventually.js';
import { comparisonForSuite, createComparison } from './comparison.js';
import { describeError, describeValue, type Surroundings } from './describe-value.js';
import type { Side } from './side.js';

type Promises = typeof import('node:fs/promises');
type Listed = (fs: Promises, side: Side) => Promise<unknown>;

const GIBIBYTE = 2 ** 30;
const NO_SURROUNDINGS: Surroundings = { given: [] };

/** How each of some calls ended, in their order. */
async function outcomes(calls: readonly PromiseLike<unknown>[]): Promise<unknown[]> {
  const settled = await Promise.allSettled(calls);
  return settled.map((each) =>
    each.status === 'fulfilled'
      ? describeValue(each.value, NO_SURROUNDINGS)
      : describeError(each.reason, NO_SURROUNDINGS),
  );
}

/** A file of so many GiB that takes no room, with a mark at its end. */
function makeSparse(name: string, gibibytes: number): void {
  const fd = openSync(name, 'w');
  ftruncateSync(fd, gibibytes * GIBIBYTE);
  writeSync(fd, 'the end', gibibytes * GIBIBYTE);
  closeSync(fd);
}

const SCRIPTS: Readonly<Record<string, Listed>> = {
  'a file of 5 GiB: stat, reads and writes beyond 4 GiB, truncate': async (fs) => {
    makeSparse('big', 5);
    const handle = await fs.open('big', 'r+');
    const buffer = Buffer.alloc(16);
    const results = await outcomes([
      handle.stat(),
      handle.read(buffer, 0, 16, 5 * GIBIBYTE),
      fs.stat('big', { bigint: true }),
    ]);
    const written = await handle.write('marked', 4 * GIBIBYTE + 3);
    const { bytesRead } = await handle.read(Buffer.alloc(6), 0, 6, 4 * GIBIBYTE + 3);
    await handle.truncate(4.5 * GIBIBYTE);
    await handle.truncate(6 * GIBIBYTE);
    const { size } = await handle.stat();
    await handle.close();
    return [results, written, bytesRead, size, buffer.toString('latin1')];
  },
  'a file of 5 GiB: a stream of its end, and a stream that writes there': async (fs) => {
    makeSparse('big', 5);
    const end = await text((await fs.open('big')).createReadStream({ start: 5 * GIBIBYTE + 4 }));
    const stream = (await fs.open('big', 'r+')).createWriteStream({ start: 5 * GIBIBYTE });
    await pipeline(['THE END, and more'], stream);
    return [end, (await fs.stat('big')).size];
  },
  'a file of 5 GiB: appendFile': async (fs) => {
    makeSparse('big', 5);
    await fs.appendFile('big', ' and more');
    return (await fs.stat('big')).size;
  },
  'files of /proc that tell no size': async (fs) => {
    const names = ['/proc/version', '/proc/cpuinfo', '/proc/filesystems', '/proc/self/limits'];
    const contents = await Promise.all(names.map((name) => fs.readFile(name, 'utf8')));
    return contents.map((content) => content.replaceAll(/MHz.*/g, ''));
  },
  'a directory, wherever a file should be': async (fs) => {
    const handle = await fs.open('dir');
    const calls = [
      handle.read(Buffer.alloc(4)),
      handle.readFile(),
      handle.write('x'),
      handle.truncate(),
      handle.readv([Buffer.alloc(4)]),
      handle.sync(),
      handle.datasync(),
      handle.stat(),
    ];
    const results = await outcomes(calls);
    await handle.close();
    return results;
  },
  'a file that grows while its handle reads on': async (fs) => {
    const handle = await fs.open('file');
    const first = await handle.readFile('utf8');
    appendFileSync('file', ', and more');
    const second = await handle.readFile('utf8');
    const third = await handle.readFile('utf8');
    await handle.close();
    return [first, second, third];
  },
  'a file that is cut off between two reads': async (fs) => {
    const handle = await fs.open('long');
    const buffer = Buffer.alloc(60_000);
    const first = await handle.read(buffer, 0, 60_000, null);
    truncateSync('long', 30_000);
    const calls = [await handle.read(buffer, 0, 60_000, null), await handle.readFile('utf8')];
    truncateSync('long', 90_000);
    calls.push(await handle.readFile('utf8'));
    await handle.close();
    return [first, calls.map((each) => describeValue(each, NO_SURROUNDINGS))];
  },
  'a file that is cut off while a stream reads it': async (fs) => {
    const stream = (await fs.open('long')).createReadStream({ highWaterMark: 40_000 });
    let bytes = 0;
    for await (const chunk of stream) {
      bytes += (chunk as Buffer).length;
      truncateSync('long', 1);
    }
    // How much it had read ahead is its own affair.
    return bytes >= 40_000 && bytes <= 80_000;
  },
  'a file that is removed while it is open': async (fs) => {
    const handle = await fs.open('file', 'r+');
    await fs.unlink('file');
    await fs.unlink('twin');
    await handle.write('still here', 0);
    const content = await handle.readFile('utf8');
    const { nlink } = await handle.stat();
    await handle.close();
    return [content, nlink];
  },
  'a FIFO: what one writes in pieces another reads whole': async (fs) => {
    const writer = spawn('sh', [
      '-c',
      'for part in one two three; do printf $part; sleep 0.02; done > ../fifo',
    ]);
    const content = await fs.readFile('../fifo', 'utf8');
    writer.kill();
    return content;
  },
  'a FIFO: positions, stat, truncate and sync': async (fs) => {
    const handle = await fs.open('../fifo', 'r+');
    const results = await outcomes([
      handle.read(Buffer.alloc(4), 0, 4, 0),
      handle.write('x', 0),
      handle.write(Buffer.from('x'), 0, 1, 5),
      handle.readv([Buffer.alloc(4)], 0),
      handle.writev([Buffer.from('x')], 0),
      handle.truncate(3),
      handle.sync(),
      handle.datasync(),
    ]);
    await handle.close();
    return results;
  },
  'a FIFO: a read takes what there is': async (fs) => {
    const handle = await fs.open('../fifo', 'r+');
    await handle.write('some');
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(10, '.'), 0, 10, null);
    await handle.close();
    return [bytesRead, buffer.toString()];
  },
  'close waits for a read': async (fs) => {
    const handle = await fs.open('../fifo', 'r+');
    const other = await fs.open('../fifo', 'r+');
    const reading = handle.read(Buffer.alloc(4), 0, 4, null);
    const closing = handle.close();
    const isWaiting = await isPending(closing);
    await other.write('data');
    const results = await outcomes([reading, closing]);
    await other.close();
    return [isWaiting, results];
  },
  'every call of a closed handle': async (fs) => {
    const handle = await fs.open('file', 'r+');
    await handle.close();
    const calls: Promise<unknown>[] = [
      handle.read(Buffer.alloc(4)),
      handle.readv([Buffer.alloc(4)]),
      handle.write('x'),
      handle.writev([Buffer.alloc(4)]),
      handle.readFile(),
      handle.writeFile('x'),
      handle.appendFile('x'),
      handle.stat(),
      handle.sync(),
      handle.datasync(),
      handle.truncate(),
      handle.utimes(1, 1),
      handle.chmod(0o600),
      handle.chown(0, 0),
    ];
    return [handle.fd, await outcomes(calls)];
  },
  'close, again and at once': async (fs) => {
    const handle = await fs.open('file');
    const events: string[] = [];
    (handle as FileHandle & NodeJS.EventEmitter).on('close', () => events.push('close'));
    const first = [handle.close(), handle.close()];
    const results = await outcomes(first);
    const later = await outcomes([handle.close()]);
    await turns(2);
    return [results, later, events];
  },
  'a descriptor that somebody else has closed': async (fs) => {
    const handle = await fs.open('file');
    closeSync(handle.fd);
    return await outcomes([handle.read(Buffer.alloc(4))]).finally(() => handle.close().catch(() => {}));
  },
  'two handles of one file have a cursor each, and see each other': async (fs) => {
    const [one, other] = await Promise.all([fs.open('file', 'r+'), fs.open('file', 'r+')]);
    await one.write('ABC');
    const { buffer } = await other.read(Buffer.alloc(5), 0, 5, null);
    await other.write('xy');
    const rest = await one.readFile('utf8');
    await Promise.all([one.close(), other.close()]);
    return [buffer.toString(), rest];
  },
  'writes at once, each at its place': async (fs) => {
    const handle = await fs.open('new', 'w+');
    await Promise.all(Array.from({ length: 100 }, (_unused, index) => handle.write(`${index % 10}`, index)));
    const content = await handle.readFile('utf8');
    await handle.close();
    return content;
  },
  'appends at once, none lost': async (fs) => {
    await Promise.all(Array.from({ length: 50 }, (_unused, index) => fs.appendFile('new', `${index} `)));
    const content = await fs.readFile('new', 'utf8');
    const sorted = content.trim().split(' ').sort();
    // Which comes first is nobody's promise.
    await fs.writeFile('new', sorted.join(' '));
    return sorted;
  },
  'a signal before, during and after': async (fs) => {
    const controller = new AbortController();
    const { signal } = controller;
    const after = await fs.readFile('file', { signal });
    controller.abort(new RangeError('no longer wanted'));
    const before = await outcomes([
      fs.readFile('file', { signal }),
      fs.writeFile('new', 'x', { signal }),
      fs.appendFile('file', 'x', { signal } as object),
      fs.readFile('missing', { signal }),
    ]);
    const during = new AbortController();
    const parts = (async function* () {
      yield 'kept';
      during.abort('why');
      yield 'not kept';
    })();
    const writing = await outcomes([fs.writeFile('new', parts, { signal: during.signal })]);
    return [after.toString(), before, writing];
  },
};

for (const backend of ['io_uring', 'node'] as const) {
  describe(`Compatibility with node:fs/promises, case by case [${backend}]`, () => {
    const comparison = comparisonForSuite(backend, 'nothing here is drawn');

    for (const [title, script] of Object.entries(SCRIPTS)) {
      it(title, async () => {
        await comparison.run(title, async (side) => {
          return describeValue(await script(side.api as Promises, side), NO_SURROUNDINGS);
        });
        comparison.expectNone(title);
      });
    }
  });
}

describe('The comparison itself', () => {
  it('sees a difference in a result, in an error, and on the disk', async () => {
    const { promises } = await import('node:fs');
    const other = {
      ...promises,
      readFile: async () => 'something else',
      stat: async () => Promise.reject(new TypeError('not that')),
      writeFile: async () => {},
    };
    const comparison = createComparison(other, 'on purpose');
    try {
      const calls: Readonly<Record<string, Listed>> = {
        readFile: (fs) => fs.readFile('file', 'utf8'),
        stat: (fs) => fs.stat('missing'),
        writeFile: (fs) => fs.writeFile('new', 'x'),
      };
      for (const [name, call] of Object.entries(calls)) {
        await comparison.run(name, (side) => call(side.api as Promises, side));
        expect(() => comparison.expectNone(name)).to.throw(/1 of 1 calls .* differ from Node's; on purpose/);
      }
      await comparison.run('unlink', (side) => (side.api as Promises).unlink('file'));
      comparison.expectNone('unlink');
    } finally {
      comparison.remove();
    }
  });
});
