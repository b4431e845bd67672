/** `ringlet top`: the rings of programs that show them, as a table that is drawn again each second. */
import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Style } from './doctor.js';
import { look, type RingRates, type ThreadRates } from './look.js';

const LOOK_EVERY_MS = 1000;
const CLEAR = '\x1b[H\x1b[J';

interface TopOptions {
  /** The one process to show; all that show their rings without it. */
  pid: number | undefined;
  /** Lines of JSON, one a look. */
  json: boolean;
  /** Ends after the first look that has rates. */
  once: boolean;
  style: Style;
}

function short(rate: number | undefined): string {
  if (rate === undefined) return '–';
  if (rate < 10 && rate > 0) return rate.toFixed(1);
  if (rate < 10_000) return rate.toFixed(0);
  return rate < 10_000_000 ? `${(rate / 1e3).toFixed(0)}k` : `${(rate / 1e6).toFixed(0)}M`;
}

function percent(share: number | undefined): string {
  return share === undefined ? '–' : `${Math.round(share * 100)} %`;
}

function sum(...parts: (number | undefined)[]): number | undefined {
  return parts.every((part) => part !== undefined) ? parts.reduce((all, part) => all + part, 0) : undefined;
}

type Cells = readonly string[];

const RING_HEAD: Cells = [
  'ring',
  'runs on',
  'ops/s',
  'a batch',
  'enters/s',
  'in flight',
  'waiting',
  'armed',
  'buffers',
  'starved/s',
  'dropped/s',
];

function ringCells({ name, backend, profile, stats, perSecond }: RingRates): Cells {
  const { submitted, inlineReads, inlinePaths, completed, batches, enters } = perSecond;
  const buffers = stats.receiveBuffers.map(({ available, count }) => `${available}/${count}`).join(' ');
  return [
    name,
    profile.kind === 'sqPoll' ? `${backend}, sqPoll` : backend,
    short(sum(submitted, inlineReads, inlinePaths)),
    batches ? short((completed as number) / batches) : '–',
    short(enters),
    String(stats.inFlight),
    String(stats.waiting),
    String(stats.armed),
    buffers || '–',
    short(perSecond.bufferExhaustions),
    short(perSecond.datagramsDropped),
  ];
}

/** Columns as wide as their widest cell, numbers at the right. */
function formatTable(rows: readonly Cells[]): string[] {
  const widths = (rows[0] as Cells).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] as string).length)),
  );
  return rows.map((row) =>
    row
      .map((cell, column) =>
        column < 2 ? cell.padEnd(widths[column] as number) : cell.padStart(widths[column] as number),
      )
      .join('  ')
      .trimEnd(),
  );
}

/** What is shown of one look. */
function renderTop(threads: readonly ThreadRates[], { title, bad }: Style): string {
  if (threads.length === 0) {
    return 'No program shows its rings. Start one by: node --import ringlet/expose app.js\n';
  }
  const lines: string[] = [];
  for (const { pid, threadId, program, node, rings, sqThreads } of threads) {
    const thread = threadId === 0 ? '' : `, worker ${threadId}`;
    lines.push(title(`${pid}${thread}  ${basename(program)}  Node ${node}`));
    if (rings.length === 0) lines.push('  no ring yet');
    else lines.push(...formatTable([RING_HEAD, ...rings.map(ringCells)]).map((line) => `  ${line}`));
    for (const { group, index, threadId: id, cpus, cpuShare, ringCount } of threadId === 0 ? sqThreads : []) {
      const place = cpus.length === 0 ? '' : `, CPU ${cpus.join(', ')}`;
      lines.push(
        `  SQ thread ${group}/${index} (${id}${place}): ${percent(cpuShare)} of a CPU, ${ringCount} ${ringCount === 1 ? 'ring' : 'rings'}`,
      );
    }
    for (const { name, backendReason, profile } of rings) {
      if (backendReason !== null) lines.push(bad(`  ${name} is not on io_uring: ${backendReason}`));
      for (const { what, reason } of profile.degraded)
        lines.push(bad(`  ${name} does without ${what}: ${reason}`));
    }
    lines.push('');
  }
  return `${lines.join('\n')}\n`;
}

/** Looks each second until it is ended, and prints what it sees. */
export async function top({ pid, json, once, style }: TopOptions): Promise<void> {
  // The reader of a pipe has what it wanted.
  process.stdout.on('error', () => process.exit());
  const isScreen = process.stdout.isTTY && !json && !once;
  let seen = await look(pid);
  if (isScreen) process.stdout.write(CLEAR + renderTop(seen, style));
  do {
    await sleep(LOOK_EVERY_MS);
    seen = await look(pid, seen);
    const text = json ? `${JSON.stringify(seen)}\n` : renderTop(seen, style);
    process.stdout.write(isScreen ? CLEAR + text : text);
  } while (!once);
}
