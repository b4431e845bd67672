/** What there can be many of that nothing comes of, for rows that measure what it costs others. */
import { execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { constants, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Ring } from 'ringlet';
import { Unavailable } from './workload.js';

export type Idle = 'connections' | 'watches' | 'timers' | 'datagram sockets';

interface Parameters {
  idle?: Idle;
  idleCount?: number;
}

/** How many, from few to many. */
export const GROWTH_COUNTS = [10, 100, 1000, 10_000];
const HOSTNAME = '127.0.0.1';
const LATER_MS = 3_600_000;

export async function makeIdleOnNode({ idle, idleCount = 0 }: Parameters): Promise<void> {
  if (idle === 'watches') throw new Unavailable('Node has no watches of descriptors');
  for (let index = 0; index < idleCount; index++) {
    if (idle === 'timers') setTimeout(() => {}, LATER_MS + index).unref();
    if (idle !== 'datagram sockets') continue;
    const socket = createSocket('udp4').on('message', () => {});
    socket.bind(0, HOSTNAME).unref();
    await once(socket, 'listening');
  }
}

/** Descriptors of a pipe that nothing is written to. */
function silentDescriptors(count: number): number[] {
  const directory = mkdtempSync(join(tmpdir(), 'ringlet-bench-idle-'));
  const path = join(directory, 'pipe');
  execFileSync('mkfifo', [path]);
  const flags = constants.O_RDWR | constants.O_NONBLOCK;
  const descriptors = Array.from({ length: count }, () => openSync(path, flags));
  rmSync(directory, { recursive: true });
  return descriptors;
}

/** All of them end with the ring. */
export async function makeIdleOnRing(ring: Ring, { idle, idleCount = 0 }: Parameters): Promise<void> {
  const { DatagramSocket } = await import('ringlet');
  const next = (source: AsyncIterator<unknown>): void => void source.next().catch(() => {});
  if (idle === 'watches') for (const fd of silentDescriptors(idleCount)) next(ring.watch(fd, ['readable']));
  for (let index = 0; index < idleCount; index++) {
    if (idle === 'timers') next(ring.interval(LATER_MS + index));
    if (idle === 'datagram sockets') {
      next((await DatagramSocket.bind({ address: HOSTNAME, ring })).batches());
    }
  }
}

/** Ends the process once its measurement is printed: to close ten thousand of something is not what is measured. */
export function endSoon({ idle }: Parameters): void {
  if (idle !== undefined) setImmediate(() => process.exit());
}
