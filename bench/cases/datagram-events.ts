/** Row 19: the drain of row 7 by the events of node:dgram, with Node's sockets and with those of `ringlet/dgram`. */
import type { createSocket } from 'node:dgram';
import type { Setting, Variant, Workload } from '../workload.js';
import { builtIn, byEvent, drainParameters, onBun, type Parameters } from './datagram-drain.js';

const dropIn = async (): Promise<{ createSocket: typeof createSocket }> =>
  (await import('ringlet/dgram')) as unknown as { createSocket: typeof createSocket };

async function prepare(setting: Setting): Promise<Variant<Parameters>[]> {
  const parameters = drainParameters(setting);
  return [
    {
      row: 'row19',
      title: `UDP receive by events, draining ${parameters.datagramCount} queued datagrams of 64 B`,
      parameters,
      goals: [{ contenders: ["ringlet/dgram 'message'", 'ringlet/register'], ratios: { Node: 2.5 } }],
    },
  ];
}

export const workload: Workload<Parameters> = {
  operations: 'datagrams',
  baselines: [
    { title: 'Node', contender: "node:dgram 'message'" },
    { title: 'Bun', contender: 'Bun.udpSocket' },
  ],
  contenders: [
    { name: "node:dgram 'message'", run: builtIn(byEvent) },
    { name: "ringlet/dgram 'message'", run: builtIn(byEvent, dropIn) },
    { name: 'ringlet/register', isRegistered: true, run: builtIn(byEvent) },
    { name: 'Bun.udpSocket', runtime: 'bun', run: onBun },
  ],
  prepare,
};
