/**
 * A ring in a network namespace of its own: a Node process there that plays roles for a test.
 *
 * A role is an async function of the module that the station was opened with. Test and role may talk while it
 * plays. A station that closes has seen every operation and receive buffer given back, its rings closed, and
 * no descriptor or thread left.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { Ring, RingOptions } from 'ringlet';
import type { Configuration } from './backends.js';
import { within } from './eventually.js';
import type { Host, Network } from './network.js';

/** What a role gets besides its arguments. */
export interface Stage {
  /** The station's ring, of the running configuration. */
  readonly ring: Ring;
  /** Another one of the same configuration, with `overrides` on top. */
  makeRing(overrides?: RingOptions): Ring;
  /** Says something to the test. */
  tell(value: unknown): void;
  /** The next that the test says. */
  heard(): Promise<unknown>;
}

export type Roles = Record<string, (stage: Stage, parameters: never) => Promise<unknown>>;

/** From the test to the station. `close` is a call too. */
export type Order =
  | { kind: 'start'; call: number; role: string; parameters: unknown }
  | { kind: 'say'; call: number; value: unknown }
  | { kind: 'close'; call: number };

/** From the station to the test. */
export type Report =
  | { kind: 'told' | 'ended'; call: number; value: unknown }
  | { kind: 'failed'; call: number; stack: string };

const PROGRAM = fileURLToPath(new URL('station-program.js', import.meta.url));
/** For whole transfers over bad links, on a busy machine. */
const DEADLINE_MS = 25_000;

/** A role that plays. */
export class Call<Result> {
  readonly #what: string;
  readonly #say: (value: unknown) => void;
  readonly #told: unknown[] = [];
  readonly #ended: Promise<Result>;
  #wake = (): void => {};
  #settle!: (value: Result) => void;
  #fail!: (error: Error) => void;

  constructor(what: string, say: (value: unknown) => void) {
    this.#what = what;
    this.#say = say;
    this.#ended = new Promise((resolve, reject) => {
      this.#settle = resolve;
      this.#fail = reject;
    });
    this.#ended.catch(() => {});
  }

  hear(report: Report): void {
    if (report.kind === 'failed') this.fail(new Error(`${this.#what}: ${report.stack}`));
    else if (report.kind === 'ended') this.#settle(report.value as Result);
    else {
      this.#told.push(report.value);
      this.#wake();
    }
  }

  fail(error: Error): void {
    this.#fail(error);
  }

  say(value: unknown): void {
    this.#say(value);
  }

  /** What it returns; rejects with its error, or at the deadline. */
  result(): Promise<Result> {
    return within(`the end of ${this.#what}`, this.#ended, DEADLINE_MS);
  }

  /** The next that it tells; rejects when it fails or ends first, or at the deadline. */
  async told(): Promise<unknown> {
    if (this.#told.length === 0) {
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      await within(`a word of ${this.#what}`, Promise.race([woken, this.#ended]), DEADLINE_MS);
      if (this.#told.length === 0) throw new Error(`${this.#what} ended without a word`);
    }
    return this.#told.shift();
  }
}

export class Station<Played extends Roles> {
  readonly #title: string;
  readonly #child: ChildProcess;
  readonly #calls: Call<unknown>[] = [];

  private constructor(title: string, child: ChildProcess) {
    this.#title = title;
    this.#child = child;
    child.on('message', (report: Report) => this.#calls[report.call]?.hear(report));
    child.on('exit', (code, signal) => {
      for (const call of this.#calls) call.fail(new Error(`${title} has ended with ${signal ?? code}`));
    });
  }

  /** @param modulePath of a module that exports `roles`. */
  static async open<Played extends Roles>(
    host: Host,
    { title, options, hasCompanion }: Configuration,
    modulePath: string,
  ): Promise<Station<Played>> {
    const [execPath, ...words] = host.launcher as [string, ...string[]];
    const child = fork(PROGRAM, [modulePath, JSON.stringify({ options, hasCompanion })], {
      execPath,
      execArgv: [...words, process.execPath],
      serialization: 'advanced',
    });
    const station = new Station<Played>(`${host.name} [${title}]`, child);
    await within('a station to open', once(child, 'message'));
    return station;
  }

  /** Has a role begin. */
  start<Name extends keyof Played & string>(
    role: Name,
    parameters: Parameters<Played[Name]>[1],
  ): Call<Awaited<ReturnType<Played[Name]>>> {
    return this.#call(role, (call) => ({ kind: 'start', call, role, parameters }));
  }

  #call<Result>(what: string, orderOf: (call: number) => Order): Call<Result> {
    const number = this.#calls.length;
    const send = (order: Order): void => void this.#child.send(order);
    const call = new Call<Result>(`${what} at ${this.#title}`, (value) =>
      send({ kind: 'say', call: number, value }),
    );
    this.#calls.push(call as Call<unknown>);
    if (this.#child.connected) send(orderOf(number));
    else call.fail(new Error(`${this.#title} is gone`));
    return call;
  }

  /** Ends the process; fails if anything is left behind there. */
  async close(): Promise<void> {
    const exited = once(this.#child, 'exit');
    try {
      await this.#call('close', (call) => ({ kind: 'close', call })).result();
      this.#child.disconnect();
      await within(`the end of ${this.#title}`, exited);
    } finally {
      if (this.#child.exitCode === null) this.#child.kill('SIGKILL');
    }
  }
}

export interface Stations<Played extends Roles> {
  readonly near: Station<Played>;
  readonly far: Station<Played>;
}

/** Call inside `describe`: a station at each end of the network, for all tests of the suite. */
export function stationsForSuite<Played extends Roles>(
  { a, b }: Network,
  configuration: Configuration,
  modulePath: string,
): Stations<Played> {
  let opened: Station<Played>[] = [];

  before('opening a station at each end', async () => {
    const open = (host: Host): Promise<Station<Played>> => Station.open(host, configuration, modulePath);
    opened = await Promise.all([open(a), open(b)]);
  });

  after('closing the stations, which leave nothing behind', async () => {
    await Promise.all(opened.map((station) => station.close()));
  });

  const at = (index: number): Station<Played> => {
    const station = opened[index];
    if (!station) throw new Error('the stations are not open');
    return station;
  };
  return {
    get near() {
      return at(0);
    },
    get far() {
      return at(1);
    },
  };
}
