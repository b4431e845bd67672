/** iperf3, both sides of it. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { expectCleanExit, runProgram } from './child.js';
import { eventually, within } from './eventually.js';
import { ENVIRONMENT } from './programs.js';

/** Of its report, what the tests look at. */
export interface IperfReport {
  error?: string;
  end: {
    /** Of UDP. */
    sum?: { packets: number; lost_packets: number };
    sum_received?: { bytes: number };
    sum_received_bidir_reverse?: { bytes: number };
  };
}

/** A server for one test; it ends with that. */
export class IperfServer implements AsyncDisposable {
  readonly #child: ChildProcessByStdio<null, Readable, null>;

  private constructor(address: string, port: number, launcher: readonly string[]) {
    const argv = [...launcher, 'iperf3', '-s', '-1', '-B', address, '-p', String(port), '--forceflush'];
    const [program = '', ...words] = argv;
    this.#child = spawn(program, words, { env: ENVIRONMENT, stdio: ['ignore', 'pipe', 'ignore'] });
  }

  static async start(address: string, port: number, launcher: readonly string[] = []): Promise<IperfServer> {
    const server = new IperfServer(address, port, launcher);
    let said = '';
    server.#child.stdout.on('data', (piece: Buffer) => {
      said += piece;
    });
    await eventually('iperf3 to listen', () => said.includes('Server listening'));
    return server;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill();
    await within('the end of iperf3', exited);
  }
}

/** What came through, in both directions; which of the two is the faster is nobody's business. */
export function receivedBytes({ end }: IperfReport): number {
  return (end.sum_received?.bytes ?? 0) + (end.sum_received_bidir_reverse?.bytes ?? 0);
}

/** Runs a client to its end. @param launcher comes before it. */
export async function iperf(
  address: string,
  port: number,
  words: readonly string[],
  launcher: readonly string[] = [],
): Promise<IperfReport> {
  const outcome = await runProgram(['iperf3', '-c', address, '-p', String(port), ...words, '-J'], {
    launcher,
  });
  expectCleanExit(outcome);
  const report = JSON.parse(outcome.stdout) as IperfReport;
  if (report.error !== undefined) throw new Error(`iperf3: ${report.error}`);
  return report;
}
