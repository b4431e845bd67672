/** What the parts of a simulated program have in common: the ring, signals, leases, and which errors there may be. */
import type { ManyResults, Ring } from 'ringlet';
import type { Random } from '../support/random.js';

/** Errors of a kernel that is short of something: the same call may do better. */
const SHORTAGE = /^(ENOMEM|EAGAIN|EBUSY)$/;
/** Of calls that end with their ring, or are made after that. */
const ENDED = new RegExp(
  '^(ERR_RINGLET_CLOSED|ECANCELED|EBADF|ECONNRESET|EPIPE|ERR_SOCKET_CLOSED|ERR_SOCKET_DGRAM_NOT_RUNNING' +
    '|ERR_INVALID_STATE|ECONNREFUSED|ENOENT|ERR_SERVER_NOT_RUNNING)$',
);

export function codeOf(error: unknown): string {
  return String((error as NodeJS.ErrnoException | undefined)?.code);
}

/** The same call until it is no shortage that stops it. */
export async function persist<Value>(call: () => Promise<Value>): Promise<Value> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await call();
    } catch (error) {
      if (attempt === 200 || !SHORTAGE.test(codeOf(error))) throw error;
    }
  }
}

/** Beside a shortage, what a call may end with. */
export interface Tolerance {
  readonly signal?: AbortSignal | undefined;
  /** Codes, where `when` holds. */
  readonly codes?: RegExp;
  readonly when?: () => boolean;
}

interface Waiting {
  step: number;
  run: () => void;
}

export class Stage {
  readonly ring: Ring;
  readonly directory: string;
  /** Whether the ring is being closed with calls under way. */
  isEnding = false;
  /** What is held on purpose, and has to be given back. */
  readonly #held: { release(): void }[] = [];
  readonly #waiting: Waiting[] = [];
  #step = 0;

  constructor(ring: Ring, directory: string) {
    this.ring = ring;
    this.directory = directory;
  }

  /** Undefined for a call that ended with an error which there may be; any other is a finding. */
  async attempt<Value>(call: Promise<Value>, tolerance: Tolerance = {}): Promise<Value | undefined> {
    try {
      return await call;
    } catch (error) {
      if (this.tolerates(error, tolerance)) return undefined;
      throw error;
    }
  }

  /** What became of each of many calls, also where the whole was given up; empty where none has begun. */
  async attemptMany<Value>(
    call: Promise<ManyResults<Value>>,
    tolerance: Tolerance = {},
  ): Promise<ManyResults<Value>> {
    try {
      return await call;
    } catch (error) {
      if (!this.tolerates(error, tolerance)) throw error;
      return (error as { results?: ManyResults<Value> }).results ?? [];
    }
  }

  tolerates(error: unknown, { signal, codes, when = () => true }: Tolerance): boolean {
    const code = codeOf(error);
    const isAborted = code === 'ABORT_ERR' && signal?.aborted === true;
    return isAborted || SHORTAGE.test(code) || (codes?.test(code) === true && when());
  }

  /** Whether it is no finding: the ring has ended under the call. */
  isEndedBy(error: unknown): boolean {
    return this.isEnding && ENDED.test(codeOf(error));
  }

  /** A signal, now and then, which is aborted at some moment to come. */
  perhapsAborted(random: Random): { signal?: AbortSignal } {
    if (!random.chance(15)) return {};
    const controller = new AbortController();
    const abort = (): void => controller.abort();
    const when = random.integer(4);
    if (when === 0) queueMicrotask(abort);
    else if (when === 1) setImmediate(abort);
    else this.#waiting.push({ step: this.#step + random.integer(30), run: abort });
    return { signal: controller.signal };
  }

  /** One more operation has been made: aborts what is due. */
  advance(): void {
    this.#step++;
    for (let index = this.#waiting.length - 1; index >= 0; index--) {
      const { step, run } = this.#waiting[index] as Waiting;
      if (step > this.#step) continue;
      this.#waiting.splice(index, 1);
      run();
    }
  }

  hold(lease: { release(): void }): void {
    this.#held.push(lease);
  }

  releaseAll(): void {
    for (const each of this.#held.splice(0)) each.release();
  }
}

/** Undefined where there is nothing to be done just now. */
export type Action = (random: Random) => Promise<void> | undefined;

/** Some objects of one kind, with the model of each. */
export interface Part {
  /** By name. Each takes a free target, makes a call or a few, and tells the model. */
  readonly actions: Readonly<Record<string, Action>>;
  /** What takes the next of what has left and has not come yet; undefined where all has. */
  readonly takes?: readonly (() => Promise<void> | undefined)[];
  /** Closes everything and looks whether it is as the model says. */
  end(): Promise<void>;
  /** What the model knows, for a failure. */
  describe?(): unknown;
}
