/**
 * What calls are given, right and wrong, by kind of argument.
 *
 * The first of a kind is one that works. Nothing here leads out of the working directory but to files that
 * no call of the suite can change: the tests may run as root.
 */
import { Readable } from 'node:stream';
import { pathToFileURL } from 'node:url';
import { inspect } from 'node:util';
import { isNodeAtLeast } from '#ringlet/base/node-version.js';
import type { Side } from './side.js';
import { RAW_NAME } from './world.js';

/** Made anew for each side, since iterables, streams and handles are used up. */
export interface Argument {
  readonly text: string;
  make(side: Side): unknown;
}

/** An argument that is the same for both sides. */
export function plain(value: unknown): Argument {
  const shown = inspect(value, {
    breakLength: Number.POSITIVE_INFINITY,
    maxStringLength: 24,
    maxArrayLength: 8,
  });
  return { text: shown, make: () => (Buffer.isBuffer(value) ? Buffer.from(value) : value) };
}

export function plains(...values: unknown[]): Argument[] {
  return values.map(plain);
}

export function made(text: string, make: (side: Side) => unknown): Argument {
  return { text, make };
}

/** Options with each of the values under one name, beside others that stay. */
export function under(name: string, values: readonly Argument[], rest: object = {}): Argument[] {
  const beside = Object.keys(rest).length === 0 ? '' : `, …${inspect(rest)}`;
  return values.map((value) =>
    made(`{ ${name}: ${value.text}${beside} }`, (side) => ({ ...rest, [name]: value.make(side) })),
  );
}

function named(name: string): Argument {
  return made(`handle of ${name}`, (side) => side.open(name, 'r+'));
}

/** Of no type that any argument has. */
export const ODD_TYPES: readonly Argument[] = [
  ...plains(
    undefined,
    null,
    true,
    false,
    0,
    5,
    -1,
    1.5,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    7n,
    '',
    'text',
  ),
  ...plains(Symbol('odd'), {}, [], ['file'], new Date(0), /x/, new String('file')),
  made('function', () => function odd() {}),
  made('class instance', () => new (class Odd {})()),
  made('object without a prototype', () => Object.create(null) as object),
  made('object with toString', () => ({ toString: () => 'file' })),
  made('ArrayBuffer', () => new ArrayBuffer(4)),
  made('Promise', () => Promise.resolve('file')),
];

/** Names that exist, of each kind of file that can be opened without waiting. */
const EXISTING = ['file', 'empty', 'dir', 'full', 'link', 'dirlink', 'readonly', 'old', 'ünïcode', './file'];

const WRONG_PATHS: readonly Argument[] = [
  ...plains('missing', 'dangling', 'loop', 'file/', 'link/', 'dir/', 'missing/', 'dirlink/'),
  ...plains(
    'file/inside',
    'dir/inside',
    'missing/inside',
    'loop/inside',
    'dirlink/x',
    'full/x',
    'full/deeper/up',
  ),
  ...plains(
    'dir/../file',
    'dir//../file',
    'with space',
    'n'.repeat(256),
    'dir/'.repeat(1500),
    'a\0b',
    '\0',
    'file\0',
  ),
  ...plains(Buffer.from('file'), Buffer.from('missing'), Buffer.from('a\0b'), RAW_NAME, Buffer.alloc(0)),
  ...plains(Buffer.from('ünïcode'), Buffer.from('dir'), Buffer.from([0xff])),
  made('Uint8Array', () => new Uint8Array(Buffer.from('file'))),
  made('Uint16Array', () => new Uint16Array(4)),
  made('DataView', () => new DataView(new ArrayBuffer(4))),
  made('absolute path', (side) => `${side.root}/file`),
  made('URL of file', (side) => pathToFileURL(`${side.root}/file`)),
  made('URL of missing', (side) => pathToFileURL(`${side.root}/missing`)),
  made('URL with a space', (side) => pathToFileURL(`${side.root}/with space`)),
  made('URL of dir/', (side) => pathToFileURL(`${side.root}/dir/`)),
  made('URL with a query', (side) => new URL(`?query#hash`, pathToFileURL(`${side.root}/file`))),
  made('URL as text', (side) => pathToFileURL(`${side.root}/file`).href),
  ...['http://example.org/x', 'file:///a%2Fb', 'file://host/a', 'file:///a%00b', 'data:,x'].map((href) =>
    made(`URL ${href}`, () => new URL(href)),
  ),
  ...plains(
    { href: 'file:///proc/nowhere', protocol: 'file:' },
    { href: 'file:///proc/nowhere' },
    { pathname: '/proc/nowhere' },
  ),
  ...plains({ href: 'x', protocol: 'file:', auth: 'a', path: 'b' }),
];

