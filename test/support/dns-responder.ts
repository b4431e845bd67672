/** The example `dns-responder` as a server, and what dig says of its answers. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { expectCleanExit, PACKAGE_ROOT, runProgram } from './child.js';
import { within } from './eventually.js';

const SCRIPT = join(PACKAGE_ROOT, 'build/examples/dns-responder.js');
const ATTEMPTS_MAX = 5;

export class DnsResponder implements AsyncDisposable {
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  readonly #exited: Promise<unknown[]>;
  readonly address: string;
  port = 0;
  /** What it has complained of. */
  complaints = '';

  private constructor(address: string, port: number, launcher: readonly string[]) {
    this.address = address;
    const [program = '', ...words] = [...launcher, process.execPath, SCRIPT, String(port), address];
    this.#child = spawn(program, words, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#exited = once(this.#child, 'exit');
    this.#child.stderr.on('data', (piece: Buffer) => {
      this.complaints += piece;
    });
  }

  /** @param launcher comes before Node. */
  static async start(address: string, port: number, launcher: readonly string[]): Promise<DnsResponder> {
    for (let attempt = 1; ; attempt++) {
      const responder = new DnsResponder(address, port, launcher);
      const said = Promise.race([once(responder.#child.stdout, 'data'), responder.#exited]);
      const [line] = await within('the address of the responder', said);
      responder.port = Number(/:(\d+)\n$/.exec(String(line))?.[1]);
      if (responder.port) return responder;
      // The port that was free for UDP may be some other program's for TCP.
      const isUnlucky = port === 0 && responder.complaints.includes('EADDRINUSE');
      if (!isUnlucky || attempt === ATTEMPTS_MAX)
        throw new Error(`it did not start: ${responder.complaints}`);
    }
  }

  /** What dig prints of it. @param launcher comes before dig. */
  async dig(words: readonly string[], launcher: readonly string[] = []): Promise<string> {
    const server = [`@${this.address}`, '-p', String(this.port), '+tries=3', '+time=3'];
    const outcome = await runProgram(['dig', ...server, ...words], { launcher });
    expectCleanExit(outcome);
    return outcome.stdout;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGTERM');
    try {
      const [code] = await within('the end of the responder', this.#exited);
      if (code !== 0) throw new Error(`the responder ended with ${code}: ${this.complaints}`);
    } finally {
      this.#child.kill('SIGKILL');
    }
  }
}
