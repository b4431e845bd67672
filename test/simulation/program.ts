/**
 * `program.js KERNEL SEED OPERATIONS [DROPPED]`: plays operations, so many a seed, on simulated rings. DROPPED are
 * ranges of one seed's operations that are left out, as in `0-99,250-499`.
 *
 * Prints `seed N` as it begins one, and at the end what was done, as JSON.
 */
import { writeSync } from 'node:fs';
import { play, tryKernel } from './episode.js';
import { KERNELS } from './kernels.js';

/** Of a seed: few enough that a failure can be made small. */
const EPISODE_OPERATIONS = 1000;

const [kernel = 'newest', seedText = '1', operationsText = '1000', dropped = ''] = process.argv.slice(2);
const gaps = KERNELS[kernel];
if (gaps === undefined) throw new Error(`'${kernel}' is none of ${Object.keys(KERNELS).join(', ')}`);

const ranges = dropped === '' ? [] : dropped.split(',').map((range) => range.split('-').map(Number));
const isKept = (index: number): boolean => {
  return !ranges.some(([from = 0, to = from]) => index >= from && index <= to);
};

process.on('unhandledRejection', (reason) => {
  writeSync(2, `unhandled: ${(reason as Error)?.stack ?? String(reason)}\n`);
  process.exit(1);
});

await tryKernel(gaps);
const wanted = Number(operationsText);
let done = 0;
for (let seed = Number(seedText); done < wanted; seed++) {
  writeSync(1, `seed ${seed}\n`);
  const operations = Math.min(EPISODE_OPERATIONS, wanted - done);
  try {
    await play({ seed, gaps, operations, isKept });
  } catch (error) {
    const { stack, cause } = error as Error;
    writeSync(2, `${stack}\n${(cause as Error | undefined)?.stack ?? ''}\n`);
    process.exit(1);
  }
  done += operations;
}
writeSync(1, `done ${done}\n`);
