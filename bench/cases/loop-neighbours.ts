/**
 * Row 20: others on the loop. While datagrams or blocks on many connections flood in, timers and a node:http server in
 * the same process should keep their time. What is counted are timers, or requests one after the other; what counts is
 * how late they are.
 */
import { spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { Ring } from 'ringlet';
import { LatencySamples } from '../latency.js';
import { Stopwatch } from '../measure.js';
import { makeRing, type RingName } from '../rings.js';
import { type LoadParameters, ServedLoad } from '../served-load.js';
import {
  joinGroup,
  makeQuotaGroup,
  raiseReceiveLimit,
  receivingSocket,
  useDefaultCongestionControl,
} from '../system-settings.js';
import { type Measurement, type Setting, Unavailable, type Variant, type Workload } from '../workload.js';

type Flood = 'datagrams' | 'blocks';
type Neighbour = 'timers' | 'requests';

interface Parameters extends LoadParameters {
  flood: Flood;
  neighbour: Neighbour;
  /** What floods: the compiled bench/native/send-steadily.c or send-blocks.c. */
  sender: string;
  /** A control group that the process joins once its clients run. */
  group?: string;
  /** Of the flood alone. */
  warmUpMs: number;
  measuredMsMax: number;
}

const HOSTNAME = '127.0.0.1';
const TIMER_MS = 1;
const DATAGRAM_RATE = 30_000;
const DATAGRAM_BYTES = 64;
const RECEIVE_BUFFER_BYTES = 4 << 20;
const CONNECTION_COUNT = 64;
const BLOCK_BYTES = 65_536;
/** More of a flood than a trial lasts. */
const FLOOD_SECONDS = 60;
const HALF_A_CPU = 0.5;

/** Takes what comes, and does nothing with it. Returns the ports, among which the flood is divided. */
type Sink = (flood: Flood) => Promise<number[]>;

async function nodeSink(flood: Flood): Promise<number[]> {
  if (flood === 'datagrams') {
    const socket = createSocket(receivingSocket(RECEIVE_BUFFER_BYTES));
    socket.on('message', () => {}).bind(0, HOSTNAME);
    await once(socket, 'listening');
    return [socket.address().port];
  }
  const server = createServer((socket) => void socket.on('data', () => {}).on('error', () => {}));
  server.listen(0, HOSTNAME);
  await once(server, 'listening');
  return [(server.address() as AddressInfo).port];
}

async function exhaust(source: AsyncIterable<unknown>): Promise<void> {
  for await (const taken of source) void taken;
}

async function sinkOn(ring: Ring, flood: Flood): Promise<number> {
  const { DatagramSocket, Listener } = await import('ringlet');
  if (flood === 'datagrams') {
    const receiveBufferBytes = RECEIVE_BUFFER_BYTES;
    const socket = await DatagramSocket.bind({ address: HOSTNAME, receiveBufferBytes, ring });
    void exhaust(socket.batches());
    return socket.address.port;
  }
  const listener = await Listener.listen({ host: HOSTNAME, port: 0, ring });
  void (async () => {
    for await (const socket of listener) void exhaust(socket).catch(() => {});
  })();
  return listener.address.port;
}

/** @param ringCount rings that share the flood. */
function ringSink(name: RingName, ringCount = 1): Sink {
  return async (flood) => {
    const ports: number[] = [];
    for (let index = 0; index < ringCount; index++) ports.push(await sinkOn(await makeRing(name), flood));
    return ports;
  };
}

/** Starts what floods the ports. Returns what ends it. */
function startFlood(ports: readonly number[], { flood, sender }: Parameters): () => void {
  const share = 1 / ports.length;
  const rate = DATAGRAM_RATE * share;
  const args =
    flood === 'datagrams'
      ? [rate * FLOOD_SECONDS, DATAGRAM_BYTES, rate]
      : [CONNECTION_COUNT * share, BLOCK_BYTES];
  const children = ports.map((port) => {
    return spawn(sender, [port, ...args].map(String), { stdio: ['pipe', 'ignore', 'inherit'] });
  });
  return () => {
    for (const child of children) child.kill();
  };
}

/** One timer after the other. */
async function measureTimers({ group, measuredMsMax }: Parameters): Promise<Measurement> {
  if (group) joinGroup(group);
  const samples = new LatencySamples();
  const stopwatch = new Stopwatch();
  stopwatch.start();
  const endMs = performance.now() + measuredMsMax;
  let count = 0;
  for (let startedMs = performance.now(); startedMs < endMs; startedMs = performance.now()) {
    await delay(TIMER_MS);
    samples.add(Math.max(performance.now() - startedMs - TIMER_MS, 0) * 1000);
    count += 1;
  }
  stopwatch.stop();
  return { ...stopwatch.measurement(count), latencyUs: samples.percentiles() };
}

/** One request after the other, on one connection. */
async function measureRequests(parameters: Parameters): Promise<Measurement> {
  const { group } = parameters;
  const load = new ServedLoad(parameters);
  const server = createHttpServer((_request, response) => {
    response.end('hello\n');
    load.add(1);
  }).listen(0, HOSTNAME);
  await once(server, 'listening');
  const request = 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n';
  const measuring = load.measure((server.address() as AddressInfo).port, [1, 1, 1, request]);
  if (group) joinGroup(group);
  return await measuring;
}

function beside(sink: Sink): (parameters: Parameters) => Promise<Measurement> {
  return async (parameters) => {
    const endFlood = startFlood(await sink(parameters.flood), parameters);
    // A trial that fails ends as well, and its flood must not outlive it.
    process.on('exit', endFlood);
    await delay(parameters.warmUpMs);
    const measure = parameters.neighbour === 'timers' ? measureTimers : measureRequests;
    const measurement = await measure(parameters);
    // The sinks are of no further use, and closing them is not what is measured.
    setImmediate(() => process.exit());
    return measurement;
  };
}

/** The group of half a CPU; none, with the reason printed, where it cannot be had. */
function halfACpu(onEnd: Setting['onEnd']): string[] {
  try {
    return [makeQuotaGroup(HALF_A_CPU, onEnd)];
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    console.log(`\nrow20 at half a CPU is left out: ${error.message}`);
    return [];
  }
}

async function prepare(setting: Setting): Promise<Variant<Parameters>[]> {
  const { isQuick, warmUpMsMax, compile, onEnd } = setting;
  useDefaultCongestionControl(onEnd);
  raiseReceiveLimit(RECEIVE_BUFFER_BYTES, onEnd);
  const senders = { datagrams: compile('send-steadily'), blocks: compile('send-blocks') };
  const client = compile('request-client');
  const measuredCount = isQuick ? 100 : 10_000;
  const variant = (flood: Flood, neighbour: Neighbour, group?: string): Variant<Parameters> => {
    const flooding =
      flood === 'datagrams'
        ? `${DATAGRAM_RATE} datagrams a second`
        : `blocks on ${CONNECTION_COUNT} connections`;
    return {
      row: 'row20',
      title: `${neighbour} beside ${flooding}${group ? ', at half a CPU' : ''}: how late`,
      parameters: {
        ...{ flood, neighbour, sender: senders[flood], client, warmUpMsMax },
        ...{ passCount: measuredCount / 10, measuredCount },
        ...{ warmUpMs: isQuick ? 100 : 1000, measuredMsMax: isQuick ? 200 : 3000 },
        ...(group ? { group } : {}),
      },
      goals: [
        {
          contenders: ['ringlet', 'ringlet sqPoll', 'ringlet, two of an SQ-poll group'],
          ratios: { Node: 1 },
        },
      ],
    };
  };
  const groups = [undefined, ...halfACpu(onEnd)];
  if (isQuick) return [variant('datagrams', 'timers', groups.at(-1)), variant('blocks', 'requests')];
  return groups.flatMap((group) => [
    variant('datagrams', 'timers', group),
    variant('datagrams', 'requests', group),
    variant('blocks', 'timers', group),
    variant('blocks', 'requests', group),
  ]);
}

export const workload: Workload<Parameters> = {
  operations: 'timers or requests',
  judgedBy: 'latency',
  baselines: [{ title: 'Node', contender: 'node:dgram, node:net' }],
  contenders: [
    { name: 'node:dgram, node:net', run: beside(nodeSink) },
    { name: 'ringlet', run: beside(ringSink('loop')) },
    { name: 'ringlet coalesce: false', run: beside(ringSink('uncoalesced')) },
    { name: 'ringlet sqPoll', run: beside(ringSink('sqPoll')) },
    { name: 'ringlet, two of an SQ-poll group', run: beside(ringSink('sqPollGroup', 2)) },
    { name: 'ringlet, epoll', run: beside(ringSink('epoll')) },
  ],
  prepare,
};
