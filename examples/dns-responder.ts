/**
 * A DNS server for one small zone: `for await` over datagrams, and over TCP for answers that are too long.
 *
 *   node build/examples/dns-responder.js                      # asks itself, and then it ends
 *   node build/examples/dns-responder.js 5353 [127.0.0.1]     # until SIGTERM: dig -p 5353 @127.0.0.1 host.example
 */
import { Resolver } from 'node:dns/promises';
import { DatagramSocket, Listener, Ring, type StreamSocket } from 'ringlet';

const [A, TXT] = [1, 16];
const FORMAT_ERROR = 1;
const NO_SUCH_NAME = 3;
const NOT_IMPLEMENTED = 4;
const HEADER_BYTES = 12;
/** For a query to come whole by TCP. */
const QUERY_MS = 2000;
/** What a client takes by UDP that does not say more (RFC 1035, 4.2.1). */
const UDP_BYTES_MAX = 512;

const text = (value: string): Buffer => Buffer.from([value.length, ...Buffer.from(value)]);
const ZONE: Record<string, readonly { type: number; data: Buffer }[]> = {
  'host.example': [{ type: A, data: Buffer.from([192, 0, 2, 1]) }],
  'long.example': Array.from({ length: 20 }, (_unused, index) => ({
    type: TXT,
    data: text(`${index} `.padEnd(100, 'x')),
  })),
};

interface Question {
  name: string;
  type: number;
  /** Where it ends in the query. */
  end: number;
}

/** The only question of a query; undefined if it is malformed. */
function parseQuestion(query: Buffer): Question | undefined {
  const labels: string[] = [];
  let at = HEADER_BYTES;
  for (;;) {
    const bytes = query[at];
    // No end, or one of the pointers that a question has no use for.
    if (bytes === undefined || bytes > 63 || query.readUInt16BE(4) !== 1) return undefined;
    at += 1;
    if (bytes === 0) break;
    labels.push(query.toString('latin1', at, at + bytes).toLowerCase());
    at += bytes;
  }
  if (at + 4 > query.length) return undefined;
  return { name: labels.join('.'), type: query.readUInt16BE(at), end: at + 4 };
}

/** A header with the query's identifier, and its question where there is one. */
function compose(
  query: Buffer,
  question: Question | undefined,
  code: number,
  answers: readonly Buffer[],
): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  query.copy(header, 0, 0, 2);
  // A response with authority; the operation and the wish for recursion are the query's.
  header.writeUInt16BE(0x8400 | (query.readUInt16BE(2) & 0x7900) | code, 2);
  header.writeUInt16BE(question ? 1 : 0, 4);
  header.writeUInt16BE(answers.length, 6);
  return Buffer.concat([header, query.subarray(HEADER_BYTES, question?.end ?? HEADER_BYTES), ...answers]);
}

/** The answer to a query; undefined for what is none, such as another server's answer. */
function answer(query: Buffer, bytesMax: number): Buffer | undefined {
  if (query.length < HEADER_BYTES || query.readUInt16BE(2) & 0x8000) return undefined;
  if (query.readUInt16BE(2) & 0x7800) return compose(query, undefined, NOT_IMPLEMENTED, []);
  const question = parseQuestion(query);
  if (question === undefined) return compose(query, undefined, FORMAT_ERROR, []);
  const records = ZONE[question.name];
  if (records === undefined) return compose(query, question, NO_SUCH_NAME, []);
  const answers = records
    .filter(({ type }) => type === question.type)
    .map(({ type, data }) => {
      // The name is where the question has it; class IN, a minute to live.
      const fixed = Buffer.from([0xc0, HEADER_BYTES, 0, type, 0, 1, 0, 0, 0, 60, 0, data.length]);
      return Buffer.concat([fixed, data]);
    });
  const whole = compose(query, question, 0, answers);
  if (whole.length <= bytesMax) return whole;
  const truncated = compose(query, question, 0, []);
  truncated.writeUInt16BE(truncated.readUInt16BE(2) | 0x0200, 2);
  return truncated;
}

const report = (error: NodeJS.ErrnoException): void => console.error(error.message);

async function serveDatagrams(socket: DatagramSocket): Promise<void> {
  for await (const { data, remote } of socket) {
    const response = answer(data, UDP_BYTES_MAX);
    // A sender that forges its address may have made one that nothing can be sent to.
    if (response) await socket.send(response, remote).catch(report);
  }
}

/** Each message on a connection has its length before it. */
async function serveConnection(connection: StreamSocket): Promise<void> {
  await using socket = connection;
  for (;;) {
    // For who connects and says nothing, or not all of it.
    const options = { fill: true, signal: AbortSignal.timeout(QUERY_MS) };
    const prefix = await socket.read(Buffer.alloc(2), options);
    if (prefix.bytesRead < 2) return;
    const query = Buffer.alloc(prefix.buffer.readUInt16BE());
    const { bytesRead } = await socket.read(query, options);
    const response = bytesRead < query.length ? undefined : answer(query, 65_535);
    if (response === undefined) return;
    prefix.buffer.writeUInt16BE(response.length);
    await socket.writev([prefix.buffer, response]);
  }
}

async function serveConnections(listener: Listener): Promise<void> {
  for await (const connection of listener) serveConnection(connection).catch(report);
}

const [port = '0', address = '127.0.0.1'] = process.argv.slice(2);

/** Both on one port: where any will do, one that neither protocol has in use. */
async function open(ring: Ring): Promise<[DatagramSocket, Listener]> {
  for (;;) {
    const socket = await DatagramSocket.bind({ address, port: Number(port), ring });
    try {
      return [socket, await Listener.listen({ host: address, port: socket.address.port, ring })];
    } catch (error) {
      await socket.close();
      if (port !== '0' || (error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    }
  }
}

await using ring = new Ring();
const [socket, listener] = await open(ring);
const serving = Promise.all([serveDatagrams(socket), serveConnections(listener)]);
const close = (): Promise<unknown> => Promise.all([socket.close(), listener.close()]);

if (process.argv.length > 2) {
  process.once('SIGTERM', () => void close());
  console.log(`answering at ${address}:${socket.address.port}`);
} else {
  const resolver = new Resolver();
  resolver.setServers([`${address}:${socket.address.port}`]);
  console.log(`host.example is ${await resolver.resolve4('host.example')}`);
  console.log(`long.example has ${(await resolver.resolveTxt('long.example')).length} texts`);
  const missing = await resolver.resolve4('none.example').catch((error: NodeJS.ErrnoException) => error.code);
  console.log(`none.example: ${missing}`);
  await close();
}
await serving;
