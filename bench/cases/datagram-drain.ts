/**
 * Row 7: draining datagrams that are already queued in the socket, by message and by batch.
 *
 * A round binds a socket, has another process fill it while this one's event loop stands still, and then
 * times the drain alone. The queue must hold a whole round: the run raises the system's limit on receive
 * buffers where it may and restores it, and elsewhere makes the rounds smaller.
 */
import { execFileSync, spawn } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { on, once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DatagramMessage, DatagramSocket } from 'ringlet';
import { type BunDatagramSocket, bun } from '../bun.js';
import { Stopwatch } from '../measure.js';
import { raiseReceiveLimit, receivingSocket } from '../system-settings.js';
import { makeRing, type RingName } from '../rings.js';
import type { Measurement, Setting, Variant, Workload } from '../workload.js';

export interface Parameters {
  /** The compiled bench/native/send-datagrams.c. */
  sender: string;
  datagramCount: number;
  datagramBytes: number;
  receiveBufferBytes: number;
  warmUpRounds: number;
  measuredRounds: number;
}

const DATAGRAM_COUNT = 20_000;
const DATAGRAM_BYTES = 64;
/** What the kernel charges the socket for one such datagram, at most: the buffer and its bookkeeping. */
const CHARGED_BYTES = 1280;

/** Takes one round's datagrams off a socket, checking each one's payload. */
type Drain<Source> = (source: Source, count: number, check: (payload: Buffer) => void) => Promise<void>;

/**
 * A process that has the sender fill queues. Not a child a round: a fork leaves all pages of this process to be
 * faulted in again, which takes milliseconds of what is measured. The program in C starts its sender by vfork.
 */
class QueueFiller {
  readonly #requests: number;
  readonly #replies: number;
  readonly #reply = Buffer.alloc(1);

  constructor({ sender, datagramCount, datagramBytes }: Parameters) {
    const directory = mkdtempSync(join(tmpdir(), 'ringlet-bench-filler-'));
    const paths = ['requests', 'replies'].map((name) => join(directory, name));
    execFileSync('mkfifo', paths);
    const script = 'while read port; do "$0" "$port" "$1" "$2" && echo || exit; done <"$3" >"$4"';
    const argv = ['-c', script, sender, String(datagramCount), String(datagramBytes), ...paths];
    spawn('sh', argv, { stdio: ['ignore', 'ignore', 'inherit'] }).unref();
    // Each waits until the other side opens it too.
    this.#requests = openSync(paths[0] as string, 'w');
    this.#replies = openSync(paths[1] as string, 'r');
    rmSync(directory, { recursive: true });
  }

