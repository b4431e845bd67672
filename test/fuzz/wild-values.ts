/** Arguments that no caller in their senses would pass, and in between some that one would. */
import type { Random } from '../support/random.js';
import type { GuardedMemory } from './guarded-memory.js';

/** What the values themselves throw. */
export class OwnError extends Error {}

const NUMBERS = [
  ...[0, 1, 2, 3, 7, 16, 100, 255, 1000, 4096, 65_535, 65_536, 2 ** 20, -1, -2],
  ...[0.5, 1.5, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 1e300],
  ...[2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1, 2 ** 53, -(2 ** 31), -(2 ** 53)],
];
const BIGINTS = [0n, 1n, -1n, 100n, 2n ** 62n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n];
/** Names of files, which are relative: everything stays in the working directory. */
export const NAMES = ['a', 'b', 'c', 'd/x', 'd/y', 'd', 'e', 'e/f'];
const STRINGS = [
  ...[...NAMES, '', '.', 'a\0b', 'x'.repeat(300), '\ud800', 'é', 'abc'],
  ...['utf8', 'latin1', 'hex', 'base64', 'buffer', 'r', 'w', 'r+', 'w+', 'a+', 'wx', '0777', 'dir'],
  ...['readable', 'writable', 'priority', 'SIGUSR2', 'SIGKILL', '127.0.0.1', '::1', 'IPv4', 'Unix'],
  ...['beneath', 'inRoot', 'user.a', 'sequential', 'keepSize', 'set'],
];
const KEYS = [
  ...['signal', 'timeout', 'position', 'offset', 'length', 'buffer', 'encoding', 'flag', 'flags', 'mode'],
  ...['recursive', 'force', 'fill', 'lease', 'bigint', 'throwIfNoEntry', 'timeoutMs', 'concurrency', 'start'],
  ...['end', 'highWaterMark', 'autoClose', 'limit', 'chunkSize', 'flush', 'path', 'address', 'port', 'host'],
  ...['data', 'remote', 'segmentBytes', 'ecn', 'local', 'countMax', 'resolve', 'directory', 'withFileTypes'],
  ...['registered', 'waitingMax', 'noDelay', 'keepAlive', 'receiveQueueBytes', 'writeQueueBytes', 'backlog'],
  ...['family', 'reuseAddress', 'allowHalfOpen', 'type', 'bufferSize', 'persistent', 'filter', 'maxRetries'],
];

export interface Surroundings {
  readonly memory: GuardedMemory;
  /** Something that calls are made on, to be passed where it does not belong. */
  object(): unknown;
  /** Something that happens in the middle of a call: a handle is closed, a buffer shrinks. */
  disturb(): void;
}

export class WildValues {
  readonly #random: Random;
  readonly #surroundings: Surroundings;

  constructor(random: Random, surroundings: Surroundings) {
    this.#random = random;
    this.#surroundings = surroundings;
  }

  get #memory(): GuardedMemory {
    return this.#surroundings.memory;
  }

  #effect(): void {
    if (this.#random.chance(10)) throw new OwnError('on purpose');
    this.#surroundings.disturb();
  }

  number(): number {
    // A number times nothing, of either sign, is among them.
    return this.#random.chance(10) ? -this.#random.integer(3) : this.#random.pick(NUMBERS);
  }

  list(): unknown[] {
    return Array.from({ length: this.#random.integer(5) }, () => this.any());
  }

  /** Buffer and options, of which one takes the buffer away as it is read. */
  doomedTransfer(): unknown[] {
    const { view, giveAway } = this.#memory.doomed();
    const options = this.options(1);
    Object.defineProperty(options, this.#random.pick(['position', 'offset', 'length', 'encoding', 'x']), {
      enumerable: true,
      get: () => {
        giveAway();
        return undefined;
      },
    });
    return [view, options];
  }

  signal(): unknown {
    const random = this.#random;
    switch (random.integer(6)) {
      case 0:
        return AbortSignal.abort(random.pick([undefined, null, 1, new OwnError('reason')]));
      case 1: {
        const controller = new AbortController();
        setImmediate(() => controller.abort());
        return controller.signal;
      }
      case 2: {
        const controller = new AbortController();
        queueMicrotask(() => controller.abort(new OwnError('reason')));
        return controller.signal;
      }
      case 3:
        return AbortSignal.timeout(random.integer(5));
      case 4:
        return {
          aborted: random.chance(50),
          addEventListener: (_type: string, listener: () => void) => {
            if (random.chance(30)) listener();
            this.#effect();
          },
          removeEventListener: () => this.#effect(),
        };
      default:
        return new AbortController().signal;
    }
  }

  options(depth = 0): Record<string, unknown> {
    const random = this.#random;
    const options: Record<string, unknown> = random.chance(10) ? Object.create(null) : {};
    for (let left = random.integer(4); left > 0; left--) {
      const key = random.pick(KEYS);
      const make = (): unknown => (key === 'signal' ? this.signal() : this.any(depth + 1));
      if (random.chance(80)) {
        options[key] = make();
        continue;
      }
      const get = (): unknown => {
        this.#effect();
        return make();
      };
      Object.defineProperty(options, key, { enumerable: true, configurable: true, get });
    }
    return options;
  }

  #proxy(): object {
    const target = this.#random.pick([
      {},
      [this.#memory.view()],
      this.#memory.view(),
      this.options(3),
    ]) as object;
    if (this.#random.chance(20)) {
      const { proxy, revoke } = Proxy.revocable(target, {});
      revoke();
      return proxy;
    }
    const get = (of: object, key: string | symbol): unknown => {
      this.#effect();
      return Reflect.get(of, key, of);
    };
    return new Proxy(target, { get });
  }

  *#parts(): Generator<unknown> {
    for (let left = this.#random.integer(4); left > 0; left--) {
      this.#effect();
      yield this.any(2);
    }
  }

  async *#laterParts(): AsyncGenerator<unknown> {
    yield* this.#parts();
  }

  any(depth = 0): unknown {
    const random = this.#random;
    switch (random.integer(depth > 2 ? 9 : 17)) {
      case 0:
        return random.pick([undefined, null, true, false, Symbol('any')]);
      case 1:
      case 2:
        return this.number();
      case 3:
      case 4:
        return random.pick(STRINGS);
      case 5:
        return random.pick(BIGINTS);
      case 6:
      case 7:
        return this.#memory.view();
      case 8:
        return this.#memory.buffer();
      case 9:
      case 10:
        return this.options(depth);
      case 11: {
        const list = Array.from({ length: random.integer(5) }, () => this.any(depth + 1));
        if (random.chance(20)) delete list[0];
        return list;
      }
      case 12:
        return this.#proxy();
      case 13:
        return random.pick([this.#parts(), this.#laterParts(), new Map(), new Set([1]), new Date()]);
      case 14:
        return random.pick([new URL('http://x/'), new URL('file:///%00'), new Blob(['x'])]);
      case 15:
        return this.#surroundings.object();
      default:
        return this.signal();
    }
  }
}
