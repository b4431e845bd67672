/** The addresses of names, by the look-up that a socket of 'ringlet/dgram' was made with. */
import type { LookupOptions } from 'node:dns';
import type { LookupFunction } from 'node:net';
import { familyOf } from '../../contract/address.js';
import type { SocketType } from './options.js';

type FoundAddress = (error: Error | null, address: string) => void;

const dns = process.getBuiltinModule('node:dns');
/** To know it from one that a program has put in its place, and expects to be asked. */
const nodesLookup = dns.lookup;

export class NameLookup {
  readonly #lookup: LookupFunction;
  readonly #family: 4 | 6;

  /** @param lookup `dns.lookup` as it is now, unless it is given. */
  constructor(lookup: LookupFunction | undefined, type: SocketType) {
    this.#lookup = lookup ?? dns.lookup;
    this.#family = type === 'udp6' ? 6 : 4;
  }

  /** Not where the look-up is not Node's, and wants to be asked for literal addresses, too. */
  isFoundAtOnce(host: string): boolean {
    return this.#lookup === nodesLookup && familyOf(host) !== undefined;
  }

  find(host: string, onFound: FoundAddress): void {
    if (this.isFoundAtOnce(host)) {
      onFound(null, host);
      return;
    }
    // A number for options, as Node has it.
    this.#lookup(host, this.#family as unknown as LookupOptions, (error, found) => {
      onFound(error, typeof found === 'string' ? found : (found?.[0]?.address ?? host));
    });
  }
}
