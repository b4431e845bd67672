/**
 * Rows 15 and 17: an HTTP server that says hello, and one that serves a file of 1 MB, under a client in C that keeps a
 * request in flight on each of its connections. The program is one and the same on node:http, on
 * ringlet's sockets and under `ringlet/register`.
 */
import { once } from 'node:events';
import { createReadStream, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { bun } from '../bun.js';
import { makeRing, type RingName } from '../rings.js';
import { type LoadParameters, ServedLoad } from '../served-load.js';
import { useDefaultCongestionControl } from '../system-settings.js';
import { type Measurement, type Setting, Unavailable, type Variant, type Workload } from '../workload.js';

export interface Parameters extends LoadParameters {
  connectionCount: number;
  /** The file that is the body of all responses; they say hello without one. */
  path?: string;
  /** Certificate and key, for TLS. */
  tls?: { cert: string; key: string };
}

const HOSTNAME = '127.0.0.1';
const HELLO = 'hello\n';
const FILE_BYTES = 1 << 20;
const CONNECTION_COUNTS = [1, 64, 512];
const REQUEST = 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n';

/** Runs the client against the port. */
function measure(
  load: ServedLoad,
  port: number,
  { connectionCount, path }: Parameters,
): Promise<Measurement> {
  return load.measure(port, [connectionCount, 1, path ? FILE_BYTES : HELLO.length, REQUEST]);
}

function pem({ cert, key }: { cert: string; key: string }): { cert: string; key: string } {
  return { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') };
}

function makeServer({ path, tls }: Parameters, load: ServedLoad): Server {
  const sayHello: RequestListener = (_request, response) => {
    response.end(HELLO);
    load.add(1);
  };
  const sendFile: RequestListener = (_request, response) => {
    response.writeHead(200, { 'content-length': FILE_BYTES });
    createReadStream(path as string)
      .pipe(response)
      .on('finish', () => load.add(1));
  };
  const answer = path === undefined ? sayHello : sendFile;
  return tls ? createTlsServer(pem(tls), answer) : createServer(answer);
}

async function onNode(parameters: Parameters): Promise<Measurement> {
  const load = new ServedLoad(parameters);
  const server = makeServer(parameters, load).listen({ port: 0, host: HOSTNAME, backlog: 4096 });
  await once(server, 'listening');
  const measurement = await measure(load, (server.address() as AddressInfo).port, parameters);
  server.close();
  return measurement;
}

function onRing(name: RingName): (parameters: Parameters) => Promise<Measurement> {
  return async (parameters) => {
    const { Listener, serveOn } = await import('ringlet');
    const ring = await makeRing(name);
    const load = new ServedLoad(parameters);
    const server = makeServer(parameters, load);
    const listener = await Listener.listen({ host: HOSTNAME, port: 0, backlog: 4096, ring });
    const served = serveOn(server, listener);
    const measurement = await measure(load, listener.address.port, parameters);
    server.close();
    await served;
    await ring.close();
    return measurement;
  };
}

/** Of Bun's own server or Deno's: what makes a response. */
function responder({ path }: Parameters, load: ServedLoad, open: (path: string) => string): () => Response {
  return () => {
    load.add(1);
    return new Response(path === undefined ? HELLO : open(path));
  };
}

async function onBun(parameters: Parameters): Promise<Measurement> {
  const { serve, file } = bun();
  const load = new ServedLoad(parameters);
  const server = serve({
    hostname: HOSTNAME,
    port: 0,
    ...(parameters.tls ? { tls: pem(parameters.tls) } : {}),
    fetch: responder(parameters, load, (path) => file(path) as unknown as string),
  });
  const measurement = await measure(load, server.port, parameters);
  server.stop(true);
  return measurement;
}

/** As much of Deno's own API as this needs. */
interface Deno {
  serve(
    options: { hostname: string; port: number; onListen(): void; cert?: string; key?: string },
    respond: () => Response,
  ): { addr: { port: number }; shutdown(): Promise<void> };
}

async function onDeno(parameters: Parameters): Promise<Measurement> {
  const { Deno } = globalThis as { Deno?: Deno };
  if (Deno === undefined) throw new Unavailable('not running on Deno');
  if (parameters.path) throw new Unavailable('only what says hello');
  const load = new ServedLoad(parameters);
  const tls = parameters.tls ? pem(parameters.tls) : {};
  const options = { hostname: HOSTNAME, port: 0, onListen() {}, ...tls };
  const server = Deno.serve(options, responder(parameters, load, String));
  const measurement = await measure(load, server.addr.port, parameters);
  await server.shutdown();
  return measurement;
}

/** A variant for each number of connections; a smoke run has one. */
export function variantsOf(
  { isQuick, warmUpMsMax }: Setting,
  { row, title }: { row: string; title: string },
  count: number,
  goals: Readonly<Record<number, number>>,
  more: Pick<Parameters, 'client' | 'path' | 'tls'>,
): Variant<Parameters>[] {
  return (isQuick ? [64] : CONNECTION_COUNTS).map((connectionCount) => {
    const measuredCount = isQuick ? count / 100 : Math.max(count, 10 * connectionCount);
    return {
      row,
      title: `${title}, ${connectionCount} connections`,
      parameters: { warmUpMsMax, passCount: measuredCount / 10, measuredCount, connectionCount, ...more },
      goals: [
        { contenders: ['ringlet', 'ringlet/register'], ratios: { Node: goals[connectionCount] as number } },
      ],
    };
  });
}

async function prepare(setting: Setting): Promise<Variant<Parameters>[]> {
  useDefaultCongestionControl(setting.onEnd);
  const path = join(setting.directory, 'served.bin');
  writeFileSync(path, Buffer.alloc(FILE_BYTES, 'x'));
  const client = setting.compile('request-client');
  const hello = { row: 'row15', title: 'HTTP hello' };
  const file = { row: 'row17', title: 'HTTP, a file of 1 MB' };
  return [
    ...variantsOf(setting, hello, 100_000, { 1: 1, 64: 1.5, 512: 1.5 }, { client }),
    ...variantsOf(setting, file, 3_000, { 1: 1, 64: 1.2, 512: 1.2 }, { client, path }),
  ];
}

export const workload: Workload<Parameters> = {
  operations: 'requests',
  judgedBy: 'processor time',
  baselines: [
    { title: 'Node', contender: 'node:http' },
    { title: 'Bun', contender: 'Bun.serve' },
  ],
  contenders: [
    { name: 'node:http', run: onNode },
    { name: 'ringlet', run: onRing('loop') },
    { name: 'ringlet/register', isRegistered: true, run: onNode },
    { name: 'ringlet, epoll', run: onRing('epoll') },
    { name: 'Bun, node:http', runtime: 'bun', run: onNode },
    { name: 'Bun.serve', runtime: 'bun', run: onBun },
    { name: 'Deno, node:http', runtime: 'deno', run: onNode },
    { name: 'Deno.serve', runtime: 'deno', run: onDeno },
  ],
  prepare,
};
