/**
 * The options of a connection that can be changed while it is open. All of them are plain calls that never wait.
 *
 * @see socket(7), tcp(7)
 */

import { checkBoolean } from '../../base/validate.js';
import type { BackendStream, StreamOptions } from '../../contract/streams.js';
import { connectionClosedError } from '../../errors/index.js';
import { checkKeepAliveDelay, toKeepAliveSeconds, toLingerSeconds } from './stream-options.js';

export abstract class StreamSettings {
  readonly #backend: BackendStream;

  constructor(backend: BackendStream) {
    this.#backend = backend;
  }

  abstract get isClosed(): boolean;

  /** TCP_NODELAY: whether small writes leave at once. Nothing happens to a Unix socket. */
  setNoDelay(isOn = true): this {
    return this.#set({ noDelay: checkBoolean(isOn, 'isOn') });
  }

  /** SO_KEEPALIVE, with the silence before the first probe in milliseconds; 0 leaves what is set. */
  setKeepAlive(isOn = false, initialDelayMs = 0): this {
    const delayMs = checkKeepAliveDelay(initialDelayMs, 'initialDelayMs');
    return this.#set({ keepAliveSeconds: toKeepAliveSeconds(checkBoolean(isOn, 'isOn'), delayMs) });
  }

  /** TCP_QUICKACK: whether to acknowledge at once. The kernel may change its mind. */
  setQuickAck(isOn = true): this {
    return this.#set({ quickAck: checkBoolean(isOn, 'isOn') });
  }

  /** SO_LINGER in seconds; null turns it off. */
  setLinger(seconds: number | null): this {
    return this.#set({ lingerSeconds: toLingerSeconds(seconds, 'seconds') });
  }

  #set(options: StreamOptions): this {
    if (this.isClosed) throw connectionClosedError();
    this.#backend.setOptions(options);
    return this;
  }
}
