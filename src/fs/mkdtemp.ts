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
  const encoding = readEncoding(options) as BufferEncoding | 'buffer' | undefined;
  // Node gets what was measured, and not what it would read once more.
  const path = toPath(prefix, 'prefix') as string;
  const bytes = Buffer.from(path);
  return bytes.length > NODE_BYTES_MAX ? make(bytes, encoding) : node.mkdtemp(path, encoding);
}

async function make(
  prefix: Buffer,
  encoding: BufferEncoding | 'buffer' | undefined,
): Promise<string | Buffer> {
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
