/**
 * A syslog collector: receives what the system's own `logger` sends over UDP from other processes, appends
 * it to a file durably, reads the file back, and checks that every message is there exactly once.
 *
 *   npm run demo                       on io_uring with an SQ-poll group, or on what there is, and says so
 *   npm run demo -- --backend=node     on Node's own modules
 *   npm run demo -- --deadline=60      with more than 10 seconds, for a slow machine
 *
 * Ends with status 1 if anything is missing.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { DatagramSocket, type FileHandle, Ring, type RingOptions } from 'ringlet';
import { checkMessages } from './syslog/check.js';
import { dropCountAt } from './syslog/kernel.js';
import { type Outcome, printReport } from './syslog/report.js';
import { Senders } from './syslog/senders.js';

const SENDER_COUNT = 4;
const MESSAGES_EACH = 5000;
const MESSAGE_COUNT = SENDER_COUNT * MESSAGES_EACH;
/** Lines that each sender is fed at a time. */
const LINES_EACH = 20;
/** Messages on their way before senders have to wait: the socket's buffer holds them all, if need be. */
const UNDERWAY_MAX = 320;
const RECEIVE_BUFFER_BYTES = 1024 * 1024;
const SYNC_BYTES = 256 * 1024;
/** How long after the last sender's end its messages may take. */
const LATENESS_MS_MAX = 2000;
const NEWLINE = Buffer.from('\n');

/** What has been collected so far. */
interface Progress {
  messageCount: number;
  batchCount: number;
  syncCount: number;
}

/** Appends every message to the file until the socket is closed; then all of it is durable. */
async function collect(socket: DatagramSocket, file: FileHandle, progress: Progress): Promise<void> {
  let unsyncedBytes = 0;
  for await (const batch of socket.batches()) {
    const lines = Buffer.concat(batch.flatMap(({ data }) => [data, NEWLINE]));
    await file.appendFile(lines);
    progress.messageCount += batch.length;
    progress.batchCount++;
    unsyncedBytes += lines.length;
    if (unsyncedBytes < SYNC_BYTES) continue;
    unsyncedBytes = 0;
    progress.syncCount++;
    await file.datasync();
  }
  progress.syncCount++;
  await file.datasync();
}

/** Feeds the senders at the pace at which their messages are collected, until `isOver`. */
async function feed(senders: Senders, progress: Progress, isOver: () => boolean): Promise<void> {
  for (let fed = 0; fed < MESSAGES_EACH && !isOver(); fed += LINES_EACH) {
    const numbers = Array.from({ length: LINES_EACH }, (_unused, index) => fed + index);
    senders.feed(numbers.map((number) => `message ${number} of ${MESSAGES_EACH} through ringlet\n`).join(''));
    const fedCount = (fed + LINES_EACH) * SENDER_COUNT;
    while (fedCount - progress.messageCount > UNDERWAY_MAX && !isOver()) await delay(1);
  }
  senders.end();
}

/** Runs senders and collector to their end and says what became of the messages. */
async function run(ring: Ring, directory: string, signal: AbortSignal): Promise<Outcome> {
  const path = join(directory, 'messages.log');
  await using file = await ring.fs.open(path, 'a');
  await using socket = await DatagramSocket.bind({
    address: '127.0.0.1',
    receiveBufferBytes: RECEIVE_BUFFER_BYTES,
    ring,
  });
  const { port } = socket.address;
  await using senders = new Senders(SENDER_COUNT, port);
  signal.addEventListener('abort', () => senders.stop());
  const progress: Progress = { messageCount: 0, batchCount: 0, syncCount: 0 };
  const isOver = (): boolean => signal.aborted || socket.isClosed;
  let dropCount = 0;

  const sendAll = async (): Promise<void> => {
    await Promise.all([feed(senders, progress, isOver), senders.ended]);
    // What the senders have sent is in the file, in the socket's buffer, or has been dropped.
    const latestMs = performance.now() + LATENESS_MS_MAX;
    const isMissing = (): boolean => progress.messageCount + dropCountAt(port) < MESSAGE_COUNT;
    while (isMissing() && performance.now() < latestMs && !isOver()) await delay(5);
    dropCount = dropCountAt(port);
    await socket.close();
  };
  const startedMs = performance.now();
  await Promise.all([sendAll(), collect(socket, file, progress)]);
  const elapsedMs = performance.now() - startedMs;

  const text = await ring.fs.readFile(path, 'utf8');
  const findings = checkMessages(text, SENDER_COUNT, MESSAGES_EACH);
  const { size: fileBytes } = await file.stat();
  const wanted = { sentCount: MESSAGE_COUNT, senderCount: SENDER_COUNT };
  return { ...wanted, ...progress, ...findings, dropCount, fileBytes, elapsedMs, ring };
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: { backend: { type: 'string', default: 'auto' }, deadline: { type: 'string', default: '10' } },
  });
  const interrupted = new AbortController();
  process.once('SIGINT', () => interrupted.abort());
  const directory = await mkdtemp(join(tmpdir(), 'ringlet-syslog-'));
  try {
    await using ring = new Ring({
      backend: values.backend as NonNullable<RingOptions['backend']>,
      sqPoll: { group: 'syslog', threads: 1, idleMs: 20 },
      registeredFds: 8,
      receiveBuffers: { count: 512, bytes: 2048 },
    });
    const signal = AbortSignal.any([interrupted.signal, AbortSignal.timeout(Number(values.deadline) * 1000)]);
    const outcome = await run(ring, directory, signal);
    printReport(outcome);
    if (outcome.faults.length > 0) process.exitCode = 1;
  } finally {
    await rm(directory, { recursive: true });
  }
}

try {
  await main();
} catch (error) {
  console.error(`The demo failed: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}
