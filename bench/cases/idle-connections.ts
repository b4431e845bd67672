/**
 * Row 14: the echo server of row 10 on 64 connections, beside more and more of which nothing comes.
 *
 * An echo should cost the same, however many there are: compare a contender's own figures between the tables.
 */
import { useDefaultCongestionControl } from '../system-settings.js';
import type { Setting, Variant, Workload } from '../workload.js';
import { byEvent, echo, echoParameters, onRing, type Parameters } from './tcp-echo.js';

const IDLE_COUNTS = [10, 1000, 10_000];

async function prepare(setting: Setting): Promise<Variant<Parameters>[]> {
  useDefaultCongestionControl(setting.onEnd);
  return IDLE_COUNTS.map((idleCount) => ({
    row: 'row14',
    title: `TCP echo of 64 B on 64 connections, beside ${idleCount} idle ones`,
    parameters: { ...echoParameters(setting, 64), idleCount },
    goals: [{ contenders: ['ringlet for await'], ratios: { Node: 1.65 } }],
  }));
}

export const workload: Workload<Parameters> = {
  operations: 'echoes',
  judgedBy: 'processor time',
  baselines: [{ title: 'Node', contender: "node:net 'data'" }],
  contenders: [
    { name: "node:net 'data'", run: byEvent },
    { name: 'ringlet for await', run: onRing('loop', echo) },
    { name: 'ringlet sqPoll for await', run: onRing('sqPoll', echo) },
  ],
  prepare,
};