/** Of names in the working directory. */
export const PATHS: readonly Argument[] = [...plains(...EXISTING), ...WRONG_PATHS, ...ODD_TYPES];

/** For calls that change nothing and wait for nobody. */
export const LOOK_ONLY_PATHS: readonly Argument[] = [
  ...PATHS,
  ...plains(
    '.',
    './',
    '..',
    '/',
    '//',
    '/proc/self',
    '/proc/self/exe',
    '/dev/null',
    '/etc/passwd',
    '../fifo',
  ),
];

/** For calls that read content; a FIFO would make them wait. */
export const READ_PATHS: readonly Argument[] = [
  ...plains('file', 'text', 'long'),
  ...PATHS,
  ...plains('.', '/', '/dev/null', '/proc/version', '/proc/filesystems', '/proc/self/mem', '/etc/passwd'),
];

export const READ_TARGETS: readonly Argument[] = [
  ...READ_PATHS,
  ...['file', 'empty', 'long', 'text'].map(named),
  made('handle of a directory', (side) => side.open('dir', 'r')),
  made('handle for writing only', (side) => side.open('file', 'a')),
  made('closed handle', (side) => side.openAndClose('file')),
];

export const WRITE_TARGETS: readonly Argument[] = [
  ...plains('new', '/dev/full', '/dev/null'),
  ...PATHS,
  ...['file', 'empty', 'text'].map(named),
  made('handle for appending', (side) => side.open('file', 'a')),
  made('handle for reading only', (side) => side.open('file', 'r')),
  made('closed handle', (side) => side.openAndClose('file')),
];

const FLAG_NAMES =
  'r rs sr r+ rs+ sr+ w wx xw w+ wx+ xw+ a ax xa as sa a+ ax+ xa+ as+ sa+ R rw +r wa x rb w+x'.split(' ');

export const FLAGS: readonly Argument[] = [
  ...plains(...FLAG_NAMES),
  ...plains(0, 1, 2, 3, 0o100, 0o102, 0o302, 0o1002, 0o2001, 0o200000, 0o400000, 0o10000000, 0o20200002),
  ...plains(-1, -2, 1.5, 2 ** 31, 2 ** 32, 2 ** 40, 2 ** 30, Number.NaN, Number.NEGATIVE_INFINITY, '0', ' r'),
  ...ODD_TYPES,
];

/** From 2 ** 31 to 2 ** 32 - 1 a mode passes Node's check and then ends the process. */
export const MODES: readonly Argument[] = [
  ...plains(0o640, 0o600, 0o777, 0, 0o7777, 0o4755, 0o1777, 0o10644, 0o100644, 2 ** 31 - 1, 2 ** 32, 2 ** 53),
  ...plains('640', '0640', '0o640', '777', '7777', '8', '9', 'abc', '0x1ff', '-1', ' 644', '1'.repeat(20)),
  ...ODD_TYPES,
];

const ENCODING_NAMES = [
  ...['utf8', 'utf-8', 'UTF8', 'latin1', 'binary', 'ascii', 'hex', 'base64', 'base64url', 'ucs2', 'ucs-2'],
  ...['utf16le', 'UTF-16LE', 'buffer', 'no such', 'utf', 'HEX', 'utf8 '],
];
export const ENCODINGS: readonly Argument[] = [...plains(...ENCODING_NAMES), ...ODD_TYPES];

export const SIGNALS: readonly Argument[] = [
  made('a signal', () => new AbortController().signal),
  made('an aborted signal', () => AbortSignal.abort()),
  made('a signal aborted with a reason', () => AbortSignal.abort(new Error('the reason'))),
  made('a signal aborted with text', () => AbortSignal.abort('why')),
  ...plains({ aborted: false }, { aborted: true }),
  ...ODD_TYPES,
];

export const BOOLEANS: readonly Argument[] = [...plains(true, false), ...ODD_TYPES];

