/**
 * Tests of Node's own that pass plain and not under `ringlet/register`, by cause, and what the causes are. A cause that
 * shows in a test's text is told from it; the others have their tests named.
 */

export const CAUSES = {
  internals: 'they look into Node: internalBinding, handles, private symbols and lists, internal errors',
  preload:
    'they fail as well with an empty module in the place of ringlet/register: what is preloaded by --import delays the program',
  listeners: "they count listeners, among them one for 'end' that net.Socket puts on itself",
  handles:
    'a FileHandle of ringlet’s is of another class: Node takes none for HTTP/2 files, and none passes to a worker',
  earlier:
    'a call is over before the test has aborted it, or has been sent before the test closes its socket',
  performance: "no entries of the type 'net' in performance.timeline: no program can add them",
  looks: 'an error of a buffer size shows `errno` as a value, and not as an accessor',
  interface: 'an IPv6 interface that there is not is EINVAL, and not any interface',
  http2:
    'HTTP/2 runs over a stream, and not over a native handle: it begins a turn of the loop later, and tells of a connection that has gone in other words or not at all',
  tlsOverStream: 'TLS runs over a stream, and not over a native handle: what ends it comes in another order',
  httpOverStream:
    'an HTTP parser reads from a stream: a message that ends with the connection is told of earlier, or by one event more',
};

/** What only Node itself has. */
const INSIDE =
  /--expose-internals|internalBinding|process\.binding|\._handle\b|Symbol\.for\('nodejs\.|kTimeout|require\('internal\//;

const TESTS = {
  internals: ['test-fs-promises.js', 'test-dgram-deprecation-error.js'],
  listeners: [
    'test-http-agent-keepalive.js',
    'test-http-client-parse-error.js',
    'test-http-connect.js',
    'test-net-socket-no-halfopen-enforcer.js',
  ],
};

/** @returns a name of CAUSES; undefined for a difference that has none. */
export function causeOf(name, text) {
  const named = Object.keys(TESTS).find((cause) => TESTS[cause].includes(name));
  return named ?? (INSIDE.test(text) ? 'internals' : undefined);
}
