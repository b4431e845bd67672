/**
 * Row 9: sending datagrams to a socket that nobody reads: the kernel drops what finds its queue full, so
 * sending is all that is measured.
 *
 * Two variants: short datagrams, and segments of 1,400 bytes, which whoever can has the kernel cut from
 * longer ones. Operations are datagrams on the wire in both.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { Stopwatch } from '../measure.js';
import { makeRing } from '../rings.js';
import { type Measurement, type Setting, Unavailable, type Variant, type Workload } from '../workload.js';

interface Parameters {
  /** Of a socket of the run's own process. */
  port: number;
  datagramBytes: number;
  /** Datagrams that a contender with UDP_SEGMENT puts into one message; 1 for none. */
  segmentCount: number;
  warmUpCount: number;
  measuredCount: number;
}

const ADDRESS = '127.0.0.1';
/** Datagrams handed over at once. */
const ROUND = 256;

/** Sends rounds of `roundCount` datagrams until there are enough of them. */
async function measureRounds(
  { warmUpCount, measuredCount }: Parameters,
  roundCount: number,
  send: () => unknown,
): Promise<Measurement> {
  for (let count = 0; count < warmUpCount; count += roundCount) await send();
  const stopwatch = new Stopwatch();
  stopwatch.start();
  let count = 0;
  for (; count < measuredCount; count += roundCount) await send();
  stopwatch.stop();
  return stopwatch.measurement(count);
}

async function builtIn(parameters: Parameters): Promise<Measurement> {
  const { datagramBytes, port } = parameters;
  const socket = createSocket('udp4');
  socket.bind(0, ADDRESS);
  await once(socket, 'listening');
  const data = Buffer.alloc(datagramBytes);
  const measurement = await measureRounds(parameters, ROUND, async () => {
    let pendingCount = ROUND;
    await new Promise<void>((resolve, reject) => {
      const onSent = (error: Error | null): void => {
        if (error) reject(error);
        pendingCount -= 1;
        if (pendingCount === 0) resolve();
      };
      for (let i = 0; i < ROUND; i++) socket.send(data, port, ADDRESS, onSent);
    });
  });
  socket.close();
  return measurement;
}

function onRing(isMany: boolean): (parameters: Parameters) => Promise<Measurement> {
  return async (parameters) => {
    const { DatagramSocket } = await import('ringlet');
    const ring = await makeRing('loop');
    const socket = await DatagramSocket.bind({ address: ADDRESS, ring });
    const { datagramBytes, segmentCount, port } = parameters;
    const remote = { address: ADDRESS, port };
    const data = Buffer.alloc(datagramBytes * segmentCount);
    const options = segmentCount > 1 ? { segmentBytes: datagramBytes } : undefined;
    const messageCount = Math.max(Math.floor(ROUND / segmentCount), 1);
    const messages = Array.from({ length: messageCount }, () => ({ data, remote }));
    const send = (): Promise<unknown> =>
      isMany
        ? socket.sendMany(messages, options)
        : Promise.all(messages.map((message) => socket.send(message.data, message.remote, options)));
    const measurement = await measureRounds(parameters, messageCount * segmentCount, send);
    await ring.close();
    return measurement;
  };
}

/** As much of Bun's API as this needs. */
interface Bun {
  udpSocket(options: object): Promise<{ sendMany(packets: unknown[]): number; close(): void }>;
}

async function onBun(parameters: Parameters): Promise<Measurement> {
  const { Bun } = globalThis as { Bun?: Bun };
  if (Bun === undefined) throw new Unavailable('not running on Bun');
  const socket = await Bun.udpSocket({ hostname: ADDRESS });
  const data = Buffer.alloc(parameters.datagramBytes);
  const packets = Array.from({ length: ROUND }, () => [data, parameters.port, ADDRESS]).flat();
  const measurement = await measureRounds(parameters, ROUND, () => {
    if (socket.sendMany(packets) !== ROUND) throw new Error('not all of them were sent');
  });
  socket.close();
  return measurement;
}

async function prepare({ isQuick }: Setting): Promise<Variant<Parameters>[]> {
  // Not by Node, which reads what comes whether anybody wants it or not. It ends with the run.
  const { DatagramSocket } = await import('ringlet');
  const receiver = await DatagramSocket.bind({ address: ADDRESS, ring: await makeRing('loop') });
  const { port } = receiver.address;
  const scale = isQuick ? 0.1 : 1;
  const counts = { port, warmUpCount: 100_000 * scale, measuredCount: 800_000 * scale };
  return [
    {
      row: 'row9',
      title: 'UDP send, 64 B datagrams',
      parameters: { datagramBytes: 64, segmentCount: 1, ...counts },
      goals: [{ contenders: ['ringlet sendMany'], ratios: { Node: 1.5, C: 0.92, Bun: 1 } }],
    },
    {
      row: 'row9',
      title: 'UDP send, 1,400 B datagrams, cut from 64 KB where that can be had (UDP_SEGMENT)',
      // A message is 46 of them: the same number takes far fewer calls, and code needs calls to get warm.
      parameters: { ...counts, datagramBytes: 1400, segmentCount: 46, warmUpCount: counts.warmUpCount * 6 },
      goals: [{ contenders: ['ringlet send', 'ringlet sendMany'], ratios: { Node: 7, C: 0.9 } }],
    },
  ];
}

export const workload: Workload<Parameters> = {
  operations: 'datagrams',
  baselines: [
    { title: 'Node', contender: 'node:dgram send' },
    { title: 'C', contender: 'C, sendmmsg' },
    { title: 'Bun', contender: 'Bun sendMany' },
  ],
  contenders: [
    { name: 'node:dgram send', run: builtIn },
    { name: 'Bun sendMany', runtime: 'bun', run: onBun },
    { name: 'ringlet send', run: onRing(false) },
    { name: 'ringlet sendMany', run: onRing(true) },
    {
      name: 'C, sendmmsg',
      native: {
        program: 'send-many',
        arguments: (p) => [p.port, p.warmUpCount, p.measuredCount, p.datagramBytes, p.segmentCount],
      },
    },
  ],
  prepare,
};
