/**
 * What becomes of a socket or listener that is collected without having been closed: it is closed then, with
 * a warning. What is awaited keeps the socket, or holds up the closing: an iterator, through what waits
 * for it in the kernel, holds its socket, and calls come to their own end first.
 */

/** What is left of it: the backend's side. */
export interface Remains {
  /** Whether it has been closed, by its owner or with its ring. */
  readonly isClosing: boolean;
  /** Closes it, once the calls that may be awaited are over. */
  abandon(): Promise<void>;
}

function registryFor(kind: string): FinalizationRegistry<Remains> {
  return new FinalizationRegistry((remains) => {
    if (remains.isClosing) return;
    process.emitWarning(`Closing a ${kind} on garbage collection`, {
      detail: `Close ${kind} objects with close() or "await using"; how long it takes otherwise is unknown.`,
    });
    void remains.abandon();
  });
}

const registries = {
  StreamSocket: registryFor('StreamSocket'),
  Listener: registryFor('Listener'),
  DatagramSocket: registryFor('DatagramSocket'),
};

/** @param remains must not refer to `owner`. */
export function watchDropped(kind: keyof typeof registries, owner: object, remains: Remains): void {
  registries[kind].register(owner, remains, owner);
}

/** Its owner closes it. */
export function unwatchDropped(kind: keyof typeof registries, owner: object): void {
  registries[kind].unregister(owner);
}
