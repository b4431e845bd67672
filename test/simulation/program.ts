/**
 * `program.js KERNEL SEED OPERATIONS [DROPPED]`: plays programs, a seed each, on simulated rings, until so many
 * operations have been made. DROPPED are ranges of the operations that are left out of the first seed, which is the
 * only one then, as in `0-99,250-499`.
 *
 * Prints `seed N` as it begins one, and at the end what was done, as JSON.
 */
import { writeSync } from 'node:fs';
import { binding } from '#ringlet/native/binding.js';
import { play, tryKernel } from './episode.js';
import { gapsOf } from './kernels.js';
import { parseRanges } from './shrink.js';

/** Of a seed: few enough that a failure can be made small. */
const EPISODE_OPERATIONS = 1000;
const PROGRESS_MS = 60_000;

const [kernel = 'newest', seedText = '1', operationsText = '1000', dropped] = process.argv.slice(2);
const gaps = gapsOf(kernel);
const ranges = parseRanges(dropped ?? '');
const isKept = (index: number): boolean => !ranges.some(([from, to]) => index >= from && index <= to);

// Errors that there may be are many, and where they are made says little.
Error.stackTraceLimit = 6;
process.on('unhandledRejection', (reason) => {
  writeSync(2, `unhandled: ${(reason as Error)?.stack ?? String(reason)}\n`);
  process.exit(1);
});

await tryKernel(gaps);
const wanted = dropped === undefined ? Number(operationsText) : 1;
let [seed, made] = [Number(seedText), 0];
const report = (): string => {
  const { rss } = process.memoryUsage();
  const cpuMs = Math.round((process.cpuUsage().user + process.cpuUsage().system) / 1000);
  return JSON.stringify({ made, lastSeed: seed, cpuMs, rss, mischief: binding().simulated() });
};
let reportedMs = performance.now();
for (; made < wanted; seed++) {
  writeSync(1, `seed ${seed}\n`);
  try {
    made += await play({ seed, gaps, operations: EPISODE_OPERATIONS, isKept });
  } catch (error) {
    const { stack, cause } = error as Error;
    writeSync(2, `${stack}\n${(cause as Error | undefined)?.stack ?? ''}\n`);
    process.exit(1);
  }
  if (dropped !== undefined) break;
  if (performance.now() - reportedMs < PROGRESS_MS) continue;
  reportedMs = performance.now();
  writeSync(1, `${report()}\n`);
}
writeSync(1, `${report()}\n`);