/** For calls that Node gives no signal. */
export const BIGINT_OPTIONS: readonly Argument[] = [
  ...plains(undefined, { bigint: true }, { bigint: false }, {}),
  ...under('bigint', ODD_TYPES),
  ...ODD_TYPES,
];

/** Node looks at it in the options of `stat`, `lstat` and `FileHandle.stat` from 26.8 on. */
const STAT_SIGNALS: readonly Argument[] = isNodeAtLeast(26, 8)
  ? under(
      'signal',
      SIGNALS.filter(({ text }) => text !== '{ aborted: false }'),
    )
  : [];

export const STAT_OPTIONS: readonly Argument[] = [...BIGINT_OPTIONS, ...STAT_SIGNALS];

export const PATH_STAT_OPTIONS: readonly Argument[] = [
  ...STAT_OPTIONS,
  ...under('throwIfNoEntry', ODD_TYPES),
  ...under('throwIfNoEntry', plains(false), { bigint: true }),
];

const READ_FILE_BUFFERS: readonly Argument[] = [
  made('Buffer of 64', () => Buffer.alloc(64, '.')),
  made('Buffer of 10', () => Buffer.alloc(10)),
  made('Buffer of 3', () => Buffer.alloc(3)),
  made('Uint16Array of 64', () => new Uint16Array(64)),
  made('DataView of 300,000', () => new DataView(new ArrayBuffer(300_000))),
  made('function to Buffer of size', () => (size: number) => Buffer.alloc(size)),
  made('function to Buffer beyond size', () => (size: number) => Buffer.alloc(size + 20, '.')),
  made('function to Buffer below size', () => (size: number) => Buffer.alloc(Math.max(0, size - 1))),
  made('function that throws', () => () => {
    throw new Error('no buffer');
  }),
  made('function to text', () => () => 'text'),
  ...ODD_TYPES,
];

export const READ_FILE_OPTIONS: readonly Argument[] = [
  ...plains(undefined, 'utf8', { encoding: 'utf8' }),
  ...ENCODINGS,
  ...under('encoding', ENCODINGS),
  ...under(
    'flag',
    FLAGS.filter(({ text }) => !text.includes('302')),
  ),
  ...under('signal', SIGNALS),
  ...under('buffer', READ_FILE_BUFFERS),
  ...under('buffer', READ_FILE_BUFFERS.slice(0, 8), { encoding: 'utf8' }),
];

export const WRITE_FILE_OPTIONS: readonly Argument[] = [
  ...plains(undefined, 'utf8', { encoding: 'latin1', mode: 0o600, flag: 'a', flush: true }),
  ...ENCODINGS,
  ...under('encoding', ENCODINGS),
  ...under('flag', FLAGS),
  ...under('mode', MODES),
  ...under('flush', BOOLEANS),
  ...under('signal', SIGNALS),
];

export const READDIR_OPTIONS: readonly Argument[] = [
  ...plains(
    undefined,
    { withFileTypes: true },
    { recursive: true },
    { recursive: true, withFileTypes: true },
  ),
  ...plains(
    { encoding: 'buffer', withFileTypes: true },
    { encoding: 'hex', recursive: true },
    { encoding: 'latin1' },
  ),
  ...ENCODINGS,
  ...under('encoding', ENCODINGS),
  ...under('withFileTypes', BOOLEANS),
  ...under('recursive', BOOLEANS),
];

/**
 * A wrong `bufferSize` ends a process on Node 20: the check fails where nobody can catch it. A function is
 * taken for a callback there, and the promise never settles.
 */
export const OPENDIR_OPTIONS: readonly Argument[] = [
  ...plains(undefined, { recursive: true }, { encoding: 'buffer' }, { bufferSize: 1 }, { bufferSize: 1000 }),
  ...ENCODINGS.filter(({ text }) => text !== 'function'),
  ...under('encoding', ENCODINGS),
  ...under('recursive', BOOLEANS),
];

export const MKDIR_OPTIONS: readonly Argument[] = [
  ...plains(undefined, { recursive: true }, { recursive: true, mode: 0o700 }, { mode: 0o700 }),
  ...MODES,
  ...under('mode', MODES),
  ...under('recursive', BOOLEANS),
];

export const RM_OPTIONS: readonly Argument[] = [
  ...plains(undefined, { recursive: true }, { force: true }, { recursive: true, force: true }),
  ...under('recursive', BOOLEANS),
  ...under('force', BOOLEANS),
  ...under('maxRetries', ODD_TYPES),
  ...under('retryDelay', ODD_TYPES),
  ...ODD_TYPES,
];

