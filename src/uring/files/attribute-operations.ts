/**
 * Getting and setting extended attributes on a ring (OP_GETXATTR and its kind, Linux 5.19), in kernel threads.
 * There is no operation that lists or removes them, nor one that does not follow a link (Linux 6.18).
 */

import type { Path } from '../../contract/backend.js';
import type { OperationFacts } from '../../contract/observation.js';
import { systemError } from '../../errors/index.js';
import { addressOf } from '../../native/addresses.js';
import { attributeSyscall } from '../../native/attribute-calls.js';
import { prepFgetxattr, prepFsetxattr, prepGetxattr, prepSetxattr, type Sqe } from '../../native/sqe.js';
import { Operation } from '../engine/operation.js';
import { encodePath } from './path-operations.js';
import type { UringFile } from './uring-file.js';

type Verb = 'getxattr' | 'setxattr';

/** Yields how many bytes the value has. */
export class AttributeOperation extends Operation<number> {
  readonly #verb: Verb;
  readonly #file: UringFile | undefined;
  readonly #path: Path | undefined;
  // SAFETY: what the entry points at, kept alive until the terminal completion.
  readonly #encodedPath: Buffer | undefined;
  readonly #encodedName: Buffer;
  readonly #value: Buffer;
  readonly #flags: number;

  /** @param value what is to be set, or where the value goes. */
  constructor(verb: Verb, of: UringFile | Path, name: string, value: Buffer, flags = 0) {
    super();
    this.#verb = verb;
    if (typeof of === 'string' || Buffer.isBuffer(of)) {
      this.#path = of;
      this.#encodedPath = encodePath(of);
    } else {
      this.#file = of;
      of.pending.enter();
    }
    this.#encodedName = encodePath(name);
    this.#value = value;
    this.#flags = flags;
  }

  override fill(sqe: Sqe): void {
    const name = addressOf(this.#encodedName);
    const value = addressOf(this.#value);
    const len = this.#value.length;
    if (this.#encodedPath === undefined) {
      // By the descriptor: the kernel refuses a registered file here.
      const { fd } = this.#file as UringFile;
      if (this.#verb === 'getxattr') prepFgetxattr(sqe, fd, name, value, len);
      else prepFsetxattr(sqe, fd, name, value, this.#flags, len);
    } else {
      const path = addressOf(this.#encodedPath);
      if (this.#verb === 'getxattr') prepGetxattr(sqe, path, name, value, len);
      else prepSetxattr(sqe, path, name, value, this.#flags, len);
    }
  }

  override complete(result: number): void {
    if (result >= 0) this.fulfil(result);
    else this.fail(result);
  }

  override get owner(): UringFile | undefined {
    return this.#file;
  }

  override get isByPath(): boolean {
    return this.#file === undefined;
  }

  get #syscall(): string {
    return attributeSyscall(this.#verb, this.#file === undefined ? {} : { fd: this.#file.fd });
  }

  protected override errorFor(errno: number): Error {
    return systemError(errno, this.#syscall, this.#path);
  }

  override describe(): OperationFacts {
    return this.#file ? { kind: this.#syscall, fd: this.#file.fd } : super.describe();
  }

  protected override onSettled(): void {
    this.#file?.pending.leave();
  }
}

/** Nearly all values are shorter. */
const FIRST_BYTES = 1024;
/** No value is longer (XATTR_SIZE_MAX, linux/limits.h), so nobody can make it grow out of this meanwhile. */
const VALUE_BYTES_MAX = 65_536;

/** A value whose length nobody knows beforehand. */
export async function readAttribute(get: (into: Buffer) => Promise<number>): Promise<Buffer> {
  const first = Buffer.allocUnsafeSlow(FIRST_BYTES);
  try {
    return first.subarray(0, await get(first));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERANGE') throw error;
  }
  const longest = Buffer.allocUnsafeSlow(VALUE_BYTES_MAX);
  return Buffer.from(longest.subarray(0, await get(longest)));
}
