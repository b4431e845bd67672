/**
 * `cp` that tells how far it has come. Node goes through the tree and asks a filter about each entry, one after
 * another; ours copies the content of regular files, in portions, and leaves the rest to Node.
 */
import type { BigIntStats, CopyOptions } from 'node:fs';
import { dirname, join } from 'node:path';
import { nodeModule } from '../base/node-modules.js';
import { abortError } from '../errors/index.js';
import { copyFileInPortions } from './copy-file.js';
import type { OnProgress } from './progress.js';

/** As they were when ringlet was loaded: a program may put ringlet's in their place. */
const { chmod, cp, lstat, mkdir, opendir, stat, unlink, utimes } = nodeModule('node:fs/promises');

/** @param given Node's options, which Node checks before it asks about the first entry. */
export async function copyTree(
  src: string | URL,
  dest: string | URL,
  given: CopyOptions,
  onProgress: OnProgress,
  signal: AbortSignal | undefined,
): Promise<void> {
  // Looked at once, here.
  const options = { ...given };
  if (options.filter !== undefined && typeof options.filter !== 'function') {
    await cp(src, dest, options);
    return;
  }
  const copy = new TreeCopy(options, onProgress, signal);
  await cp(src, dest, { ...options, filter: (from, to) => copy.isLeftToNode(from, to) });
  copy.tellEnd();
}

class TreeCopy {
  readonly #options: CopyOptions;
  readonly #onProgress: OnProgress;
  readonly #signal: AbortSignal | undefined;
  #hasBegun = false;
  /** Of files that are done with. */
  #bytes = 0;
  #toldBytes = 0;
  #total: number | undefined;

  constructor(options: CopyOptions, onProgress: OnProgress, signal: AbortSignal | undefined) {
    this.#options = options;
    this.#onProgress = onProgress;
    this.#signal = signal;
  }

  /** What Node is told of each entry. Whatever is thrown in here ends its `cp` with that. */
  async isLeftToNode(from: string, to: string): Promise<boolean> {
    const { filter } = this.#options;
    this.#checkSignal();
    const isRoot = !this.#hasBegun;
    this.#hasBegun = true;
    // What the caller's filter lets pass is known when its turn has come, and it is asked once.
    if (isRoot && filter === undefined) this.#total = await this.#measure(from);
    if (filter !== undefined && !(await filter(from, to))) return false;
    return !(await this.#hasCopied(from, to, isRoot));
  }

  tellEnd(): void {
    this.#total = this.#bytes;
    this.#tell(this.#bytes);
  }

  /** A tree that has grown since it was measured has at least what has been copied of it. */
  #tell(bytes: number): void {
    this.#toldBytes = bytes;
    this.#onProgress({ bytes, total: this.#total === undefined ? undefined : Math.max(this.#total, bytes) });
  }

  #checkSignal(): void {
    if (this.#signal?.aborted) throw abortError(this.#signal);
  }

  #look(path: string): Promise<BigIntStats> {
    return this.#options.dereference ? stat(path, { bigint: true }) : lstat(path, { bigint: true });
  }

  /** The bytes of the regular files. What can't be looked at has none: copying it will say why. */
  async #measure(path: string): Promise<number> {
    let bytes = 0;
    try {
      this.#checkSignal();
      const status = await this.#look(path);
      if (status.isFile()) return Number(status.size);
      if (!status.isDirectory() || !this.#options.recursive) return 0;
      for await (const { name } of await opendir(path)) bytes += await this.#measure(join(path, name));
    } catch {}
    return bytes;
  }

  /** False for what Node has to make, to skip or to refuse. */
  async #hasCopied(from: string, to: string, isRoot: boolean): Promise<boolean> {
    const { force = true, mode, preserveTimestamps } = this.#options;
    let source: BigIntStats;
    let target: BigIntStats | undefined;
    try {
      [source, target] = await Promise.all([this.#look(from), this.#look(to).catch(undefinedForAbsence)]);
    } catch {
      return false;
    }
    if (!source.isFile()) return false;
    if (target === undefined) {
      if (isRoot) await mkdir(dirname(to), { recursive: true });
    } else {
      if (!force || target.isDirectory() || isSame(source, target)) {
        this.#bytes += Number(source.size);
        return false;
      }
      await unlink(to);
    }
    // Only where more follows: the last call of all says the same of the last file.
    if (source.size > 0n && this.#bytes > this.#toldBytes) this.#tell(this.#bytes);
    await this.#copyContent(from, to, mode);
    if (preserveTimestamps) {
      const { atime, mtime } = await stat(from);
      await utimes(to, atime, mtime);
    }
    await chmod(to, Number(source.mode));
    return true;
  }

  async #copyContent(from: string, to: string, mode: number | undefined): Promise<void> {
    const before = this.#bytes;
    const onProgress: OnProgress = ({ bytes, total }) => {
      // Its end is told with the next file that has content, or with the whole's end.
      if (bytes === total) this.#bytes = before + bytes;
      else this.#tell(before + bytes);
    };
    await copyFileInPortions(from, to, mode, onProgress, this.#signal);
  }
}

function undefinedForAbsence(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}

function isSame(source: BigIntStats, target: BigIntStats): boolean {
  return source.dev === target.dev && source.ino === target.ino;
}
