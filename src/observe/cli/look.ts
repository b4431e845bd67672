/** Looks at the programs that show their rings, and works out what happened between two looks. */
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { SqPollThread } from '../../native/sq-poll-groups.js';
import { type RingSnapshot, type Snapshot, socketFolder } from '../exposure.js';
import { COUNTERS } from '../metrics.js';

/** A program that is stopped or busy answers late; the others are shown meanwhile. */
const ANSWER_TIMEOUT_MS = 500;
/** USER_HZ, in which /proc counts processor time. */
const TICKS_PER_SECOND = 100;

/** A ring, and by how much its counters grew a second. */
export interface RingRates extends RingSnapshot {
  /** By the names of the counters in `RingStats`; without those before the second look. */
  perSecond: Partial<Record<(typeof COUNTERS)[number], number>>;
}

/** A thread of an SQ-poll group. */
interface SqThreadRates extends SqPollThread {
  group: string;
  /** Seconds of processor time that it has had. */
  cpuSeconds: number;
  /** Of one CPU, 0 to 1; undefined before the second look. */
  cpuShare: number | undefined;
}

/** The rings of one thread of a program, and the SQ-poll threads of its process. */
export interface ThreadRates extends Omit<Snapshot, 'rings' | 'groups'> {
  rings: RingRates[];
  sqThreads: SqThreadRates[];
}

/** What the socket at `path` has to say; undefined where there is no answer. */
function ask(path: string): Promise<Snapshot | undefined> {
  return new Promise((resolve) => {
    let text = '';
    const socket = connect(path);
    socket.setEncoding('utf8');
    socket.setTimeout(ANSWER_TIMEOUT_MS, () => socket.destroy());
    socket.on('data', (part: string) => {
      text += part;
    });
    socket.on('error', ({ code }: NodeJS.ErrnoException) => {
      // Its program was killed.
      if (code === 'ECONNREFUSED') rmSync(path, { force: true });
    });
    socket.on('close', () => resolve(text.endsWith('\n') ? (JSON.parse(text) as Snapshot) : undefined));
  });
}

/** 0 where the thread is gone. */
function cpuSecondsOf(pid: number, threadId: number): number {
  try {
    // After the name, which may have spaces and brackets of its own.
    const fields = readFileSync(`/proc/${pid}/task/${threadId}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  } catch {
    return 0;
  }
}

function ratesOf(now: Snapshot, before: ThreadRates | undefined): ThreadRates {
  const seconds = before === undefined ? 0 : (now.atMs - before.atMs) / 1000;
  const rings = now.rings.map((ring): RingRates => {
    const earlier = before?.rings.find(({ name }) => name === ring.name);
    const perSecond: RingRates['perSecond'] = {};
    if (earlier !== undefined) {
      for (const key of COUNTERS) perSecond[key] = (ring.stats[key] - earlier.stats[key]) / seconds;
    }
    return { ...ring, perSecond };
  });
  const sqThreads = now.groups.flatMap(({ name, threads }) =>
    threads.map((thread): SqThreadRates => {
      const { threadId } = thread;
      const cpuSeconds = cpuSecondsOf(now.pid, threadId);
      const earlier = before?.sqThreads.find((each) => each.threadId === threadId);
      const cpuShare = earlier === undefined ? undefined : (cpuSeconds - earlier.cpuSeconds) / seconds;
      return { ...thread, group: name, cpuSeconds, cpuShare };
    }),
  );
  return { ...now, rings, sqThreads };
}

/**
 * All threads that answer, or those of one process.
 *
 * @param before what the look before returned: rates are of the time since then.
 */
export async function look(
  pid: number | undefined,
  before: readonly ThreadRates[] = [],
): Promise<ThreadRates[]> {
  const folder = socketFolder();
  const names = readdirSync(folder).filter((name) => pid === undefined || name.startsWith(`${pid}-`));
  const answers = await Promise.all(names.sort().map((name) => ask(join(folder, name))));
  return answers
    .filter((answer) => answer !== undefined)
    .map((now) =>
      ratesOf(
        now,
        before.find((each) => each.pid === now.pid && each.threadId === now.threadId),
      ),
    );
}
