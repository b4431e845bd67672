/**
 * What a server does for a client of its own process: counted, and timed once the server's code is compiled.
 *
 * The client is a program of bench/native/ and the same for all contenders. It goes on until it is told to end
 * (bench/native/client.h), and says on the trial's own output how long its operations took.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Stopwatch } from './measure.js';
import { WarmUp } from './warm-up.js';
import type { Measurement } from './workload.js';

export interface LoadParameters {
  /** The client's compiled program. */
  client: string;
  warmUpMsMax: number;
  /** Operations from one look at the warm-up to the next. */
  passCount: number;
  measuredCount: number;
  /** Ends the measured part in any case, and passes after a tenth of it, where a server may be held up. */
  measuredMsMax?: number;
}

export class ServedLoad {
  readonly #parameters: LoadParameters;
  #count = 0;
  #markCount = Number.POSITIVE_INFINITY;
  #onMark = (): void => {};

  constructor(parameters: LoadParameters) {
    this.#parameters = parameters;
  }

  /** So many operations are done, which may be parts of one. */
  add(count: number): void {
    this.#count += count;
    if (this.#count < this.#markCount) return;
    this.#markCount = Number.POSITIVE_INFINITY;
    this.#onMark();
  }

  /** Runs the client against the port. */
  async measure(port: number, args: readonly (number | string)[]): Promise<Measurement> {
    const { client: program, warmUpMsMax, passCount, measuredCount, measuredMsMax } = this.#parameters;
    const passMsMax = measuredMsMax && measuredMsMax / 10;
    const warming = new WarmUp(warmUpMsMax);
    const client = spawn(program, [port, ...args].map(String), { stdio: ['pipe', 'inherit', 'inherit'] });
    const ended = once(client, 'exit').then(([status]) => {
      if (status !== 0) throw new Error(`the client ended with status ${status}`);
    });
    const work = async (): Promise<Measurement> => {
      const stopwatch = new Stopwatch();
      while (!warming.isOverAfter(await this.#pass(passCount, passMsMax)));
      client.stdin.write('.');
      stopwatch.start();
      const count = await this.#pass(measuredCount, measuredMsMax);
      stopwatch.stop();
      client.stdin.end();
      return stopwatch.measurement(count);
    };
    const [measurement] = await Promise.all([work(), ended]);
    return measurement;
  }

  /** Waits for so many operations. Returns how many there were, for they come in batches, and there may be time for one only. */
  async #pass(count: number, msMax: number | undefined): Promise<number> {
    const before = this.#count;
    await new Promise<void>((resolve) => {
      const endEarly = (): void => {
        this.#markCount = before + 1;
        this.add(0);
      };
      const timer = msMax === undefined ? undefined : setTimeout(endEarly, msMax);
      this.#markCount = before + count;
      this.#onMark = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    return this.#count - before;
  }
}