export const COPY_MODES: readonly Argument[] = [
  ...plains(undefined, 0, 1, 2, 3, 4, 6, 7, 8, -1),
  ...ODD_TYPES,
];

export const CP_OPTIONS: readonly Argument[] = [
  ...plains(undefined, { recursive: true }, { recursive: true, force: false }, { preserveTimestamps: true }),
  ...plains({ recursive: true, errorOnExist: true, force: false }, { recursive: true, dereference: true }),
  ...plains({ recursive: true, verbatimSymlinks: true }, { mode: 1 }, { mode: 2, recursive: true }),
  ...plains({ dereference: true, verbatimSymlinks: true }),
  made('{ filter: only y }', () => ({ recursive: true, filter: (from: string) => !from.endsWith('x') })),
  made('{ filter: async }', () => ({
    recursive: true,
    filter: async (from: string) => !from.endsWith('.txt'),
  })),
  ...under('filter', ODD_TYPES, { recursive: true }),
  ...under('recursive', BOOLEANS),
  ...under('force', BOOLEANS),
  ...under('dereference', BOOLEANS),
  ...under('errorOnExist', BOOLEANS),
  ...under('preserveTimestamps', BOOLEANS),
  ...under('verbatimSymlinks', BOOLEANS),
  ...under('mode', COPY_MODES),
  ...ODD_TYPES,
];

export const ACCESS_MODES: readonly Argument[] = [...plains(undefined, 0, 1, 2, 4, 7, 8, -1), ...ODD_TYPES];

/** As root every one of them succeeds. */
export const IDS: readonly Argument[] = [
  ...plains(0, 1, 1000, 65534, -1, 2 ** 32 - 1, 2 ** 32, -2),
  ...ODD_TYPES,
];

export const TIMES: readonly Argument[] = [
  ...plains(1e9, 1e9 + 0.5, '1000000000', '1e9', 0, new Date(1e12), '0', -1.5, 1.123456789, 2 ** 33),
  ...ODD_TYPES.filter(({ text }) => !['NaN', 'Infinity'].includes(text)),
];

export const SYMLINK_TYPES: readonly Argument[] = [
  ...plains(undefined, 'file', 'dir', 'junction', 'no such', 'FILE'),
  ...ODD_TYPES,
];

export const PREFIXES: readonly Argument[] = [
  ...plains('made-', 'dir/made-', 'missing/made-', 'full/made-', 'made-\0', 'file/made-'),
  ...plains(Buffer.from('made-'), Buffer.from('missing/made-')),
  made('URL', (side) => pathToFileURL(`${side.root}/made-`)),
  made('absolute', (side) => `${side.root}/made-`),
  // A prefix that stands for itself would leave names that no comparison can know.
  ...ODD_TYPES.filter(({ text }) => !["''", "'text'"].includes(text)),
];

export const LENGTHS: readonly Argument[] = [
  ...plains(4, 0, 10, 20, 100_000, -1, 2 ** 31, 2 ** 40, 2 ** 53, -(2 ** 53)),
  ...ODD_TYPES,
];

export const GLOB_PATTERNS: readonly Argument[] = [
  ...plains(
    '*',
    '**',
    '**/*.txt',
    'full/**',
    '{file,text}',
    'f?le',
    '[a-f]*',
    'missing*',
    'dir/..',
    './*',
    '!file',
  ),
  ...plains(['*.txt', 'full/*'], [], [5]),
  ...ODD_TYPES,
];

export const GLOB_OPTIONS: readonly Argument[] = [
  ...plains(
    undefined,
    { cwd: 'full' },
    { withFileTypes: true },
    { exclude: ['file'] },
    { exclude: ['**/y*'] },
  ),
  made('{ exclude: function }', () => ({ exclude: (name: unknown) => String(name).startsWith('f') })),
  made('{ cwd: URL }', (side) => ({ cwd: pathToFileURL(`${side.root}/full`) })),
  ...under('cwd', ODD_TYPES),
  ...under('exclude', ODD_TYPES),
  ...ODD_TYPES,
];

