/** What `FileHandle.writer` is put through. */
import { isPending, turns } from '../support/eventually.js';
import { type Argument, made, ODD_TYPES, plains, under } from './arguments.js';
import { describeError } from './describe-value.js';
import { describeDescriptor } from './side.js';
import {
  ABORTING,
  each,
  NODE_MAJOR,
  NOWHERE,
  OPTIONS,
  outcome,
  type Scripts,
  type Streamed,
  streamIter,
  type Writer,
} from './streamed-handle.js';

const CHUNKS: readonly Argument[] = [
  ...plains('text', '', 'ünï', '\ud800 alone', Buffer.from('bytes'), Buffer.alloc(0)),
  made('a part of memory', () => new Uint8Array(Buffer.from('0123456789')).subarray(2, 5)),
  made('shared memory', () => new Uint8Array(new SharedArrayBuffer(3)).fill(65)),
  made('Uint16Array', () => new Uint16Array([0x4141])),
  ...ODD_TYPES,
];
const CHUNK_LISTS: readonly Argument[] = [
  ...CHUNKS.map(({ text, make }) => made(`['a', ${text}]`, (side) => ['a', make(side)])),
  ...plains([], ['a', Buffer.from('b')], [[]]),
];
const CALL_OPTIONS: readonly Argument[] = [
  ...ABORTING,
  ...under('signal', ODD_TYPES),
  ...ODD_TYPES.filter(({ text }) => text !== 'undefined'),
];

/** In the earlier draft a writer that fails with one of these is only closed. */
const FALSY_REASONS: readonly unknown[] = NODE_MAJOR >= 26 ? [0, false] : [];

/** Each of a writer's methods once, and the handle afterwards. */
async function written(handle: Streamed, args: unknown[]): Promise<unknown> {
  let writer: Writer;
  try {
    writer = handle.writer(...args);
  } catch (error) {
    return [describeError(error, NOWHERE), await outcome(() => handle.writer().endSync())];
  }
  const results = [
    await outcome(() => writer.write('one')),
    await outcome(() => writer.writev(['two', Buffer.from('3')])),
    await outcome(() => writer.writeSync('four')),
    await outcome(() => writer.writevSync([Buffer.from('5'), 'six'])),
    await outcome(() => writer.end()),
  ];
  return [Object.keys(writer), results, describeDescriptor(handle)];
}

export const WRITER_LISTS: Readonly<Record<string, Scripts>> = {
  'writer: its options': each(OPTIONS, ({ make }) => async (open, side) => {
    return await written(await open('file', 'r+'), [make(side)]);
  }),
  'writer: write and writeSync of a chunk': each(CHUNKS, ({ make }) => async (open, side) => {
    const writer = (await open('new', 'w')).writer();
    return [
      await outcome(() => writer.write(make(side))),
      await outcome(() => writer.writeSync(make(side))),
      await outcome(() => writer.end()),
    ];
  }),
  'writer: writev and writevSync of chunks': each(CHUNK_LISTS, ({ make }) => async (open, side) => {
    const writer = (await open('new', 'w')).writer();
    return [
      await outcome(() => writer.writev(make(side))),
      await outcome(() => writer.writevSync(make(side))),
      await outcome(() => writer.end()),
    ];
  }),
  'writer: calls with options': each(CALL_OPTIONS, ({ make }) => async (open, side) => {
    const writer = (await open('new', 'w')).writer();
    return [
      await outcome(() => writer.write('one', make(side))),
      await outcome(() => writer.writev(['two', 'three'], make(side))),
      await outcome(() => writer.end(make(side))),
      await outcome(() => writer.end()),
      await outcome(() => writer.write('late', make(side))),
    ];
  }),
};