  /** Fills the socket's queue and returns when all of it is there. Blocks, so that nothing is read meanwhile. */
  fill(port: number): void {
    writeSync(this.#requests, `${port}\n`);
    if (readSync(this.#replies, this.#reply) === 0) throw new Error('the sender has failed');
    const droppedCount = droppedOn(port);
    if (droppedCount > 0)
      throw new Error(`the receive buffer is too small: ${droppedCount} datagrams dropped`);
  }

  /** At the end of the requests the shell ends. */
  close(): void {
    closeSync(this.#requests);
    closeSync(this.#replies);
  }
}

/** The kernel's count of datagrams that found the queue of a local IPv4 port full. */
function droppedOn(port: number): number {
  const portHex = port.toString(16).toUpperCase().padStart(4, '0');
  for (const line of readFileSync('/proc/net/udp', 'utf8').split('\n')) {
    const fields = line.trim().split(/\s+/);
    if (fields[1]?.endsWith(`:${portHex}`)) return Number(fields.at(-1));
  }
  throw new Error(`no socket is bound to port ${port}`);
}

/** Checks that the payloads are the ones sent, in order, none missing. */
function payloadCheck(datagramBytes: number): (payload: Buffer) => void {
  let expected = 0;
  return (payload) => {
    if (payload.length !== datagramBytes) throw new Error(`datagram ${expected}: ${payload.length} bytes`);
    const number = payload.readUInt32LE(0);
    if (number !== expected) throw new Error(`datagram ${expected} is missing: ${number} came`);
    expected += 1;
  };
}

async function measureRounds<Source>(
  parameters: Parameters,
  bind: () => Promise<{ socket: Source; port: number; close: () => Promise<void> }>,
  drain: Drain<Source>,
): Promise<Measurement> {
  const { datagramCount, datagramBytes, warmUpRounds, measuredRounds } = parameters;
  const filler = new QueueFiller(parameters);
  let stopwatch = new Stopwatch();
  for (let round = 0; round < warmUpRounds + measuredRounds; round++) {
    if (round === warmUpRounds) stopwatch = new Stopwatch();
    const { socket, port, close } = await bind();
    const check = payloadCheck(datagramBytes);
    filler.fill(port);
    stopwatch.start();
    await drain(socket, datagramCount, check);
    stopwatch.stop();
    await close();
  }
  filler.close();
  return stopwatch.measurement(measuredRounds * datagramCount);
}

/** @param load where `createSocket` comes from: Node's own by default. */
export function builtIn(
  drain: Drain<Socket>,
  load = async (): Promise<{ createSocket: typeof createSocket }> => ({ createSocket }),
): (parameters: Parameters) => Promise<Measurement> {
  return async (parameters) => {
    const module = await load();
    return measureRounds(
      parameters,
      async () => {
        const socket = module.createSocket(receivingSocket(parameters.receiveBufferBytes));
        socket.bind(0, '127.0.0.1');
        await once(socket, 'listening');
        const close = async (): Promise<void> => {
          socket.close();
          await once(socket, 'close');
        };
        return { socket, port: socket.address().port, close };
      },
      drain,
    );
  };
}

/** What comes is handed to a function from the first turn on: that is nothing to be called as a reader. */
export async function onBun(parameters: Parameters): Promise<Measurement> {
  let onDatagram = (_payload: Buffer): void => {};
  const drain: Drain<BunDatagramSocket> = (_socket, count, check) =>
    byFunction(count, check, (receiver) => {
      onDatagram = receiver;
    });
  return measureRounds(
    parameters,
    async () => {
      const socket = await bun().udpSocket({
        hostname: '127.0.0.1',
        socket: { data: (_socket, payload) => onDatagram(payload) },
      });
      return { socket, port: socket.port, close: async () => socket.close() };
    },
    drain,
  );
}

function onRing(
  name: RingName,
  drain: Drain<DatagramSocket>,
): (parameters: Parameters) => Promise<Measurement> {
  return async (parameters) => {
    const { DatagramSocket } = await import('ringlet');
    const ring = await makeRing(name);
    const { receiveBufferBytes } = parameters;
    const measurement = await measureRounds(
      parameters,
      async () => {
        const socket = await DatagramSocket.bind({ address: '127.0.0.1', ring, receiveBufferBytes });
        return { socket, port: socket.address.port, close: () => socket.close() };
      },
      drain,
    );
    await ring.close();
    return measurement;
  };
}

/** Has `listen` call a function with each payload, until there were so many. */
function byFunction(
  count: number,
  check: (payload: Buffer) => void,
  listen: (receiver: (payload: Buffer) => void) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let receivedCount = 0;
    listen((payload) => {
      try {
        check(payload);
      } catch (error) {
        reject(error);
      }
      receivedCount += 1;
      if (receivedCount === count) resolve();
    });
  });
}

/** The fastest way that Node has: an event a message. */
export const byEvent: Drain<Pick<Socket, 'on'>> = (socket, count, check) =>
  byFunction(count, check, (receiver) => socket.on('message', receiver));

/** Node's own way to await messages one by one. */
async function byEventIterator(
  socket: Socket,
  count: number,
  check: (payload: Buffer) => void,
): Promise<void> {
  let receivedCount = 0;
  for await (const [payload] of on(socket, 'message')) {
    check(payload as Buffer);
    receivedCount += 1;
    if (receivedCount === count) break;
  }
}

async function takeEach(
  messages: AsyncIterable<DatagramMessage>,
  count: number,
  check: (payload: Buffer) => void,
): Promise<void> {
  let receivedCount = 0;
  for await (const message of messages) {
    check(message.data);
    message.release();
    receivedCount += 1;
    if (receivedCount === count) break;
  }
}

async function takeBatches(
  batches: AsyncIterable<DatagramMessage[]>,
  count: number,
  check: (payload: Buffer) => void,
): Promise<void> {
  let receivedCount = 0;
  for await (const batch of batches) {
    for (const message of batch) {
      check(message.data);
      message.release();
    }
    receivedCount += batch.length;
    if (receivedCount >= count) break;
  }
}

const byMessage: Drain<DatagramSocket> = (socket, count, check) => takeEach(socket, count, check);
const byBatch: Drain<DatagramSocket> = (socket, count, check) => takeBatches(socket.batches(), count, check);
const byLeasedBatch: Drain<DatagramSocket> = (socket, count, check) =>
  takeBatches(socket.batches({ lease: true }), count, check);

/** What all variants have, by how large a buffer the system allows. */
export function drainParameters({ isQuick, compile, onEnd }: Setting): Parameters {
  const receiveBufferBytes = raiseReceiveLimit(DATAGRAM_COUNT * CHARGED_BYTES, onEnd);
  // The kernel doubles what is asked for, to pay for its bookkeeping; one factor is left as a margin.
  const datagramCount = Math.min(DATAGRAM_COUNT, Math.floor(receiveBufferBytes / CHARGED_BYTES));
  return {
    sender: compile('send-datagrams'),
    datagramCount,
    datagramBytes: DATAGRAM_BYTES,
    receiveBufferBytes,
    warmUpRounds: isQuick ? 1 : 20,
    measuredRounds: isQuick ? 1 : 10 * Math.ceil(DATAGRAM_COUNT / datagramCount),
  };
}

async function prepare(setting: Setting): Promise<Variant<Parameters>[]> {
  const parameters = drainParameters(setting);
  const { datagramCount } = parameters;
  return [
    {
      row: 'row7',
      title: `UDP receive, draining ${datagramCount} queued datagrams of ${DATAGRAM_BYTES} B`,
      parameters,
      goals: [
        { contenders: ['ringlet for await', 'ringlet sqPoll for await'], ratios: { Node: 2 } },
        { contenders: ['ringlet batches', 'ringlet sqPoll batches'], ratios: { Node: 3, C: 0.75 } },
        { contenders: ['ringlet leased batches'], ratios: { Node: 3.5 } },
        { contenders: ['ringlet, epoll for await'], ratios: { Node: 2.2 } },
        { contenders: ['ringlet, epoll batches'], ratios: { Node: 2.5 } },
        { contenders: ['ringlet, epoll leased batches'], ratios: { Node: 2.8 } },
      ],
    },
  ];
}

export const workload: Workload<Parameters> = {
  operations: 'datagrams',
  baselines: [
    { title: 'Node', contender: "node:dgram 'message'" },
    { title: 'C', contender: 'C, liburing' },
    { title: 'Bun', contender: 'Bun.udpSocket' },
  ],
  contenders: [
    { name: "node:dgram 'message'", run: builtIn(byEvent) },
    { name: 'node:dgram for await', run: builtIn(byEventIterator) },
    { name: 'ringlet for await', run: onRing('loop', byMessage) },
    { name: 'ringlet batches', run: onRing('loop', byBatch) },
    { name: 'ringlet leased batches', run: onRing('loop', byLeasedBatch) },
    { name: 'ringlet sqPoll for await', run: onRing('sqPoll', byMessage) },
    { name: 'ringlet sqPoll batches', run: onRing('sqPoll', byBatch) },
    { name: 'ringlet, epoll for await', run: onRing('epoll', byMessage) },
    { name: 'ringlet, epoll batches', run: onRing('epoll', byBatch) },
    { name: 'ringlet, epoll leased batches', run: onRing('epoll', byLeasedBatch) },
    { name: 'ringlet on node for await', run: onRing('node', byMessage) },
    { name: 'Bun.udpSocket', runtime: 'bun', run: onBun },
    { name: "Deno, node:dgram 'message'", runtime: 'deno', run: builtIn(byEvent) },
    {
      name: 'C, liburing',
      native: {
        program: 'datagram-drain',
        arguments: (p) => [
          p.sender,
          p.datagramCount,
          p.datagramBytes,
          p.receiveBufferBytes,
          p.warmUpRounds,
          p.measuredRounds,
        ],
      },
    },
  ],
  prepare,
};