/** Content for writeFile and appendFile. */
export const CONTENTS: readonly Argument[] = [
  ...plains('content', '', 'ünïcode €', 'abc', '\ud800', 'x'.repeat(70_000)),
  ...plains(Buffer.from('bytes'), Buffer.alloc(0), Buffer.alloc(600_000, 'z')),
  made('Uint8Array', () => new Uint8Array([65, 66, 67])),
  made('Uint16Array', () => new Uint16Array([0x4142, 0x4344])),
  made('Float64Array', () => new Float64Array([1.5])),
  made('DataView', () => new DataView(new Uint8Array([118, 105, 101, 119]).buffer)),
  made('part of a Buffer', () => Buffer.from('0123456789').subarray(2, 5)),
  made('array of strings', () => ['a', 'b', 'ü']),
  made('array of Buffers', () => [Buffer.from('a'), new Uint8Array([66])]),
  made('array with a number', () => ['a', 5, 'c']),
  made('array with undefined', () => ['a', undefined]),
  made('array with an object', () => ['a', {}]),
  made('Set', () => new Set(['x', 'y'])),
  made('Map', () => new Map([['a', 'b']])),
  made('generator', function generator() {
    return (function* parts() {
      yield 'one';
      yield Buffer.from('two');
      yield '';
    })();
  }),
  made('async generator', function generator() {
    return (async function* parts() {
      yield 'one';
      await Promise.resolve();
      yield new Uint16Array([0x4142]);
    })();
  }),
  made('generator that throws', function generator() {
    return (function* parts() {
      yield 'kept';
      throw new RangeError('the source failed');
    })();
  }),
  made('async generator that throws', function generator() {
    return (async function* parts() {
      yield 'kept';
      throw new RangeError('the source failed');
    })();
  }),
  made('stream', () => Readable.from(['from ', 'a ', 'stream'])),
  made('byte stream', () => Readable.from(Buffer.from('bytes of a stream'))),
  made('stream that fails', () =>
    Readable.from(
      (async function* parts() {
        yield 'kept';
        throw new RangeError('the stream failed');
      })(),
    ),
  ),
  made('web stream', () => Readable.toWeb(Readable.from([Buffer.from('web')]))),
  made('iterator without next', () => ({ [Symbol.iterator]: () => ({}) })),
  made('async iterator without next', () => ({ [Symbol.asyncIterator]: () => ({}) })),
  made('iterator that is no function', () => ({ [Symbol.iterator]: 5 })),
  ...ODD_TYPES,
];

export const BUFFERS: readonly Argument[] = [
  made('Buffer of 6', () => Buffer.alloc(6, '.')),
  made('Buffer of 0', () => Buffer.alloc(0)),
  made('Buffer of 100', () => Buffer.alloc(100, '.')),
  made('Uint8Array of 4', () => new Uint8Array(4).fill(46)),
  made('Uint16Array of 4', () => new Uint16Array(4).fill(0x2e2e)),
  made('Float64Array of 2', () => new Float64Array(2)),
  made('DataView of 5', () => new DataView(new ArrayBuffer(8), 2, 5)),
  made('part of a Buffer', () => Buffer.alloc(12, '-').subarray(3, 9)),
  made('shared', () => new Uint8Array(new SharedArrayBuffer(6)).fill(46)),
  made('resizable', () =>
    new Uint8Array(Reflect.construct(ArrayBuffer, [6, { maxByteLength: 12 }])).fill(46),
  ),
];

export const OFFSETS: readonly Argument[] = [
  ...plains(0, 1, 5, 6, 7, 100, -1, -0, 2 ** 31, 2 ** 32, 2 ** 53, '0', '1', 1n),
  ...ODD_TYPES,
];

export const COUNTS: readonly Argument[] = [
  ...plains(3, 0, 1, 6, 7, 100, -1, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 53, '3', 3n),
  ...ODD_TYPES,
];

/** Of `read`: whatever else is no integer passes Node's check and then ends the process. */
export const READ_COUNTS: readonly Argument[] = [
  ...plains(3, 0, 1, 6, 7, 100, undefined, null, -1, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 53),
];

export const POSITIONS: readonly Argument[] = [
  ...plains(
    0,
    2,
    9,
    10,
    11,
    1000,
    -1,
    -2,
    -5,
    2n,
    -1n,
    -2n,
    0n,
    2 ** 31,
    2 ** 32,
    2 ** 53 - 1,
    2 ** 53,
    2 ** 63,
  ),
  ...plains(2n ** 53n, 2n ** 63n - 1n, 2n ** 63n - 6n, 2n ** 63n, 2n ** 64n, -(2n ** 63n), 1.5, '2'),
  ...ODD_TYPES,
];

