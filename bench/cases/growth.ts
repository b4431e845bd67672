/**
 * Row 14: the echo server of row 10 on 64 connections, beside more and more of what nothing comes of: connections,
 * watches, timers, datagram sockets. An echo should cost the same, however many there are.
 */
import { GROWTH_COUNTS, type Idle } from '../idle.js';
import { useDefaultCongestionControl } from '../system-settings.js';
import type { Setting, Variant, Workload } from '../workload.js';
import { byEvent, echo, echoParameters, onRing, type Parameters } from './tcp-echo.js';

const IDLES: readonly Idle[] = ['connections', 'watches', 'timers', 'datagram sockets'];

async function prepare(setting: Setting): Promise<Variant<Parameters>[]> {
  useDefaultCongestionControl(setting.onEnd);
  // A smoke run sees that all can be had.
  const counts = setting.isQuick ? [100] : GROWTH_COUNTS;
  return IDLES.flatMap((idle) =>
    counts.map((idleCount) => ({
      row: 'row14',
      title: `TCP echo of 64 B on 64 connections, beside ${idleCount} idle ${idle}`,
      parameters: { ...echoParameters(setting, 64), idle, idleCount },
      goals: [],
      growth: { of: `idle ${idle}`, count: idleCount },
    })),
  );
}

export const workload: Workload<Parameters> = {
  operations: 'echoes',
  judgedBy: 'processor time',
  baselines: [{ title: 'Node', contender: "node:net 'data'" }],
  contenders: [
    { name: "node:net 'data'", run: byEvent },
    { name: 'ringlet for await', run: onRing('loop', echo) },
    { name: 'ringlet sqPoll for await', run: onRing('sqPoll', echo) },
    { name: 'ringlet, epoll for await', run: onRing('epoll', echo) },
  ],
  prepare,
};
