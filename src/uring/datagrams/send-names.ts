/** The destinations of a socket in the kernel's form, remembered: encoding one costs more than a send. */

import type { SocketAddress } from '../../contract/address.js';
import { addressError } from '../../errors/index.js';
import { addressOf } from '../../native/addresses.js';
import { encodeName } from '../sockets/socket-names.js';

const NAMES_MAX = 1024;

/** A struct sockaddr. SAFETY: the operation that shows `address` to the kernel keeps `bytes` until it is done. */
export interface Name {
  readonly bytes: Uint8Array;
  readonly address: number;
}

export class SendNames {
  readonly #byHost = new Map<string, Map<number, Name>>();
  #count = 0;

  of(remote: SocketAddress): Name {
    const host = remote.path ?? remote.address;
    return this.#byHost.get(host)?.get(remote.port) ?? this.#add(host, remote);
  }

  #add(host: string, remote: SocketAddress): Name {
    const bytes = encodeName(remote);
    if (typeof bytes === 'number') throw addressError(bytes, 'send', remote.address, remote.port);
    if (this.#count >= NAMES_MAX) {
      this.#byHost.clear();
      this.#count = 0;
    }
    const name = { bytes, address: addressOf(bytes) };
    const ports = this.#byHost.get(host);
    if (ports === undefined) this.#byHost.set(host, new Map([[remote.port, name]]));
    else ports.set(remote.port, name);
    this.#count++;
    return name;
  }
}
