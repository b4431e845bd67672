/** What `FileHandle.pull` and `pullSync` are put through. */
import { isPending, turns } from '../support/eventually.js';
import { describeValue } from './describe-value.js';
import { describeDescriptor } from './side.js';
import {
  ABORTING,
  type Batches,
  each,
  NODE_MAJOR,
  NOWHERE,
  OPTIONS,
  outcome,
  pulled,
  type Script,
  type Scripts,
  streamIter,
  taken,
} from './streamed-handle.js';

export const PULL_SCRIPTS: Record<string, Script> = {};
export const PULL_LISTS: Record<string, Scripts> = {};

for (const method of ['pull', 'pullSync'] as const) {
  const options = method === 'pull' ? [...OPTIONS, ...ABORTING] : OPTIONS;
  PULL_LISTS[`${method}: its options`] = each(options, ({ make }) => async (open, side) => {
    return await pulled(await open('file'), method, [make(side)]);
  });
  const upper = (chunks: Uint8Array[] | null): Uint8Array[] | null =>
    chunks?.map((chunk) => Buffer.from(String(Buffer.from(chunk)).toUpperCase())) ?? null;
  const last = {
    transform: (source: AsyncIterable<Uint8Array[] | null> & Iterable<Uint8Array[] | null>) =>
      method === 'pull'
        ? (async function* () {
            for await (const chunks of source) if (chunks !== null) yield chunks;
            yield Buffer.from('the end');
          })()
        : (function* () {
            for (const chunks of source) if (chunks !== null) yield chunks;
            yield Buffer.from('the end');
          })(),
  };
  const fails = (): never => {
    throw new RangeError('no more');
  };
  Object.assign(PULL_SCRIPTS, {
    [`${method}: transforms of both kinds`]: {
      run: async (open) => await pulled(await open('text'), method, [upper, last, { chunkSize: 5 }]),
    },
    [`${method}: a transform that fails, with autoClose`]: {
      run: async (open) => await pulled(await open('text'), method, [fails, { autoClose: true }]),
    },
    [`${method}: what is no transform`]: {
      run: async (open) => {
        const handle = await open('text');
        return [
          await pulled(handle, method, [upper, 5, {}]),
          await pulled(handle, method, ['x', upper]),
          await pulled(handle, method, [null, {}]),
        ];
      },
    },
    [`${method}: no arguments`]: {
      run: async (open) => await pulled(await open('file'), method, []),
    },
    [`${method}: a directory, and a file that is not open for reading`]: {
      run: async (open) => [
        await pulled(await open('dir'), method, [{ autoClose: true }]),
        await pulled(await open('file', 'a'), method, []),
      ],
    },
    [`${method}: a long file, at the cursor`]: {
      run: async (open) => {
        const handle = await open('long');
        await handle.read(Buffer.alloc(10), 0, 10, null);
        return await pulled(handle, method, []);
      },
    },
    [`${method}: left early, then begun again`]: {
      run: async (open) => {
        const handle = await open('long');
        const batches: Batches = handle[method]({ chunkSize: 10 });
        let first: unknown;
        for await (const batch of batches) {
          first = describeValue(batch, NOWHERE);
          break;
        }
        return [first, await pulled(handle, method, [{ limit: 3 }])];
      },
    },
    [`${method}: left early, with autoClose`]: {
      run: async (open) => {
        const handle = await open('long');
        for await (const _batch of handle[method]({ autoClose: true })) break;
        return [describeDescriptor(handle), await outcome(() => handle.close())];
      },
    },
    [`${method}: the same one iterated twice`]: {
      // Iterated again, pullSync of the earlier draft closes a handle that others use.
      since: method === 'pull' ? 0 : 26,
      run: async (open) => {
        const batches: Batches = (await open('long'))[method]({ limit: 20, chunkSize: 7 });
        return [await taken(batches), await taken(batches)];
      },
    },
    [`${method}: two at once, and a writer beside one`]: {
      run: async (open) => {
        const handle = await open('long', 'r+');
        const batches: Batches = handle[method]({ chunkSize: 10 });
        const early = await outcome(() => {
          handle[method]();
        });
        const results: unknown[] = [early];
        for await (const _batch of batches) {
          results.push(await outcome(() => handle[method]()));
          results.push(await outcome(() => handle.writer()));
          results.push(await outcome(() => handle.readableWebStream()));
          break;
        }
        return [results, await outcome(() => handle.writer().endSync())];
      },
    },
    [`${method}: never iterated, then closed`]: {
      run: async (open) => {
        const handle = await open('file');
        const batches: Batches = handle[method]();
        const isClosed = method === 'pull' || NODE_MAJOR >= 26;
        // Node 24 holds the handle from the call of pullSync on.
        return [isClosed && (await outcome(() => handle.close())), batches !== undefined];
      },
    },
    [`${method}: a closed handle`]: {
      run: async (open) => {
        const handle = await open('file');
        await handle.close();
        return await pulled(handle, method, []);
      },
    },
    [`${method}: closed while it is iterated`]: {
      run: async (open) => {
        const handle = await open('long');
        const events: string[] = [];
        let isWaiting = false;
        let closing: Promise<void> | undefined;
        for await (const batch of handle[method]({ chunkSize: 40_000 })) {
          closing ??= handle.close().then(() => void events.push('closed'));
          isWaiting = await isPending(closing);
          events.push(`${batch[0]?.length}`, JSON.stringify(await outcome(() => handle[method]())));
        }
        await closing;
        return [events, isWaiting, describeDescriptor(handle)];
      },
    },
    [`${method}: its content by stream/iter`]: {
      run: async (open) => {
        const handle = await open('text');
        const { text, textSync } = streamIter();
        return method === 'pull' ? await text(handle.pull()) : textSync(handle.pullSync());
      },
    },
  } satisfies Record<string, Script>);
}

