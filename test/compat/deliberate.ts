/**
 * Where ringlet differs from some Node, or from every Node, on purpose. Each is in docs/fs.md under
 * 'Differences', and none of them makes a call fail that Node carries out as its documentation says.
 */
import { type Case, titleOf } from './cases.js';

interface Difference {
  readonly methods: readonly string[];
  /** What the call looks like; see `titleOf`. */
  readonly calls: RegExp;
  readonly why: string;
  /** The first Node of which it is true. */
  readonly since?: number;
  /** The first Node of which it is no longer true. */
  readonly until?: number;
}

const NO_SAFE_INTEGER = String.raw`(-[2-9]|-5|-?\d+n|9007199254740992|9223372036854776000|1\.5|NaN|Infinity|'.*'|true|false|1970.*|[A-Z/{[].*|function|class instance|object .*)`;

export const DIFFERENCES: readonly Difference[] = [
  {
    methods: ['readFile', 'writeFile', 'appendFile'],
    calls: /^\w+\(closed handle/,
    why: "a closed handle is EBADF, 'file closed'; Node says what became of descriptor -1",
  },
  {
    methods: ['stat', 'lstat'],
    calls: /(\(|, )null\)$/,
    why: 'null stands for no options; with Node it is an error, of one kind or another',
  },
  {
    methods: ['write'],
    calls: /^write\([^,]+, null(, |\))/,
    why: 'null stands for the offset 0; with Node also for no length and no position, whatever follows',
  },
  {
    methods: ['readableWebStream'],
    calls: /autoClose|Stream\((?!undefined|\{)/,
    why: 'autoClose closes the handle, and options are checked, on every Node; there it came with Node 24',
    until: 24,
  },
  {
    methods: ['read'],
    calls: new RegExp(String.raw`(, ${NO_SAFE_INTEGER}\)|position: ${NO_SAFE_INTEGER} \}\))$`),
    why: 'a position is checked, and may be a bigint, as from Node 24 on; before, it meant the cursor',
    until: 24,
  },
  {
    methods: ['write', 'writev', 'readv'],
    calls: /-?\d+n( \})?(, [^)]*)?\)$/,
    why: 'a position may be a bigint; with Node it means the cursor',
  },
  {
    methods: ['read'],
    calls: /2147483647|2147483648|4294967296|9007199254740992/,
    why: 'a length beyond the buffer is refused; Node takes it modulo 2 ** 32',
    since: 24,
  },
  {
    methods: ['writeFile', 'appendFile'],
    calls: /flag: -?(1\.5|2147483648|4294967296|1099511627776|Infinity|NaN)/,
    why: "the message names 'flags', as before; Node says 'options.flag' where it opens, writes and closes in one",
    since: 26,
  },
];

const NODE_MAJOR = Number.parseInt(process.versions.node, 10);

/** Why this call is not compared, if it is not. */
export function deliberateDifference(each: Case): string | undefined {
  const title = titleOf(each);
  const found = DIFFERENCES.find(
    ({ methods, calls, since = 0, until = Number.POSITIVE_INFINITY }) =>
      methods.includes(each.method) && calls.test(title) && since <= NODE_MAJOR && NODE_MAJOR < until,
  );
  return found?.why;
}