const VECTORS: readonly Argument[] = [
  made('two Buffers', () => [Buffer.alloc(4, 'a'), Buffer.alloc(4, 'b')]),
  made('no Buffers', () => []),
  made('an empty Buffer', () => [Buffer.alloc(0)]),
  made('Buffers with an empty one', () => [Buffer.alloc(3, 'a'), Buffer.alloc(0), Buffer.alloc(3, 'b')]),
  made('mixed views', () => [
    new Uint16Array([0x6161]),
    new DataView(new ArrayBuffer(3)),
    Buffer.alloc(1, 'c'),
  ]),
  made('the same Buffer twice', () => {
    const one = Buffer.alloc(3, 'a');
    return [one, one];
  }),
  made('1,030 Buffers', () => Array.from({ length: 1030 }, () => Buffer.alloc(1, 'v'))),
  made('Buffers and a string', () => [Buffer.alloc(1), 'text']),
  made('sparse array', () => new Array(2)),
  made('one Buffer', () => Buffer.alloc(4, 'a')),
];

export const BUFFER_LISTS: readonly Argument[] = [...VECTORS, ...ODD_TYPES];

const TRANSFER_SAMPLES: readonly Argument[] = [
  ...plains({ position: 2 }, { length: 3 }, { offset: 1, length: 2, position: 4 }, { offset: 3 }, {}),
  ...under(
    'offset',
    plains(0, 1, 5, 6, 7, 100, -1, 2 ** 31, 2 ** 53, '0', 1.5, Number.NaN, null, undefined, true),
  ),
  ...under('position', POSITIONS),
];

export const READ_OPTIONS: readonly Argument[] = [
  ...TRANSFER_SAMPLES,
  ...under('buffer', [...BUFFERS, ...ODD_TYPES.filter(({ text }) => text !== 'null')]),
  ...under('length', READ_COUNTS),
];

export const WRITE_OPTIONS: readonly Argument[] = [...TRANSFER_SAMPLES, ...under('length', COUNTS)];

export const STREAM_READ_OPTIONS: readonly Argument[] = [
  ...plains(
    undefined,
    'utf8',
    { start: 2, end: 5 },
    { highWaterMark: 3 },
    { encoding: 'hex' },
    { autoClose: false },
  ),
  ...plains({ start: 5, end: 2 }, { start: 100 }, { end: 0 }, { start: 0, end: Number.POSITIVE_INFINITY }),
  ...plains({ emitClose: false }, { highWaterMark: 1, encoding: 'utf8' }),
  ...under('encoding', ENCODINGS),
  ...under('start', COUNTS),
  ...under('end', COUNTS),
  // Beyond 2 ** 31 - 1 Node ends the process.
  ...under('highWaterMark', plains(1, 6, 100, -1, 1.5, '3', Number.NaN, undefined, null)),
  ...under('signal', SIGNALS),
  ...ODD_TYPES,
];

export const STREAM_WRITE_OPTIONS: readonly Argument[] = [
  ...plains(undefined, 'utf8', { start: 2 }, { highWaterMark: 3 }, { encoding: 'hex' }),
  ...plains({ start: 100 }, { emitClose: false }, { flush: true }),
  ...under('encoding', ENCODINGS),
  ...under('start', COUNTS),
  ...under('flush', BOOLEANS),
  ...under('signal', SIGNALS),
  ...ODD_TYPES,
];

export const READ_LINES_OPTIONS: readonly Argument[] = [
  ...plains(undefined, { encoding: 'latin1' }, { start: 4 }, { start: 4, end: 7 }, { highWaterMark: 2 }),
  ...under('encoding', ENCODINGS),
  ...under('start', COUNTS),
  ...ODD_TYPES.filter(({ text }) => text !== 'Symbol(odd)'),
];

export const WEB_STREAM_OPTIONS: readonly Argument[] = [
  ...plains(undefined, { type: 'bytes' }, { autoClose: true }, { autoClose: false }),
  ...under('type', ODD_TYPES),
  ...under('autoClose', BOOLEANS),
  ...ODD_TYPES,
];
