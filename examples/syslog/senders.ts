/**
 * The other side of the demo: `logger` processes that send numbered messages over UDP.
 *
 * Each reads lines from its standard input and sends one datagram a line, in the form of RFC 5424.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';

type Logger = ChildProcessByStdio<Writable, null, Readable>;

const HOW_TO_GET_LOGGER =
  'The demo needs the logger of util-linux: `apt-get install bsdutils` on Debian and Ubuntu, ' +
  '`dnf install util-linux` on Fedora.';

export class Senders implements AsyncDisposable {
  readonly #loggers: Logger[];
  /** Resolves when all have ended; rejects when logger is missing or fails. */
  readonly ended: Promise<unknown>;

  /** Starts `senderCount` processes that send to a port of this machine. */
  constructor(senderCount: number, port: number) {
    const to = ['--server', '127.0.0.1', '--port', String(port), '--udp', '--rfc5424'];
    this.#loggers = Array.from({ length: senderCount }, (_unused, index) =>
      spawn('logger', [...to, '--tag', `sender-${index}`], { stdio: ['pipe', 'ignore', 'pipe'] }),
    );
    this.ended = Promise.all(this.#loggers.map(endOf));
  }

  /** Has every sender send these messages, one a line. */
  feed(lines: string): void {
    for (const { stdin } of this.#loggers) stdin.write(lines);
  }

  /** Tells them that nothing more will come. */
  end(): void {
    for (const { stdin } of this.#loggers) stdin.end();
  }

  /** Ends those that still run, whatever they have left to send. */
  stop(): void {
    for (const logger of this.#loggers) logger.kill('SIGKILL');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.stop();
    await this.ended.catch(() => {});
  }
}

async function endOf(logger: Logger): Promise<void> {
  let complaint = '';
  logger.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint += text;
  });
  // A logger that ends early breaks its pipe. Its status says more than the write that failed.
  logger.stdin.on('error', () => {});
  const [status] = await once(logger, 'close').catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'ENOENT' ? new Error(`logger was not found. ${HOW_TO_GET_LOGGER}`) : error;
  });
  if (status === 0 || logger.killed) return;
  throw new Error(`logger failed: ${complaint.trim() || `status ${status}`}. ${HOW_TO_GET_LOGGER}`);
}
