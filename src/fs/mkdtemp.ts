/**
 * `mkdtemp`: Node's own but for long prefixes. For these the name is drawn and the directory
 * made here, so that all versions of Node behave alike.
 */
import { randomInt } from 'node:crypto';
import type { MakeDirectoryOptions } from 'node:fs';
import { nodeModule } from '../base/node-modules.js';
import { toPath } from '../base/validate.js';
import type { Path } from '../contract/backend.js';
import { systemError } from '../errors/index.js';
import { readEncoding } from './options.js';

/** Of a prefix that is Node's to take. */
const NODE_BYTES_MAX = 1000;
const CHARACTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';
const DRAWN_LENGTH = 6;
/** Names that others have taken, before that is an error, as of mkdtemp(3). */
const NAMES_TRIED_MAX = 10_000;

type Make = (prefix: unknown, options?: unknown) => Promise<string | Buffer>;

const node = nodeModule('node:fs/promises') as unknown as {
  mkdtemp: Make;
  mkdir(path: Path, options: MakeDirectoryOptions): Promise<unknown>;
};

export async function mkdtemp(prefix: unknown, options?: unknown): Promise<string | Buffer> {
  const long = longPrefixOf(prefix);
  return long === undefined ? node.mkdtemp(prefix, options) : make(long, options);
}

/** The bytes of one that Node must not get; what is no prefix at all is left to Node to refuse. */
function longPrefixOf(prefix: unknown): Buffer | undefined {
  let bytes: Buffer;
  try {
    bytes = Buffer.from(toPath(prefix, 'prefix') as string);
  } catch {
    return undefined;
  }
  return bytes.length > NODE_BYTES_MAX ? bytes : undefined;
}

async function make(prefix: Buffer, options: unknown): Promise<string | Buffer> {
  const encoding = readEncoding(options) as BufferEncoding | 'buffer' | undefined;
  for (let attempt = 1; ; attempt++) {
    const path = Buffer.concat([prefix, drawEnd()]);
    try {
      await node.mkdir(path, { mode: 0o700 });
    } catch (error) {
      const { code, errno } = error as NodeJS.ErrnoException;
      if (code === 'EEXIST' && attempt < NAMES_TRIED_MAX) continue;
      throw errno === undefined ? error : systemError(errno, 'mkdtemp', `${prefix}XXXXXX`);
    }
    return encoding === 'buffer' ? path : path.toString(encoding);
  }
}

function drawEnd(): Buffer {
  const draw = (): string => CHARACTERS[randomInt(CHARACTERS.length)] as string;
  return Buffer.from(Array.from({ length: DRAWN_LENGTH }, draw).join(''));
}
