/**
 * Row 8: receiving datagrams that come one by one, at a steady rate that no contender has trouble with.
 *
 * What counts is the processor time of each, so the "seconds" of this case are the processor's: the rates in
 * its table are datagrams a CPU second.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket, type Socket } from 'node:dgram';
import { on, once } from 'node:events';
import { bun } from '../bun.js';
import { LatencySamples } from '../latency.js';
import { raiseReceiveLimit, receivingSocket } from '../system-settings.js';
import { makeRing, type RingName } from '../rings.js';
import type { Measurement, Setting, Variant, Workload } from '../workload.js';

interface Parameters {
  /** The compiled bench/native/send-steadily.c. */
  sender: string;
  datagramCount: number;
  datagramBytes: number;
  /** Datagrams a second. */
  rate: number;
}

/** What the sender numbers its last datagrams with. */
const END = 0xffffffff;
/** Where it puts the time of each. Not the monotonic clock's, which Bun and Deno do not show. */
const LEFT_AT = 8;
/** When `performance.now()` was 0. */
const SINCE_1970_MS = performance.timeOrigin;
/** One datagram in so many is looked at for its latency, so that this costs nothing that shows. */
const SAMPLE_INTERVAL = 16;
/**
 * A tenth of a second of the higher rate: with less, a receiver that the machine does not let run for a moment
 * loses some, and then it has less to do.
 */
const RECEIVE_BUFFER_BYTES = 16 << 20;

function startSender(port: number, { sender, datagramCount, datagramBytes, rate }: Parameters): ChildProcess {
  const parameters = [port, datagramCount, datagramBytes, rate].map(String);
  return spawn(sender, parameters, { stdio: 'ignore' });
}

/** Counts what comes, and the processor's time from a third of it on: what compiles is no matter of the rate. */
class Meter {
  readonly #warmCount: number;
  readonly #samples = new LatencySamples();
  #count = 0;
  #countBefore = 0;
  #before = process.cpuUsage();

  constructor({ datagramCount }: Parameters) {
    this.#warmCount = datagramCount / 3;
  }

  /** Returns whether it is one of the last. */
  isLast(payload: Buffer): boolean {
    if (this.#countBefore === 0 && this.#count >= this.#warmCount) {
      this.#countBefore = this.#count;
      this.#before = process.cpuUsage();
    }
    this.#count += 1;
    if (payload.readUInt32LE(0) === END) return true;
    if (this.#countBefore > 0 && this.#count % SAMPLE_INTERVAL === 0) {
      this.#samples.add((SINCE_1970_MS + performance.now() - payload.readDoubleLE(LEFT_AT)) * 1000);
    }
    return false;
  }

