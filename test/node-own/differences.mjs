/**
 * Tests of Node's own that pass plain and not under `ringlet/register`, by cause. Tests that look into Node are told from
 * their text, so that a fault of ringlet's which shows in one of these alone is not told from its cause; the others are
 * named.
 */

/** The causes, in words that go on "They ". */
export const CAUSES = {
  internals: 'look into Node: its bindings and handles, private symbols and lists, errors that are its own',
  preload:
    'fail with an empty module in the place of ringlet/register as well: --import puts a program’s start off',
  listeners: "count listeners, among them the one for 'end' that net.Socket puts on itself",
  handles: 'hand a FileHandle to HTTP/2 or to a worker, which take Node’s class alone',
  early: 'abort a read, or close a UDP socket, and find that what they stop has been done',
  performance: "wait for entries of the type 'net' in perf_hooks, which no program can add",
  looks: 'look at an error of a buffer size, whose `errno` is an accessor in Node',
  interface: 'name an IPv6 interface that there is not, which is EINVAL and not any interface',
  http2:
    'look at the socket of an HTTP/2 client’s session, which has a stream between the two, after the session has ended',
  tls: 'end the connection that a server’s TLS was put on by hand, which is a stream: it ends before what is on it',
  http: 'have HTTP parsed from a stream and not from a native handle: events of a message that is cut off come in another order',
};

/** What only Node itself has. */
const INSIDE =
  /--expose-internals|internalBinding|process\.binding|\._handle\b|Symbol\.for\('nodejs\.|kTimeout|require\('internal\//;

const TESTS = {
  internals: ['dgram-deprecation-error', 'fs-promises'],
  preload: ['net-listen-handle-in-cluster-1'],
  listeners: [
    'http-agent-keepalive',
    'http-client-parse-error',
    'http-connect',
    'net-socket-no-halfopen-enforcer',
  ],
  handles: ['fs-promises-file-handle-read-worker', 'http2-respond-file-filehandle'],
  early: ['dgram-oob-buffer', 'fs-promises-file-handle-readFile'],
  performance: ['net-perf_hooks'],
  looks: ['dgram-socket-buffer-size'],
  interface: ['dgram-multicast-set-interface'],
  http2: ['http2-unbound-socket-proxy'],
  tls: ['tls-socket-close'],
  http: ['http-pause-no-dump', 'http-writable-true-after-close'],
};

const nameOf = (file) => file.replace(/^test-|\.m?js$/g, '');

/** Whether a test is known to differ by its name, on one release at least. */
export function isNamed(file) {
  return Object.values(TESTS).flat().includes(nameOf(file));
}

/** @returns a name of CAUSES; undefined for a difference that has none. */
export function causeOf(file, text) {
  const name = nameOf(file);
  const known = Object.keys(TESTS).find((cause) => TESTS[cause].includes(name));
  return known ?? (INSIDE.test(text) ? 'internals' : undefined);
}
