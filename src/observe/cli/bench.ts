/** `ringlet bench`: what a ring is worth on this machine, against the Node that runs, in half a minute. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { probe, Ring } from 'ringlet';
import { prepare, ROWS, type Row, type Work } from './bench-rows.js';
import type { Style } from './doctor.js';

const ROUNDS = 5;
const ROUND_MS = 250;
/** Until what runs is compiled. */
const WARM_UP_MS = 500;
/** Differences below are called none. */
const NOTICEABLE = 1.1;

interface BenchOptions {
  json: boolean;
  /** Where the files are made. Default: the folder for temporary ones. */
  directory: string | undefined;
  style: Style;
}

/** One contender in one row: medians, and the least and the most a second. */
interface Figures {
  perSecond: number;
  least: number;
  most: number;
  /** Microseconds of processor time an operation, of all threads of this process. */
  cpuUs: number;
}

interface RowResult {
  title: string;
  node: Figures;
  rings: { name: string; figures: Figures; times: number; verdict: string }[];
}

interface Round {
  perSecond: number;
  cpuUs: number;
}

async function timed(work: Work, ms: number): Promise<Round> {
  const cpuBefore = process.cpuUsage();
  const startMs = performance.now();
  const count = await work(() => performance.now() - startMs >= ms);
  const seconds = (performance.now() - startMs) / 1000;
  const { user, system } = process.cpuUsage(cpuBefore);
  return { perSecond: count / seconds, cpuUs: (user + system) / count };
}

function median(values: readonly number[]): number {
  return [...values].sort((one, other) => one - other)[Math.floor(values.length / 2)] as number;
}

function toFigures(rounds: readonly Round[]): Figures {
  const rates = rounds.map(({ perSecond }) => perSecond);
  return {
    perSecond: median(rates),
    least: Math.min(...rates),
    most: Math.max(...rates),
    cpuUs: median(rounds.map(({ cpuUs }) => cpuUs)),
  };
}

/** In words. Rates that overlap say nothing; then processor time, which is steadier, has the word. */
function judge(ring: Figures, node: Figures): string {
  if (ring.least > node.most && ring.perSecond > node.perSecond * NOTICEABLE) return 'faster on ringlet';
  if (ring.most < node.least && ring.perSecond * NOTICEABLE < node.perSecond)
    return 'slower on ringlet: leave it to Node';
  const overlap = 'rates overlap';
  if (ring.cpuUs * NOTICEABLE < node.cpuUs) {
    return `${overlap}, with ${(node.cpuUs / ring.cpuUs).toFixed(1)} times less processor time on ringlet`;
  }
  return node.cpuUs * NOTICEABLE < ring.cpuUs
    ? `${overlap}, with less processor time on Node`
    : 'no difference';
}

/** Contenders take turns, so that what else goes on here meets all alike. */
async function measure(row: Row, rings: ReadonlyMap<string, Ring>, directory: string): Promise<RowResult> {
  const contenders = [['Node', undefined] as const, ...rings];
  const begun = await Promise.all(
    contenders.map(async ([name, ring]) => ({
      name,
      ...(await row.begin(ring, directory)),
      rounds: [] as Round[],
    })),
  );
  try {
    for (const { work } of begun) await timed(work, WARM_UP_MS);
    for (let round = 0; round < ROUNDS; round++) {
      for (const { work, rounds } of begun) rounds.push(await timed(work, ROUND_MS));
    }
  } finally {
    for (const { end } of begun) await end();
  }
  const [node, ...others] = begun.map(({ name, rounds }) => ({ name, figures: toFigures(rounds) }));
  const own = (node as { figures: Figures }).figures;
  return {
    title: row.title,
    node: own,
    rings: others.map(({ name, figures }) => ({
      name,
      figures,
      times: figures.perSecond / own.perSecond,
      verdict: judge(figures, own),
    })),
  };
}

function inThousands({ perSecond, least, most, cpuUs }: Figures): string {
  const thousands = (rate: number): string => (rate / 1000).toFixed(rate < 10_000 ? 1 : 0);
  return `${thousands(perSecond).padStart(6)}k a second (${thousands(least)} to ${thousands(most)}), ${cpuUs.toFixed(1)} µs of CPU each`;
}

function renderRow({ title, node, rings }: RowResult, { title: bold, good, bad }: Style): string {
  const width = Math.max(...rings.map(({ name }) => name.length), 'Node'.length);
  const lines = rings.map(({ name, figures, times, verdict }) => {
    const paint = verdict.startsWith('faster')
      ? good
      : verdict.startsWith('slower')
        ? bad
        : (text: string) => text;
    return `  ${name.padEnd(width)} ${inThousands(figures)}: ${paint(`${times.toFixed(1)} times, ${verdict}`)}\n`;
  });
  return `${bold(title)}\n  ${'Node'.padEnd(width)} ${inThousands(node)}\n${lines.join('')}`;
}

/** The rings that take part: the one that a program gets, and one with an SQ-poll thread where that may pay. */
function makeRings(): Map<string, Ring> {
  const ring = new Ring();
  const rings = new Map([[`ringlet, ${ring.backend}`, ring]]);
  const { isAllowed, isAdvised } = probe().sqPoll;
  if (ring.backend === 'io_uring' && isAllowed && isAdvised) {
    rings.set('ringlet, SQ polling', new Ring({ sqPoll: true }));
  }
  return rings;
}

/** Prints a row as soon as it is measured. */
export async function bench({ json, directory: parent = tmpdir(), style }: BenchOptions): Promise<void> {
  // The reader of a pipe may go before the end; the files are removed all the same.
  process.stdout.on('error', () => {});
  const directory = await mkdtemp(join(parent, 'ringlet-bench-'));
  const rings = makeRings();
  const results: RowResult[] = [];
  try {
    await prepare(directory);
    if (!json) {
      const reason = [...rings.values()][0]?.backendReason;
      process.stdout.write(
        `Node ${process.version}, files in ${parent}, 32 operations at a time, medians of ${ROUNDS} rounds\n`,
      );
      if (reason)
        process.stdout.write(style.bad(`Not on io_uring: ${reason}. \`ringlet doctor\` says what to do.\n`));
    }
    for (const row of ROWS) {
      const result = await measure(row, rings, directory);
      results.push(result);
      if (!json) process.stdout.write(renderRow(result, style));
    }
    if (json) process.stdout.write(`${JSON.stringify(results, null, 2)}\n`);
  } finally {
    for (const ring of rings.values()) await ring.close();
    await rm(directory, { recursive: true, force: true });
  }
}
