/**
 * `pull`, `pullSync` and `writer` of FileHandle, which Node has under `--experimental-stream-iter`: each use made
 * alike on a handle of Node's and on ours.
 */
import { isBuiltin } from 'node:module';
import { Ring } from 'ringlet';
import { needsIoUring } from '../support/backends.js';
import { skip } from '../support/skip.js';
import { type Comparison, createComparison } from './comparison.js';
import { PULL_LISTS, PULL_SCRIPTS } from './pull-scripts.js';
import { NODE_MAJOR, type Script, type Streamed } from './streamed-handle.js';
import { WRITER_LISTS, WRITER_SCRIPTS } from './writer-scripts.js';

const HAS_THEM = isBuiltin('node:stream/iter');

describe('Compatibility with node:fs/promises, stream/iter', () => {
  if (!HAS_THEM) {
    it('pull, pullSync and writer', function () {
      skip(this, `Node ${process.versions.node} runs without --experimental-stream-iter`);
    });
    return;
  }
  for (const backend of ['io_uring', 'node'] as const) {
    describe(`[${backend}]`, () => {
      if (backend === 'io_uring') needsIoUring();
      let ring: Ring;
      let comparison: Comparison;

      before(() => {
        ring = new Ring({ backend });
        comparison = createComparison(ring.fs, 'nothing here is drawn');
      });
      after(async () => {
        comparison?.remove();
        await ring?.close();
      });

      const compare = (title: string, { run }: Script): Promise<void> =>
        comparison.run(title, (side) =>
          run((name, flags = 'r') => side.open(name, flags) as Promise<Streamed>, side),
        );
      for (const [title, script] of Object.entries({ ...PULL_SCRIPTS, ...WRITER_SCRIPTS })) {
        it(title, async function () {
          if (NODE_MAJOR < (script.since ?? 0)) skip(this, `Node ${NODE_MAJOR} has an earlier draft of it`);
          await compare(title, script);
          comparison.expectNone(title);
        });
      }
      for (const [title, scripts] of Object.entries({ ...PULL_LISTS, ...WRITER_LISTS })) {
        it(`${title}: ${Object.keys(scripts).length} uses end as Node's do`, async () => {
          for (const [value, script] of Object.entries(scripts)) await compare(value, script);
          comparison.expectNone(title);
        });
      }
    });
  }
});