export const WRITER_SCRIPTS: Scripts = {
  'writer: no options': { run: async (open) => await written(await open('file', 'r+'), []) },
  'writer: at a place, with a limit': {
    run: async (open) => {
      const handle = await open('long', 'r+');
      const writer = handle.writer({ start: 100, limit: 10 });
      const results = [
        await outcome(() => writer.write('12345')),
        await outcome(() => writer.write('too long')),
        await outcome(() => writer.writev(['too', 'long'])),
        await outcome(() => writer.writeSync('too long')),
        await outcome(() => writer.writevSync(['too', 'long'])),
        await outcome(() => writer.writeSync('678')),
        await outcome(() => writer.write('90')),
        await outcome(() => writer.write('x')),
        await outcome(() => writer.writeSync('x')),
        await outcome(() => writer.write('')),
        await outcome(() => writer.endSync()),
      ];
      return [results, describeDescriptor(handle)];
    },
  },
  'writer: what is too long for a call that ends in Sync': {
    run: async (open) => {
      const writer = (await open('new', 'w')).writer({ chunkSize: 4 });
      return [
        writer.writeSync('12345'),
        writer.writeSync('1234'),
        writer.writevSync(['123', '45']),
        await outcome(() => writer.write('12345')),
        writer.endSync(),
      ];
    },
  },
  'writer: long chunks, one by one and several at once': {
    run: async (open) => {
      const writer = (await open('new', 'w')).writer();
      const chunk = Buffer.alloc(300_000, 'some content ');
      await writer.write(chunk);
      await writer.writev([chunk, 'and', chunk.subarray(0, 7)]);
      await writer.writev(Array.from({ length: 1500 }, (_unused, index) => `${index} `));
      return await outcome(() => writer.end());
    },
  },
  'writer: ends, and what comes after that': {
    run: async (open) => {
      const handle = await open('new', 'w');
      const writer = handle.writer();
      const results = [await outcome(() => writer.write('x')), await outcome(() => writer.end())];
      results.push(
        await outcome(() => writer.write('x')),
        await outcome(() => writer.writev(['x'])),
        await outcome(() => writer.writeSync('x')),
        await outcome(() => writer.end()),
        await outcome(() => writer.endSync()),
        await outcome(() => writer.fail(new Error('too late'))),
        await outcome(() => writer.end()),
      );
      return [results, describeDescriptor(handle), await outcome(() => handle.writer().endSync())];
    },
  },
  'writer: autoClose, by end, endSync, fail and disposal': {
    run: async (open) => {
      const results: unknown[] = [];
      const ends: ((writer: Writer) => unknown)[] = [
        (writer) => writer.end(),
        (writer) => writer.endSync(),
        (writer) => writer.fail(new RangeError('why')),
        (writer) => writer[Symbol.asyncDispose]().then(() => 'disposed'),
        (writer) => writer[Symbol.dispose](),
      ];
      for (const [index, end] of ends.entries()) {
        const handle = await open(`new${index}`, 'w');
        const events: string[] = [];
        handle.on('close', () => events.push('close'));
        const writer = handle.writer({ autoClose: true });
        await writer.write('content');
        const ended = end(writer);
        if (index !== 0 && index !== 3) results.push(handle.fd);
        results.push(await outcome(() => ended), events, describeDescriptor(handle));
        results.push(await outcome(() => writer.write('more')), await outcome(() => writer.end()));
        results.push(await outcome(() => handle.writer()), await outcome(() => handle.close()));
      }
      return results;
    },
  },
  'writer: fails, without and with a reason': {
    run: async (open) => {
      const results: unknown[] = [];
      for (const reason of [undefined, new RangeError('why'), 'text', ...FALSY_REASONS]) {
        const handle = await open('new', 'w');
        const writer = handle.writer();
        writer.fail(reason);
        results.push(
          await outcome(() => writer.write('x')),
          await outcome(() => writer.writev(['x'])),
          writer.writeSync('x'),
          writer.endSync(),
          await outcome(() => writer.end()),
          await outcome(() => handle.writer().endSync()),
        );
      }
      return results;
    },
  },
  'writer: writes at once, in their order': {
    since: 26,
    run: async (open) => {
      const writer = (await open('new', 'w')).writer();
      const events: string[] = [];
      const writes = Array.from({ length: 20 }, async (_unused, index) => {
        await writer.write(`${index} `);
        events.push(`${index}`);
      });
      const isSync = writer.writeSync('not now');
      const ended = outcome(() => writer.end()).then((end) => {
        events.push('ended');
        return end;
      });
      const refused = await outcome(() => writer.write('too late'));
      await Promise.all(writes);
      return [events, isSync, refused, await ended, writer.endSync()];
    },
  },
  'writer: writes at once, of which one is aborted, and then a failure': {
    since: 26,
    run: async (open) => {
      const handle = await open('new', 'w');
      const writer = handle.writer({ autoClose: true });
      const controller = new AbortController();
      const { signal } = controller;
      const calls = [writer.write('one'), writer.write('two', { signal }), writer.write('three')];
      controller.abort(new RangeError('not that one'));
      const first = await Promise.all(calls.map((call) => outcome(() => call)));
      const late = [writer.write('four'), writer.write('five')].map((call) => outcome(() => call));
      const ending = outcome(() => writer.end());
      writer.fail(new RangeError('enough'));
      const second = [await Promise.all(late), await ending];
      await turns(20);
      return [first, second, describeDescriptor(handle)];
    },
  },
  'writer: of a handle that is not open for writing': {
    run: async (open) => {
      const writer = (await open('file', 'r')).writer();
      return [
        await outcome(() => writer.write('x')),
        await outcome(() => writer.writev(['x', 'y'])),
        await outcome(() => writer.writeSync('x')),
        await outcome(() => writer.writevSync(['x', 'y'])),
        await outcome(() => writer.end()),
      ];
    },
  },
  'writer: a handle that is closed meanwhile': {
    run: async (open) => {
      const handle = await open('new', 'w');
      const writer = handle.writer();
      await writer.write('before ');
      const closing = handle.close();
      const isWaiting = await isPending(closing);
      const results = [
        await outcome(() => writer.write('after')),
        await outcome(() => handle.writer()),
        await outcome(() => writer.end()),
      ];
      await closing;
      return [isWaiting, results, describeDescriptor(handle)];
    },
  },
  'pipeTo and pipeToSync: a file from another, with and without a transform': {
    run: async (open) => {
      const { pipeTo, pipeToSync } = streamIter();
      const results: unknown[] = [];
      const same = (chunks: unknown): unknown => chunks;
      for (const [index, transforms] of [[], [same]].entries()) {
        const [from, to] = [await open('long'), await open(`new${index}`, 'w')];
        results.push(await pipeTo(from.pull(...transforms), to.writer({ autoClose: true })));
        const [sync, syncTo] = [await open('text'), await open(`sync${index}`, 'w')];
        results.push(pipeToSync(sync.pullSync(...transforms), syncTo.writer()), describeDescriptor(to));
      }
      return results;
    },
  },
  'pipeTo: a source that fails': {
    run: async (open) => {
      const handle = await open('new', 'w');
      const source = (async function* () {
        yield 'some';
        throw new RangeError('no more');
      })();
      const writer = handle.writer({ autoClose: true });
      const result = await outcome(() => streamIter().pipeTo(source, writer));
      return [result, describeDescriptor(handle)];
    },
  },
};
