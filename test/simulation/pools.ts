/** A pool of buffers, written from and read into, each with one holder at a time. */
import { join } from 'node:path';
import type { BufferPool, FileHandle, PooledBuffer } from 'ringlet';
import { within } from '../support/eventually.js';
import { pattern } from '../support/temporary.js';
import { check } from './models.js';
import { type Action, type Part, persist, type Stage } from './stage.js';

const BYTES = 512;
const COUNT = 4;
const WAITING_MAX = 8;
/** Places in the file, each with one user at a time. */
const PLACES = 64;

export class Pools implements Part {
  readonly #stage: Stage;
  readonly #file: FileHandle;
  #pool: BufferPool;
  readonly #free = Array.from({ length: PLACES }, (_, index) => index * BYTES);
  #isClosing = false;
  /** Of the pool, the buffers that are lent, by where they lie. */
  #lent = new Set<number>();

  private constructor(stage: Stage, file: FileHandle) {
    this.#stage = stage;
    this.#file = file;
    this.#pool = this.#make();
  }

  static async make(stage: Stage): Promise<Pools> {
    const path = join(stage.directory, 'pooled');
    return new Pools(stage, await persist(() => stage.ring.fs.open(path, 'w+')));
  }

  #make(): BufferPool {
    return this.#stage.ring.bufferPool({ count: COUNT, bytes: BYTES, waitingMax: WAITING_MAX });
  }

  /** What another holder may have written into it would show. */
  #expect({ data }: PooledBuffer, content: Buffer, what: string): void {
    check(data.equals(content), () => `a buffer has other bytes ${what}`);
  }

  async #use(buffer: PooledBuffer, content: Buffer, isHeld: boolean): Promise<void> {
    const at = buffer.data.byteOffset;
    const lent = this.#lent;
    check(!lent.has(at), () => 'a buffer was lent twice');
    lent.add(at);
    const position = this.#free.shift();
    if (position === undefined) throw new Error('more buffers are in use than there may be calls');
    try {
      content.copy(buffer.data);
      const written = await this.#stage.attempt(this.#file.write(buffer.data, { position }));
      this.#expect(buffer, content, 'after a write');
      if (written?.bytesWritten === BYTES) {
        buffer.data.fill(0);
        const read = await this.#stage.attempt(this.#file.read(buffer.data, { position }));
        const count = read?.bytesRead ?? 0;
        const [found, expected] = [buffer.data.subarray(0, count), content.subarray(0, count)];
        check(found.equals(expected), () => {
          const at = found.findIndex((byte, index) => byte !== expected[index]);
          const here = found.subarray(at, at + 8).toString('hex');
          return `a file has other bytes than a pooled buffer: ${here} from ${at} of ${count} on, at ${position}`;
        });
      }
    } finally {
      this.#free.push(position);
      const giveBack = (): void => {
        lent.delete(at);
        buffer.release();
      };
      if (isHeld) this.#stage.hold({ release: giveBack });
      else giveBack();
    }
  }

  readonly #lend: Action = (random) => {
    if (this.#isClosing || this.#pool.waitingCount === WAITING_MAX) return undefined;
    const options = this.#stage.perhapsAborted(random);
    const content = pattern(BYTES, random.integer(1 << 30));
    const isHeld = random.chance(20);
    const pool = this.#pool;
    const call = pool.acquire(options);
    return (async () => {
      const closed = { codes: /^ERR_INVALID_STATE$/, when: () => pool.isClosed };
      const buffer = await this.#stage.attempt(call, { ...closed, ...options });
      if (buffer !== undefined) await this.#use(buffer, content, isHeld);
    })();
  };

  readonly #renew: Action = (random) => {
    if (this.#isClosing || random.chance(90)) return undefined;
    this.#isClosing = true;
    return (async () => {
      await this.#pool.close();
      this.#pool = this.#make();
      this.#lent = new Set();
      this.#isClosing = false;
    })();
  };

  readonly actions = { lend: this.#lend, lendToo: this.#lend, renewPool: this.#renew };

  async end(): Promise<void> {
    const { freeCount, waitingCount } = this.#pool;
    const isWhole = this.#stage.isEnding || freeCount === COUNT;
    check(isWhole, () => `${COUNT - freeCount} buffers of a pool are lost, ${waitingCount} wait for one`);
    await within('the close of a pool', this.#pool.close());
    await within('the close of a file', this.#file.close());
  }
}
