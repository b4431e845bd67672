/**
 * The chunks of a connection for a Duplex, without a promise of each.
 *
 * What comes in one batch of completions is handed over by one microtask, for the program's code must not run while
 * the batch is being handed out.
 */
import type { ChunkWaiter } from '../../contract/chunk-queue.js';
import { nextTick } from '../../base/real-timers.js';
import { readerBusyError } from '../../errors/index.js';
import type { Readership } from './stream-access.js';
import { toOwned } from './stream-iterators.js';

/** What a Duplex gets its chunks from. */
export interface ChunkSource {
  /** Has the owner told of the next thing that comes. Asked again before that, it does nothing. */
  ask(): void;
  /**
   * What has come, as the owner has been told: a chunk, or null for the end.
   *
   * @throws why no more comes.
   */
  take(): Buffer | null;
  /** No more is wanted. */
  end(): void;
}

/** Tells of a chunk, the end or a failure: each is to be taken. */
export type TellOwner = (source: ChunkSource) => void;

export class ChunkFeed implements ChunkSource, ChunkWaiter {
  readonly #readership: Readership;
  readonly #tell: TellOwner;
  #isAsked = false;
  #isOver = false;
  #refusal: (() => Error) | undefined;

  constructor(readership: Readership, tell: TellOwner) {
    this.#readership = readership;
    this.#tell = tell;
  }

  ask(): void {
    if (this.#isAsked || this.#isOver) return;
    this.#isAsked = true;
    this.#begin();
    const { incoming } = this.#readership.stream;
    const isThere = this.#refusal !== undefined || incoming.byteLength > 0 || incoming.isEnded;
    // Ticks of the program come between two chunks, as between those of a net.Socket.
    if (isThere) nextTick(announce, this);
    else incoming.wait(this);
  }

  #begin(): void {
    const readership = this.#readership;
    if (readership.reader === this) return;
    if (readership.reader !== undefined || readership.stream.isReading) {
      this.#refusal = readerBusyError;
      return;
    }
    readership.reader = this;
    readership.stream.receive(false);
  }

  onChunks(): void {
    announce(this);
  }

  tell(): void {
    if (this.#isOver) return;
    this.#isAsked = false;
    this.#tell(this);
  }

  take(): Buffer | null {
    if (this.#refusal !== undefined) throw this.#refusal();
    const { incoming } = this.#readership.stream;
    const chunk = incoming.take();
    if (chunk !== undefined) return toOwned(chunk);
    const { failure } = incoming;
    this.end();
    if (failure !== undefined) throw failure();
    return null;
  }

  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    const readership = this.#readership;
    if (readership.reader !== this) return;
    readership.reader = undefined;
    readership.stream.incoming.forget(this);
    void readership.stream.pause();
  }
}

const emptyStack = Promise.resolve();
let announced: ChunkFeed[] = [];

function announce(feed: ChunkFeed): void {
  if (announced.push(feed) === 1) void emptyStack.then(tellAll);
}

function tellAll(): void {
  const feeds = announced;
  announced = [];
  for (const feed of feeds) feed.tell();
}
