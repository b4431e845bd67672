/** From a socket's goal to the addresses to try, by `lookup` or dns.lookup. */
import type { EventEmitter } from 'node:events';
import { isIP } from 'node:net';
import { familyOf, type SocketAddress } from '../../contract/address.js';
import { invalidAddressFamily, invalidIpAddress } from '../../errors/index.js';
import { inTurn } from '../../net/streams/connect.js';
import type { HostGoal } from './calls.js';

interface FoundAddress {
  address: string;
  family: number;
}

/** The addresses in the order of trying them; the socket emits 'lookup' for each. @throws what `lookup` throws. */
export function lookUp(goal: HostGoal, socket: EventEmitter, signal: AbortSignal): Promise<SocketAddress[]> {
  const { host, port, family, hints } = goal;
  const literal = familyOf(host);
  if (literal !== undefined) return Promise.resolve([{ address: host, port, family: literal }]);
  const dns = process.getBuiltinModule('node:dns');
  const lookup = goal.lookup ?? dns.lookup;
  const options = {
    family,
    hints: family === 0 && hints === 0 ? dns.ADDRCONFIG : hints,
    ...(goal.attemptTimeoutMs !== undefined && { all: true }),
  };
  let [resolve, reject] = [(_found: FoundAddress[]): void => {}, (_error: Error): void => {}];
  const looking = new Promise<FoundAddress[]>((...both) => {
    [resolve, reject] = both;
  });
  // Not in the promise: what it throws is the caller's.
  lookup(host, options, (error, address, version) => {
    if (signal.aborted) return;
    if (error) {
      socket.emit('lookup', error, undefined, undefined, host);
      reject(error);
      return;
    }
    const all = Array.isArray(address) ? address : [{ address, family: version as number }];
    for (const each of all) socket.emit('lookup', error, each.address, each.family, host);
    resolve(all);
  });
  return looking.then((found) => toAttempt(found, host, port));
}

/** @throws what the first address that was found is at fault in, where none will do. */
function toAttempt(found: readonly FoundAddress[], host: string, port: number): SocketAddress[] {
  const good = found.filter(({ address, family }) => isIP(address) && (family === 4 || family === 6));
  const unique = [...new Map(good.map((each) => [each.address, each])).values()];
  const [first] = found;
  if (unique.length === 0) {
    if (first === undefined || !isIP(first.address)) throw invalidIpAddress(String(first?.address));
    throw invalidAddressFamily(first.family, host, port);
  }
  return inTurn(
    unique.map(({ address, family }) => ({ address, port, family: family === 6 ? 'IPv6' : 'IPv4' })),
  );
}
