/** Extended attributes (xattr(7)): what callers may pass, and the calls on paths. */
import type { PathLike } from 'node:fs';
import {
  checkBoolean,
  checkOneOf,
  checkOptions,
  checkString,
  checkStringData,
  type OptionNames,
  toPath,
} from '../base/validate.js';
import { bytesOf, isView } from '../base/views.js';
import type { FileBackend } from '../contract/backend.js';
import { invalidArgValue } from '../errors/index.js';
import { type SignalOptions, toSignal } from './options.js';

/** What calls on extended attributes of a path can be asked for. */
export interface AttributeOptions extends SignalOptions {
  /** Whether the attributes are those of what a symbolic link leads to, not the link's own. Default true. */
  followSymlinks?: boolean | undefined;
}

/**
 * - `set`: whether there is one of that name or not.
 * - `create`: EEXIST where there is one already.
 * - `replace`: ENODATA where there is none.
 */
export type SetAttributeMode = 'set' | 'create' | 'replace';

/** What `FileHandle.setAttribute` can be asked for. */
export interface SetAttributeOfHandleOptions extends SignalOptions {
  /** Default 'set'. */
  mode?: SetAttributeMode | undefined;
}

/** What `fs.setAttribute` can be asked for. */
export type SetAttributeOptions = SetAttributeOfHandleOptions & AttributeOptions;

/** XATTR_CREATE and XATTR_REPLACE of setxattr(2), by their places. */
const MODE_NAMES: readonly SetAttributeMode[] = ['set', 'create', 'replace'];

const SET_ATTRIBUTE_OPTIONS: OptionNames<SetAttributeOptions> = {
  mode: true,
  followSymlinks: true,
  signal: true,
  timeout: true,
};

interface AttributeSettings {
  isOfLink: boolean;
  flags: number;
  signal: AbortSignal | undefined;
}

export function readAttributeOptions(options: unknown): AttributeSettings {
  const given = checkOptions<SetAttributeOptions>(options ?? {}, SET_ATTRIBUTE_OPTIONS);
  const { followSymlinks = true, mode = 'set' } = given;
  return {
    isOfLink: !checkBoolean(followSymlinks, 'options.followSymlinks'),
    flags: MODE_NAMES.indexOf(checkOneOf(mode, 'options.mode', MODE_NAMES)),
    signal: toSignal(given),
  };
}

export function toAttributeName(value: unknown): string {
  const name = checkString(value, 'name');
  if (name.includes('\0')) throw invalidArgValue('name', name, 'must be a string without null bytes');
  return name;
}

export function toAttributeValue(value: unknown): Buffer {
  return isView(value) ? Buffer.from(bytesOf(value)) : Buffer.from(checkStringData(value, 'value'));
}

/** The names of a list, in which each has a NUL behind it. */
export function toAttributeNames(list: Buffer): string[] {
  return list.length === 0 ? [] : list.toString('utf8', 0, list.length - 1).split('\0');
}

export interface AttributeCalls {
  /**
   * The value of an extended attribute (getxattr(2)).
   *
   * @param name with its namespace, such as 'user.origin'.
   * @returns a Buffer of the caller's own, up to 64 KiB.
   * @throws (rejects) ENODATA where there is none of that name; ENOTSUP for a namespace or a file system that has
   * none; ERANGE for a name longer than 255 bytes; ERR_FEATURE_UNAVAILABLE_ON_PLATFORM without the addon.
   */
  getxattr(path: PathLike, name: string, options?: AttributeOptions | null): Promise<Buffer>;

  /**
   * Sets an extended attribute (setxattr(2)).
   *
   * @param name with its namespace, such as 'user.origin'.
   * @param value text, as UTF-8, or bytes, which are the operation's until the promise settles.
   * @throws (rejects) EEXIST and ENODATA, see `SetAttributeMode`; ENOTSUP, also for attributes of a link in the
   * namespace 'user' as EPERM; ENOSPC for more than the file system keeps; E2BIG for more than 64 KiB; ERANGE.
   */
  setxattr(
    path: PathLike,
    name: string,
    value: string | NodeJS.ArrayBufferView,
    options?: SetAttributeOptions | null,
  ): Promise<void>;

  /** The names of all extended attributes that the process may see, in no order (listxattr(2)). */
  listxattr(path: PathLike, options?: AttributeOptions | null): Promise<string[]>;

  /** Removes an extended attribute (removexattr(2)); ENODATA where there is none of that name. */
  removexattr(path: PathLike, name: string, options?: AttributeOptions | null): Promise<void>;
}

export function attributeCalls(getBackend: () => FileBackend): AttributeCalls {
  return {
    async getxattr(path, name, options) {
      const of = toPath(path);
      const { isOfLink, signal } = readAttributeOptions(options);
      const kind = isOfLink ? 'lgetxattr' : 'getxattr';
      return await getBackend().do({ kind, path: of, name: toAttributeName(name) }, signal);
    },
    async setxattr(path, name, value, options) {
      const of = toPath(path);
      const { isOfLink, flags, signal } = readAttributeOptions(options);
      const bytes = toAttributeValue(value);
      const kind = isOfLink ? 'lsetxattr' : 'setxattr';
      await getBackend().do({ kind, path: of, name: toAttributeName(name), value: bytes, flags }, signal);
    },
    async listxattr(path, options) {
      const of = toPath(path);
      const { isOfLink, signal } = readAttributeOptions(options);
      const kind = isOfLink ? 'llistxattr' : 'listxattr';
      return toAttributeNames(await getBackend().do({ kind, path: of }, signal));
    },
    async removexattr(path, name, options) {
      const of = toPath(path);
      const { isOfLink, signal } = readAttributeOptions(options);
      const kind = isOfLink ? 'lremovexattr' : 'removexattr';
      await getBackend().do({ kind, path: of, name: toAttributeName(name) }, signal);
    },
  };
}
