/** Time and readiness: sleeps, intervals, polls and watches of a FIFO. */
import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs';
import type { PollEvent } from 'ringlet';
import { eventually, within } from '../support/eventually.js';
import { check } from './models.js';
import type { Action, Part, Stage } from './stage.js';

const SLEEP_MS_MAX = 3;
const POLLS_MAX = 8;
const NEWS = Buffer.from('!');

export class Events implements Part {
  readonly #stage: Stage;
  readonly #fd: number;
  /** Bytes in the FIFO, and how often one has been put there. */
  #bytes = 0;
  #writes = 0;
  readonly #polls = new Set<Promise<unknown>>();
  /** What polls and the watch ended with, where nothing waits for them. */
  readonly #failures: unknown[] = [];
  #watched = 0;
  #watch: AsyncIterableIterator<PollEvent[]> | undefined;
  #watching: Promise<void> | undefined;

  constructor(stage: Stage, fifo: string) {
    this.#stage = stage;
    this.#fd = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK);
  }

  readonly #sleep: Action = (random) => {
    const ms = random.integer(SLEEP_MS_MAX * 4) / 4;
    const options = this.#stage.perhapsAborted(random);
    const from = performance.now();
    const sleep = async (): Promise<void> => {
      await this.#stage.ring.sleep(ms, options);
      const passedMs = performance.now() - from;
      check(passedMs >= ms - 0.1, () => `a sleep of ${ms} ms was over after ${passedMs}`);
    };
    return this.#stage.attempt(sleep(), options);
  };

  readonly #beat: Action = (random) => {
    if (random.chance(80)) return undefined;
    const ms = 1 + random.integer(SLEEP_MS_MAX - 1);
    const count = 1 + random.integer(3);
    const options = this.#stage.perhapsAborted(random);
    const from = performance.now();
    const iterate = async (): Promise<void> => {
      let periods = 0;
      let left = count;
      for await (const passed of this.#stage.ring.interval(ms, options)) {
        periods += passed;
        const passedMs = performance.now() - from;
        const isRight = passed >= 1 && periods * ms <= passedMs + 0.1;
        check(isRight, () => `${periods} periods of ${ms} ms were over after ${passedMs} ms`);
        if (--left === 0) break;
      }
    };
    return this.#stage.attempt(iterate(), options);
  };

  readonly #poll: Action = (random) => {
    if (this.#polls.size >= POLLS_MAX) return undefined;
    const options = this.#stage.perhapsAborted(random);
    const wants = random.pick<PollEvent[]>([['readable'], ['writable'], ['readable', 'writable']]);
    const { ring } = this.#stage;
    const hadBytes = this.#bytes > 0;
    const writesBefore = this.#writes;
    const polling = (async () => {
      const events = await this.#stage.attempt(ring.poll(this.#fd, wants, options), options);
      if (events === undefined) return;
      check(events.length > 0, () => 'a poll ended without an event');
      const isUnasked = events.some((event) => !wants.includes(event));
      check(!isUnasked, () => `a poll for ${wants.join()} tells of ${events.join()}`);
      const couldRead = hadBytes || this.#writes > writesBefore;
      check(couldRead || !events.includes('readable'), () => 'an empty pipe is said to be readable');
    })();
    this.#polls.add(polling);
    const end = (): void => {
      this.#polls.delete(polling);
    };
    polling.then(end, end);
    if (wants.includes('writable')) return polling;
    // It waits for what another operation does, and may do so up to the end.
    this.#note(polling);
    return Promise.resolve();
  };

  #put(): void {
    this.#writes++;
    this.#bytes += writeSync(this.#fd, NEWS);
  }

  readonly #write: Action = () => {
    this.#put();
    return Promise.resolve();
  };

  readonly #drain: Action = () => {
    if (this.#bytes === 0) return undefined;
    this.#bytes -= readSync(this.#fd, Buffer.alloc(1 + this.#bytes));
    return Promise.resolve();
  };

  readonly #startWatch: Action = (random) => {
    if (this.#watching !== undefined) return undefined;
    const options = this.#stage.perhapsAborted(random);
    const left = 1 + random.integer(6);
    const watch = this.#stage.ring.watch(this.#fd, ['readable'], options);
    this.#watch = watch;
    const iterate = async (): Promise<void> => {
      let count = 0;
      for await (const events of watch) {
        this.#watched++;
        check(events.includes('readable'), () => `a watch for readable tells of ${events.join()}`);
        if (++count === left) break;
      }
    };
    this.#watching = this.#stage.attempt(iterate(), options).finally(() => {
      this.#watching = undefined;
    });
    this.#note(this.#watching);
    return Promise.resolve();
  };

  #note(call: Promise<unknown>): void {
    call.catch((error: unknown) => this.#failures.push(error));
  }

  readonly actions = {
    sleep: this.#sleep,
    beat: this.#beat,
    poll: this.#poll,
    pollToo: this.#poll,
    write: this.#write,
    drain: this.#drain,
    watch: this.#startWatch,
  };

  /** What has been waited for comes to pass: all polls are told, and so is the watch. */
  async end(): Promise<void> {
    try {
      if (!this.#stage.isEnding) {
        const seen = this.#watched;
        this.#put();
        const isTold = (): boolean => this.#watching === undefined || this.#watched > seen;
        await Promise.all([
          within('polls of what is readable', Promise.all(this.#polls)),
          eventually('a watch to tell of what has been written', isTold),
        ]);
        if (this.#watch?.return !== undefined) await within('the end of a watch', this.#watch.return());
        await this.#watching;
      }
      await this.#settled();
    } finally {
      closeSync(this.#fd);
    }
  }

  async #settled(): Promise<void> {
    await within('the end of polls', Promise.allSettled([...this.#polls, this.#watching]));
    for (const failure of this.#failures) if (!this.#stage.isEndedBy(failure)) throw failure;
  }
}