Object.assign(PULL_SCRIPTS, {
  'pull: aborted between two steps': {
    run: async (open) => {
      const handle = await open('long');
      const controller = new AbortController();
      const seen: number[] = [];
      const failure = await outcome(async () => {
        for await (const batch of handle.pull({ chunkSize: 10, signal: controller.signal })) {
          seen.push(batch.length);
          if (seen.length === 3) controller.abort(new RangeError('enough'));
        }
      });
      return [seen, failure, describeDescriptor(handle), await pulled(handle, 'pull', [{ limit: 1 }])];
    },
  },
  'pull: aborted with transforms, autoClose': {
    run: async (open) => {
      const handle = await open('long');
      const controller = new AbortController();
      const options = { chunkSize: 10, signal: controller.signal, autoClose: true };
      const failure = await outcome(async () => {
        for await (const _batch of handle.pull((chunks: unknown) => chunks, options)) {
          controller.abort(new RangeError('enough'));
        }
      });
      await turns(5);
      return [failure, describeDescriptor(handle)];
    },
  },
  'pull: from a FIFO': {
    run: async (open) => {
      const [reader, writer] = [await open('../fifo', 'r+'), await open('../fifo', 'r+')];
      await writer.write('some content');
      return await pulled(reader, 'pull', [{ limit: 12, chunkSize: 5 }]);
    },
  },
  'pullSync: the steps of an iterator by themselves': {
    run: async (open) => {
      const handle = await open('file');
      const iterator = handle.pullSync({ limit: 4 })[Symbol.iterator]();
      const results = [iterator.next(), iterator.next(), iterator.next(), iterator.return?.()];
      const unused = handle.pullSync()[Symbol.iterator]();
      const ended = [unused.return?.(), unused.next()];
      return [describeValue(results, NOWHERE), describeValue(ended, NOWHERE), describeDescriptor(handle)];
    },
  },
} satisfies Record<string, Script>);