  read({ datagramCount }: Parameters): Measurement {
    const { user, system } = process.cpuUsage(this.#before);
    if (this.#count < datagramCount * 0.95) {
      throw new Error(`only ${this.#count} of ${datagramCount} came: the rate is too high here`);
    }
    const cpuUs = user + system;
    const operationCount = this.#count - this.#countBefore;
    return { operationCount, elapsedNs: cpuUs * 1000, cpuUs, latencyUs: this.#samples.percentiles() };
  }
}

/** Runs `receive`, which resolves at the last datagram, beside the sender. */
async function measure(
  port: number,
  parameters: Parameters,
  receive: (meter: Meter) => Promise<void>,
): Promise<Measurement> {
  const child = startSender(port, parameters);
  const ended = once(child, 'exit');
  const meter = new Meter(parameters);
  await receive(meter);
  const measurement = meter.read(parameters);
  await ended;
  return measurement;
}

async function onNode(
  parameters: Parameters,
  receive: (socket: Socket, meter: Meter) => Promise<void>,
): Promise<Measurement> {
  const socket = createSocket(receivingSocket(RECEIVE_BUFFER_BYTES));
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const measurement = await measure(socket.address().port, parameters, (meter) => receive(socket, meter));
  socket.close();
  return measurement;
}

function byEvent(parameters: Parameters): Promise<Measurement> {
  return onNode(
    parameters,
    (socket, meter) =>
      new Promise((resolve) => {
        socket.on('message', (payload: Buffer) => {
          if (meter.isLast(payload)) resolve();
        });
      }),
  );
}

function byEventIterator(parameters: Parameters): Promise<Measurement> {
  return onNode(parameters, async (socket, meter) => {
    for await (const [payload] of on(socket, 'message')) if (meter.isLast(payload as Buffer)) break;
  });
}

async function onBun(parameters: Parameters): Promise<Measurement> {
  let onDatagram = (_payload: Buffer): void => {};
  const socket = await bun().udpSocket({
    hostname: '127.0.0.1',
    socket: { data: (_socket, payload) => onDatagram(payload) },
  });
  const receive = (meter: Meter): Promise<void> =>
    new Promise((resolve) => {
      onDatagram = (payload) => {
        if (meter.isLast(payload)) resolve();
      };
    });
  const measurement = await measure(socket.port, parameters, receive);
  socket.close();
  return measurement;
}

function onRing(name: RingName, isBatched: boolean): (parameters: Parameters) => Promise<Measurement> {
  return async (parameters) => {
    const { DatagramSocket } = await import('ringlet');
    const ring = await makeRing(name);
    const socket = await DatagramSocket.bind({
      address: '127.0.0.1',
      receiveBufferBytes: RECEIVE_BUFFER_BYTES,
      ring,
    });
    const receive = async (meter: Meter): Promise<void> => {
      for await (const { data } of socket) if (meter.isLast(data)) break;
    };
    const receiveBatches = async (meter: Meter): Promise<void> => {
      for await (const batch of socket.batches()) {
        if (batch.some(({ data }) => meter.isLast(data))) break;
      }
    };
    const measurement = await measure(socket.address.port, parameters, isBatched ? receiveBatches : receive);
    await ring.close();
    return measurement;
  };
}

/** One that wakes a receiver for each datagram, and one at which the next comes within a turn of the loop. */
const RATES = [30_000, 100_000];

async function prepare({ isQuick, compile, onEnd }: Setting): Promise<Variant<Parameters>[]> {
  raiseReceiveLimit(RECEIVE_BUFFER_BYTES, onEnd);
  const sender = compile('send-steadily');
  // A smoke run must not fail where a contender is too slow for the higher one.
  const rates = isQuick ? RATES.slice(0, 1) : RATES;
  return rates.map((rate) => ({
    row: 'row8',
    title: `UDP receive at a steady ${rate} a second of 64 B, datagrams a CPU second`,
    parameters: { sender, datagramCount: isQuick ? rate / 4 : rate * 3, datagramBytes: 64, rate },
    goals: [{ contenders: ['ringlet for await', 'ringlet batches'], ratios: { Node: 2, C: 0.8 } }],
  }));
}

export const workload: Workload<Parameters> = {
  operations: 'datagrams',
  baselines: [
    { title: 'Node', contender: "node:dgram 'message'" },
    { title: 'C', contender: 'C, liburing' },
    { title: 'Bun', contender: 'Bun.udpSocket' },
  ],
  contenders: [
    { name: "node:dgram 'message'", run: byEvent },
    { name: 'node:dgram for await', run: byEventIterator },
    { name: 'ringlet for await', run: onRing('loop', false) },
    { name: 'ringlet batches', run: onRing('loop', true) },
    { name: 'ringlet coalesce: false for await', run: onRing('uncoalesced', false) },
    { name: 'Bun.udpSocket', runtime: 'bun', run: onBun },
    { name: "Deno, node:dgram 'message'", runtime: 'deno', run: byEvent },
    {
      name: 'C, liburing',
      native: {
        program: 'datagram-steady',
        arguments: (p) => [p.sender, p.datagramCount, p.datagramBytes, p.rate],
      },
    },
  ],
  prepare,
};
