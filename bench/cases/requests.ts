/**
 * Row 18: a server of short requests and answers in a stream, as a store of keys and values is one, under a client in
 * C that keeps some in flight on each of its connections.
 */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import type { StreamSocket } from 'ringlet';
import { bun } from '../bun.js';
import { makeRing, type RingName } from '../rings.js';
import { type LoadParameters, ServedLoad } from '../served-load.js';
import { useDefaultCongestionControl } from '../system-settings.js';
import type { Measurement, Setting, Variant, Workload } from '../workload.js';

interface Parameters extends LoadParameters {
  connectionCount: number;
  inFlight: number;
}

const HOSTNAME = '127.0.0.1';
const REQUEST = 'GET key:000000000001\r\n';
const ANSWER = `$64\r\n${'v'.repeat(64)}\r\n`;
const LINE_FEED = 0x0a;
const IN_FLIGHT_MAX = 64;
/** Answers to so many requests that came together, made once. */
const ANSWERS = Array.from({ length: IN_FLIGHT_MAX + 1 }, (_unused, count) =>
  Buffer.from(ANSWER.repeat(count)),
);

/** What has been asked for by the end of the chunk; a request may come in pieces, the last of which counts. */
function answersTo(chunk: Uint8Array, load: ServedLoad): Buffer {
  let count = 0;
  for (let at = chunk.indexOf(LINE_FEED); at >= 0; at = chunk.indexOf(LINE_FEED, at + 1)) count += 1;
  load.add(count);
  return ANSWERS[count] as Buffer;
}

function measure(load: ServedLoad, port: number, parameters: Parameters): Promise<Measurement> {
  const { connectionCount, inFlight } = parameters;
  return load.measure(port, [connectionCount, inFlight, ANSWER.length, REQUEST]);
}

async function answerEvents(socket: Socket, load: ServedLoad): Promise<void> {
  socket.on('data', (chunk) => socket.write(answersTo(chunk, load)));
}

/** In the style of ringlet's own contender: iterated, and awaited. */
async function answerAwaited(socket: Socket, load: ServedLoad): Promise<void> {
  for await (const chunk of socket) {
    await new Promise((resolve) => socket.write(answersTo(chunk, load), resolve));
  }
}

function onServer(
  listening: () => Promise<{ createServer: typeof createServer }>,
  answer: (socket: Socket, load: ServedLoad) => Promise<void>,
): (parameters: Parameters) => Promise<Measurement> {
  return async (parameters) => {
    const load = new ServedLoad(parameters);
    const server = (await listening()).createServer((socket) => {
      socket.on('error', () => {});
      answer(socket, load).catch(() => {});
    });
    server.listen({ port: 0, host: HOSTNAME, backlog: 4096 });
    await once(server, 'listening');
    const measurement = await measure(load, (server.address() as AddressInfo).port, parameters);
    server.close();
    return measurement;
  };
}

const onNode = async (): Promise<{ createServer: typeof createServer }> => ({ createServer });
const onDropIn = async (): Promise<{ createServer: typeof createServer }> =>
  (await import('ringlet/net')) as unknown as { createServer: typeof createServer };

async function answerOn(socket: StreamSocket, load: ServedLoad): Promise<void> {
  for await (const chunk of socket) await socket.write(answersTo(chunk, load));
  await socket.close();
}

function onRing(name: RingName): (parameters: Parameters) => Promise<Measurement> {
  return async (parameters) => {
    const { Listener } = await import('ringlet');
    const ring = await makeRing(name);
    const load = new ServedLoad(parameters);
    const listener = await Listener.listen({ host: HOSTNAME, port: 0, backlog: 4096, ring });
    const serving = (async () => {
      for await (const socket of listener) void answerOn(socket, load).catch(() => {});
    })();
    const measurement = await measure(load, listener.address.port, parameters);
    await listener.close();
    await serving;
    await ring.close();
    return measurement;
  };
}

async function onBun(parameters: Parameters): Promise<Measurement> {
  const load = new ServedLoad(parameters);
  const server = bun().listen({
    hostname: HOSTNAME,
    port: 0,
    socket: { data: (socket, chunk) => void socket.write(answersTo(chunk, load)) },
  });
  const measurement = await measure(load, server.port, parameters);
  server.stop(true);
  return measurement;
}

async function prepare({ isQuick, warmUpMsMax, compile, onEnd }: Setting): Promise<Variant<Parameters>[]> {
  useDefaultCongestionControl(onEnd);
  const client = compile('request-client');
  const variant = (connectionCount: number, inFlight: number, goal: number): Variant<Parameters> => {
    const measuredCount = (isQuick ? 5_000 : 200_000) * (inFlight > 1 ? 4 : 1);
    const load = { client, warmUpMsMax, passCount: measuredCount / 10, measuredCount };
    return {
      row: 'row18',
      title: `short requests, ${inFlight} in flight on each of ${connectionCount} connections`,
      parameters: { ...load, connectionCount, inFlight },
      goals: [{ contenders: ['ringlet for await', "ringlet/net 'data'"], ratios: { Node: goal } }],
    };
  };
  if (isQuick) return [variant(64, 1, 1.1), variant(1, 50, 2)];
  return [
    variant(1, 1, 1.1),
    variant(64, 1, 1.1),
    variant(512, 1, 1.1),
    variant(1, 50, 2),
    variant(64, 50, 2),
  ];
}

export const workload: Workload<Parameters> = {
  operations: 'requests',
  judgedBy: 'processor time',
  baselines: [
    { title: 'Node', contender: "node:net 'data'" },
    { title: 'Bun', contender: 'Bun.listen' },
  ],
  contenders: [
    { name: "node:net 'data'", run: onServer(onNode, answerEvents) },
    { name: 'node:net for await', run: onServer(onNode, answerAwaited) },
    { name: "ringlet/net 'data'", run: onServer(onDropIn, answerEvents) },
    { name: 'ringlet for await', run: onRing('loop') },
    { name: 'ringlet, epoll for await', run: onRing('epoll') },
    { name: 'Bun.listen', runtime: 'bun', run: onBun },
    { name: "Deno, node:net 'data'", runtime: 'deno', run: onServer(onNode, answerEvents) },
  ],
  prepare,
};
