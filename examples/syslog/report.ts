/** What the demo prints: a few aligned lines about the messages, the ring and its SQ thread. */
import { Ring } from 'ringlet';
import { threadTimes } from './kernel.js';

export interface Outcome {
  senderCount: number;
  /** Messages that the senders were given to send. */
  sentCount: number;
  /** Different messages that are in the file. */
  foundCount: number;
  /** What is wrong with the file, in words; empty when nothing is. */
  faults: readonly string[];
  /** Datagrams that the kernel dropped because the socket's buffer was full. */
  dropCount: number;
  batchCount: number;
  syncCount: number;
  fileBytes: number;
  elapsedMs: number;
  ring: Ring;
}

type Row = [label: string, text: string];

export function printReport(outcome: Outcome): void {
  const { ring } = outcome;
  const rows = [
    ...messageRows(outcome),
    ...(ring.backend === 'node' ? fallbackRows(ring) : ringRows(ring, outcome.elapsedMs)),
  ];
  console.log('Syslog over UDP, collected with ringlet\n');
  for (const [label, text] of rows) console.log(`  ${label.padEnd(14)}${text}`);
  console.log(`\n${verdictOf(outcome)}`);
}

function messageRows(outcome: Outcome): Row[] {
  const { senderCount, foundCount, dropCount, batchCount, syncCount, fileBytes, elapsedMs } = outcome;
  const rate = count((foundCount / elapsedMs) * 1000);
  const perBatch = (foundCount / Math.max(batchCount, 1)).toFixed(0);
  return [
    [
      'messages',
      `${count(foundCount)} from ${senderCount} logger processes, ${count(dropCount)} dropped by the kernel`,
    ],
    ['rate', `${rate} a second for ${(elapsedMs / 1000).toFixed(2)} s, about ${perBatch} a batch`],
    [
      'file',
      `${(fileBytes / 1e6).toFixed(1)} MB in ${count(batchCount)} writes, synced to disk ${syncCount} times`,
    ],
  ];
}

function fallbackRows({ backendReason }: Ring): Row[] {
  return [
    ['ring', 'none: this ran on the fallback, Node’s own dgram and fs'],
    ['why', backendReason ?? 'it was asked for'],
  ];
}

function ringRows(ring: Ring, elapsedMs: number): Row[] {
  const { kind, flags, submissionEntries, completionEntries, degraded } = ring.profile;
  const isKernels = ring.backend === 'io_uring';
  const entries = `${submissionEntries} submission and ${completionEntries} completion entries`;
  const rows: Row[] = [
    ['ring', `${isKernels ? 'io_uring' : 'in user space, on epoll'}, ${kind} profile, ${entries}`],
    ...(ring.backendReason === null ? [] : [['why', ring.backendReason] satisfies Row]),
    ['flags', flags.join(' ')],
  ];
  for (const { what, reason } of degraded) rows.push(['degraded', `${what}: ${reason}`]);
  for (const { name, threads } of Ring.groups()) {
    for (const { threadId, cpu } of threads) {
      const { cpuMs, lastCpu } = threadTimes(threadId);
      const place = cpu === null ? `not pinned, last on CPU ${lastCpu}` : `pinned to CPU ${cpu}`;
      const share = Math.min(100, (cpuMs / elapsedMs) * 100).toFixed(0);
      rows.push(['SQ thread', `group '${name}', thread ${threadId}, ${place}`]);
      rows.push(['', `awake for ${(cpuMs / 1000).toFixed(2)} s of CPU time, ${share} % of the run`]);
    }
  }
  const { completed, enters } = ring.stats();
  if (!isKernels) return [...rows, ['completions', `${count(completed)}, in ${count(enters)} passes`]];
  // Each completion is a datagram or a file operation, and would have been a call of its own at least.
  const avoided = `${count(completed - enters)} avoided`;
  rows.push([
    'system calls',
    `${count(enters)} io_uring_enter for ${count(completed)} completions: ${avoided}`,
  ]);
  return rows;
}

function verdictOf({ sentCount, foundCount, faults, dropCount }: Outcome): string {
  if (faults.length === 0) return `All ${count(sentCount)} messages are in the file, each exactly once.`;
  const lostCount = Math.max(0, sentCount - foundCount - dropCount);
  const first = `The file does NOT hold all ${count(sentCount)} messages exactly once:`;
  const causes = `${count(dropCount)} were dropped by the kernel, ${count(lostCount)} were not sent in time or lost`;
  return [first, causes, ...faults].join('\n  ');
}

function count(number: number): string {
  return Math.round(number).toLocaleString('en');
}
