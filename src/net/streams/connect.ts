/**
 * From a host name to a connection: the look-up, and the race between its addresses (RFC 8305).
 *
 * The order is node:net's: families alternate, beginning with that of the first address found. An attempt
 * that takes longer than the attempt timeout is joined by the next one instead of being given up; whichever
 * connects first wins, and the others are cancelled.
 */
import { unwatchAbort, watchAbort } from '../../base/abort.js';
import { clearTimeout, setTimeout } from '../../base/real-timers.js';
import { familyOf, type SocketAddress } from '../../contract/address.js';
import { abortError, connectTimeoutError } from '../../errors/index.js';

interface RaceOptions {
  /** Milliseconds before the next address joins in; 0 tries one after another. */
  attemptTimeoutMs: number;
  /** Milliseconds for everything, the look-up included; 0 for no limit. */
  timeoutMs: number;
  signal: AbortSignal | undefined;
  /** Told of an attempt that the next one joins. */
  onSlow?: (remote: SocketAddress) => void;
}

/** What an attempt makes; one that comes too late is closed. */
interface Connection {
  close(isReset: boolean): Promise<void>;
}

type Attempt<Made> = (remote: SocketAddress, signal: AbortSignal | undefined) => Promise<Made>;

/** In the order of trying them: families alternate, beginning with the first one's. */
export function inTurn(addresses: readonly SocketAddress[]): SocketAddress[] {
  const first = addresses[0]?.family;
  return interleave(
    addresses.filter(({ family }) => family === first),
    addresses.filter(({ family }) => family !== first),
  );
}

/** The addresses of a host, in the order of trying them. Rejects with dns.lookup's errors. */
export async function addressesOf(host: string, port: number, family: 0 | 4 | 6): Promise<SocketAddress[]> {
  const literal = familyOf(host);
  if (literal !== undefined) return [{ address: host, port, family: literal }];
  const { lookup } = process.getBuiltinModule('node:dns/promises');
  const found = await lookup(host, { all: true, family });
  return inTurn(
    found.map(({ address, family: version }) => ({ address, port, family: version === 6 ? 'IPv6' : 'IPv4' })),
  );
}

function interleave<Item>(these: readonly Item[], those: readonly Item[]): Item[] {
  const count = Math.max(these.length, those.length);
  return Array.from({ length: count }, (_unused, index) => [
    ...these.slice(index, index + 1),
    ...those.slice(index, index + 1),
  ]).flat();
}

/**
 * Connects to one of what `find` yields.
 *
 * @param describe names the goal in a timeout's error.
 */
export async function connectToAny<Made extends Connection>(
  find: (signal: AbortSignal) => Promise<SocketAddress[]>,
  attempt: Attempt<Made>,
  options: RaceOptions,
  describe: SocketAddress,
): Promise<Made> {
  const { signal, timeoutMs } = options;
  if (signal?.aborted) throw abortError(signal);
  const controller = new AbortController();
  let hasTimedOut = false;
  const timer =
    timeoutMs > 0
      ? setTimeout(() => {
          hasTimedOut = true;
          controller.abort();
        }, timeoutMs)
      : undefined;
  const onOutsideAbort = { onAbort: (outer: AbortSignal) => controller.abort(outer.reason) };
  if (signal !== undefined) watchAbort(signal, onOutsideAbort);
  try {
    const addresses = await find(controller.signal);
    return await race(addresses, attempt, options, controller.signal);
  } catch (error) {
    if (hasTimedOut) throw connectTimeoutError(describe.path ?? describe.address, describe.port);
    if (signal?.aborted) throw abortError(signal);
    throw error;
  } finally {
    clearTimeout(timer);
    if (signal !== undefined) unwatchAbort(signal, onOutsideAbort);
  }
}

/** The first connection that one of the attempts makes, or what all of them failed with. */
function race<Made extends Connection>(
  addresses: readonly SocketAddress[],
  attempt: Attempt<Made>,
  { attemptTimeoutMs, onSlow }: RaceOptions,
  signal: AbortSignal,
): Promise<Made> {
  if (addresses.length === 1) return attempt(addresses[0] as SocketAddress, signal);
  return new Promise((resolve, reject) => {
    const errors: Error[] = [];
    const running = new Set<AbortController>();
    let nextIndex = 0;
    let isOver = false;
    let timer: NodeJS.Timeout | undefined;

    const end = (): void => {
      isOver = true;
      clearTimeout(timer);
      unwatchAbort(signal, onAbort);
      for (const other of running) other.abort();
    };
    const onAbort = {
      onAbort: () => {
        end();
        reject(abortError(signal));
      },
    };
    const fail = (error: Error): void => {
      errors.push(error);
      if (nextIndex < addresses.length) begin();
      else if (running.size === 0) {
        end();
        reject(errors.length === 1 ? error : aggregate(errors));
      }
    };
    const begin = (): void => {
      clearTimeout(timer);
      const remote = addresses[nextIndex++] as SocketAddress;
      const controller = new AbortController();
      running.add(controller);
      if (attemptTimeoutMs > 0 && nextIndex < addresses.length) {
        timer = setTimeout(() => {
          try {
            onSlow?.(remote);
          } finally {
            if (!isOver) begin();
          }
        }, attemptTimeoutMs);
      }
      attempt(remote, controller.signal).then(
        (stream) => {
          running.delete(controller);
          if (isOver) void stream.close(true);
          else {
            end();
            resolve(stream);
          }
        },
        (error: Error) => {
          running.delete(controller);
          if (!isOver) fail(error);
        },
      );
    };
    if (signal.aborted) {
      reject(abortError(signal));
      return;
    }
    watchAbort(signal, onAbort);
    begin();
  });
}

/** As node:net's: the code is the first error's. */
function aggregate(errors: readonly Error[]): AggregateError {
  const error: AggregateError & { code?: string } = new AggregateError(errors);
  const { code } = errors[0] as NodeJS.ErrnoException;
  if (code !== undefined) error.code = code;
  return error;
}
