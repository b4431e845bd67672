/** Files over node:fs and its thread pool: opening, and calls on paths. */
import nodeFs, { type BigIntStats, constants, type Stats } from 'node:fs';
import type {
  BackendFile,
  FileBackend,
  OpenRules,
  Path,
  PoolCallback,
  SymlinkType,
  WholeRead,
} from '../contract/backend.js';
import { featureUnavailableError, ringClosedError } from '../errors/index.js';
import * as attributeCalls from '../native/attribute-calls.js';
import type { EpollPolls } from '../native/epoll-polls.js';
import { called } from '../native/pool-call.js';
import type { Admission } from './admission.js';
import { NodeFile } from './node-file.js';
import type { NodePools } from './pools.js';
import { readWhole } from './whole-read.js';

export class NodeFiles implements FileBackend {
  readonly #admission: Admission;
  readonly #polls: EpollPolls;
  readonly #pools: NodePools;

  constructor(admission: Admission, polls: EpollPolls, pools: NodePools) {
    this.#admission = admission;
    this.#polls = polls;
    this.#pools = pools;
  }

  async open(
    path: Path,
    flags: number,
    mode: number,
    signal: AbortSignal | undefined,
    rules?: OpenRules,
  ): Promise<BackendFile> {
    if (rules) throw featureUnavailableError("fs.open's resolve and directory", 'Node has no openat2');
    const fd = await this.#admission.run<number>(
      () => called((callback) => nodeFs.open(path, flags, mode, callback)),
      signal,
      (late) => nodeFs.close(late),
      { kind: 'open', path: String(path) },
    );
    if (this.#admission.isClosed) {
      nodeFs.close(fd);
      throw ringClosedError();
    }
    const isNonBlocking = (flags & constants.O_NONBLOCK) !== 0;
    return new NodeFile(this.#admission, isNonBlocking ? undefined : this.#polls, this.#pools, fd);
  }

  readWhole<Content>(
    path: Path,
    read: WholeRead<Content>,
    signal: AbortSignal | undefined,
  ): Promise<Content> {
    const fileOf = (fd: number): BackendFile => new NodeFile(this.#admission, this.#polls, this.#pools, fd);
    return readWhole(this.#admission, path, read, signal, fileOf);
  }

  stat(path: Path, bigint: boolean, signal: AbortSignal | undefined): Promise<Stats | BigIntStats> {
    return this.#admission.run<Stats | BigIntStats>(
      () => called((callback) => nodeFs.stat(path, { bigint }, callback)),
      signal,
      undefined,
      { kind: 'stat', path: String(path) },
    );
  }

  lstat(path: Path, bigint: boolean, signal: AbortSignal | undefined): Promise<Stats | BigIntStats> {
    return this.#admission.run<Stats | BigIntStats>(
      () => called((callback) => nodeFs.lstat(path, { bigint }, callback)),
      signal,
      undefined,
      { kind: 'lstat', path: String(path) },
    );
  }

  link(existing: Path, added: Path, signal: AbortSignal | undefined): Promise<void> {
    return this.#admission.run<void>(
      () => called((callback) => nodeFs.link(existing, added, (error) => callback(error))),
      signal,
      undefined,
      { kind: 'link', path: String(existing), dest: String(added) },
    );
  }

  symlink(
    target: Path,
    path: Path,
    type: SymlinkType | undefined,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    return this.#admission.run<void>(
      () => called((callback) => nodeFs.symlink(target, path, type, (error) => callback(error))),
      signal,
      undefined,
      { kind: 'symlink', path: String(target), dest: String(path) },
    );
  }

  rmdir(path: Path, signal: AbortSignal | undefined): Promise<void> {
    return this.#admission.run<void>(
      () => called((callback) => nodeFs.rmdir(path, (error) => callback(error))),
      signal,
      undefined,
      { kind: 'rmdir', path: String(path) },
    );
  }

  rename(from: Path, to: Path, signal: AbortSignal | undefined): Promise<void> {
    return this.#admission.run<void>(
      () => called((callback) => nodeFs.rename(from, to, (error) => callback(error))),
      signal,
      undefined,
      { kind: 'rename', path: String(from), dest: String(to) },
    );
  }

  unlink(path: Path, signal: AbortSignal | undefined): Promise<void> {
    return this.#admission.run<void>(
      () => called((callback) => nodeFs.unlink(path, (error) => callback(error))),
      signal,
      undefined,
      { kind: 'unlink', path: String(path) },
    );
  }

  mkdir(path: Path, mode: number, signal: AbortSignal | undefined): Promise<void> {
    return this.#admission.run<void>(
      () => called((callback) => nodeFs.mkdir(path, mode, (error) => callback(error))),
      signal,
      undefined,
      { kind: 'mkdir', path: String(path) },
    );
  }

  getAttribute(
    path: Path,
    name: string,
    isOfLink: boolean,
    signal: AbortSignal | undefined,
  ): Promise<Buffer> {
    const holder = { path, isOfLink };
    const call = (callback: PoolCallback<Buffer>): void =>
      attributeCalls.getAttribute(holder, name, callback);
    return this.#runOn('getxattr', holder, call, signal);
  }

  setAttribute(
    path: Path,
    name: string,
    value: Buffer,
    flags: number,
    isOfLink: boolean,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const holder = { path, isOfLink };
    const call = (callback: PoolCallback<void>): void =>
      attributeCalls.setAttribute(holder, name, value, flags, callback);
    return this.#runOn('setxattr', holder, call, signal);
  }

  listAttributes(path: Path, isOfLink: boolean, signal: AbortSignal | undefined): Promise<Buffer> {
    const holder = { path, isOfLink };
    const call = (callback: PoolCallback<Buffer>): void => attributeCalls.listAttributes(holder, callback);
    return this.#runOn('listxattr', holder, call, signal);
  }

  removeAttribute(
    path: Path,
    name: string,
    isOfLink: boolean,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    const holder = { path, isOfLink };
    const call = (callback: PoolCallback<void>): void =>
      attributeCalls.removeAttribute(holder, name, callback);
    return this.#runOn('removexattr', holder, call, signal);
  }

  #runOn<Result>(
    verb: attributeCalls.AttributeVerb,
    holder: { path: Path; isOfLink: boolean },
    call: (callback: PoolCallback<Result>) => void,
    signal: AbortSignal | undefined,
  ): Promise<Result> {
    const kind = attributeCalls.attributeSyscall(verb, holder);
    const facts = { kind, path: String(holder.path) };
    return this.#admission.run<Result>(() => called(call), signal, undefined, facts);
  }
}
