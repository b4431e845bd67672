/**
 * Row 9: sending datagrams to a socket that is never read: the kernel drops what finds its queue full, so
 * sending is all that is measured.
 *
 * Two variants: short datagrams, and segments of 1,400 bytes, which contenders that can have the kernel cut from
 * longer ones. Operations are datagrams on the wire in both.
 */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { promisify } from 'node:util';
import { bun } from '../bun.js';
import { Stopwatch } from '../measure.js';
import { makeRing, type RingName } from '../rings.js';
import { type Measurement, type Setting, Unavailable, type Variant, type Workload } from '../workload.js';

interface Parameters {
  /** Of a socket of the run's own process. */
  port: number;
  datagramBytes: number;
  /** Datagrams that a contender with UDP_SEGMENT puts into one message; 1 for none. */
  segmentCount: number;
  /** Messages, so that each contender does as much by which code gets warm. */
  warmUpMessages: number;
  measuredMessages: number;
}

type Send = (onSent: (error: Error | null) => void) => void;

const ADDRESS = '127.0.0.1';
/** Datagrams handed over at once. */
const ROUND = 256;

/**
 * Sends rounds until there are enough messages.
 *
 * @param send returns how many messages it has sent.
 * @param segmentCount datagrams that each message becomes.
 */
async function measureRounds(
  { warmUpMessages, measuredMessages }: Parameters,
  segmentCount: number,
  send: () => number | Promise<number>,
): Promise<Measurement> {
  for (let count = 0; count < warmUpMessages; ) count += await send();
  const stopwatch = new Stopwatch();
  stopwatch.start();
  let count = 0;
  while (count < measuredMessages) count += await send();
  stopwatch.stop();
  return stopwatch.measurement(count * segmentCount);
}

function builtIn(
  sendRound: (send: Send) => Promise<unknown>,
): (parameters: Parameters) => Promise<Measurement> {
  return async (parameters) => {
    const { datagramBytes, port } = parameters;
    const socket = createSocket('udp4');
    socket.bind(0, ADDRESS);
    await once(socket, 'listening');
    const data = Buffer.alloc(datagramBytes);
    const send: Send = (onSent) => socket.send(data, port, ADDRESS, onSent);
    const measurement = await measureRounds(parameters, 1, async () => {
      await sendRound(send);
      return ROUND;
    });
    socket.close();
    return measurement;
  };
}

/** The fastest way that Node has: a callback a datagram. */
function byCallback(send: Send): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    let pendingCount = ROUND;
    const onSent = (error: Error | null): void => {
      if (error) reject(error);
      pendingCount -= 1;
      if (pendingCount === 0) resolve();
    };
    for (let i = 0; i < ROUND; i++) send(onSent);
  });
}

/** In the style of ringlet's contenders: a promise a datagram. */
function byPromise(send: Send): Promise<unknown> {
  const sendOne = promisify(send);
  return Promise.all(Array.from({ length: ROUND }, () => sendOne()));
}

function onRing(name: RingName, isMany: boolean): (parameters: Parameters) => Promise<Measurement> {
  return async (parameters) => {
    const { datagramBytes, segmentCount, port } = parameters;
    if (name === 'node' && segmentCount > 1) throw new Unavailable('Node has no UDP_SEGMENT');
    const { DatagramSocket } = await import('ringlet');
    const ring = await makeRing(name);
    const socket = await DatagramSocket.bind({ address: ADDRESS, ring });
    const remote = { address: ADDRESS, port };
    const data = Buffer.alloc(datagramBytes * segmentCount);
    const options = segmentCount > 1 ? { segmentBytes: datagramBytes } : undefined;
    const messageCount = Math.max(Math.floor(ROUND / segmentCount), 1);
    const messages = Array.from({ length: messageCount }, () => ({ data, remote }));
    const sendEach = async (): Promise<number> => {
      await Promise.all(messages.map((message) => socket.send(message.data, message.remote, options)));
      return messageCount;
    };
    const send = isMany ? () => socket.sendMany(messages, options) : sendEach;
    const measurement = await measureRounds(parameters, segmentCount, send);
    await ring.close();
    return measurement;
  };
}

async function onBun(parameters: Parameters): Promise<Measurement> {
  const socket = await bun().udpSocket({ hostname: ADDRESS });
  const data = Buffer.alloc(parameters.datagramBytes);
  const packets = Array.from({ length: ROUND }, () => [data, parameters.port, ADDRESS]).flat();
  // Fewer where the socket's buffer is full: it has room again soon.
  const measurement = await measureRounds(parameters, 1, () => socket.sendMany(packets) || nextTurn(0));
  socket.close();
  return measurement;
}

async function prepare({ isQuick, onEnd }: Setting): Promise<Variant<Parameters>[]> {
  // Not by Node, which reads what comes whether it is wanted or not; on whatever ring can be had.
  const { DatagramSocket, Ring } = await import('ringlet');
  const receiver = await DatagramSocket.bind({ address: ADDRESS, ring: new Ring() });
  // Or it would be closed with the first garbage that is collected, and a closed port answers.
  onEnd(() => void receiver.close());
  const { port } = receiver.address;
  const scale = isQuick ? 0.1 : 1;
  return [
    {
      row: 'row9',
      title: 'UDP send, 64 B datagrams',
      parameters: {
        port,
        datagramBytes: 64,
        segmentCount: 1,
        warmUpMessages: 400_000 * scale,
        measuredMessages: 800_000 * scale,
      },
      goals: [
        { contenders: ['ringlet sendMany'], ratios: { Node: 1.5, C: 0.92, Bun: 1 } },
        { contenders: ['ringlet, epoll sendMany'], ratios: { Node: 1.5 } },
      ],
    },
    {
      row: 'row9',
      title: 'UDP send, 1,400 B datagrams, cut from 64 KB where that can be had (UDP_SEGMENT)',
      parameters: {
        port,
        datagramBytes: 1400,
        segmentCount: 46,
        warmUpMessages: 100_000 * scale,
        measuredMessages: 200_000 * scale,
      },
      goals: [
        { contenders: ['ringlet send', 'ringlet sendMany'], ratios: { Node: 7, C: 0.9 } },
        { contenders: ['ringlet, epoll sendMany'], ratios: { Node: 7 } },
      ],
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
    { name: 'node:dgram send', run: builtIn(byCallback) },
    { name: 'node:dgram send, awaited', run: builtIn(byPromise) },
    { name: 'Bun sendMany', runtime: 'bun', run: onBun },
    { name: 'ringlet send', run: onRing('loop', false) },
    { name: 'ringlet sendMany', run: onRing('loop', true) },
    { name: 'ringlet, epoll send', run: onRing('epoll', false) },
    { name: 'ringlet, epoll sendMany', run: onRing('epoll', true) },
    { name: 'ringlet on node send', run: onRing('node', false) },
    { name: 'ringlet on node sendMany', run: onRing('node', true) },
    {
      name: 'C, sendmmsg',
      native: {
        program: 'send-many',
        arguments: (p) => [
          p.port,
          p.warmUpMessages * p.segmentCount,
          p.measuredMessages * p.segmentCount,
          p.datagramBytes,
          p.segmentCount,
        ],
      },
    },
  ],
  prepare,
};
