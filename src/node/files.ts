/** Files over node:fs and its thread pool: opening, whole files, and calls on paths. */
import { type BigIntStats, constants, type Stats } from 'node:fs';
import { nodeModule } from '../base/node-modules.js';
import { isNodeAtLeast } from '../base/node-version.js';
import type { BackendFile, FileBackend, ManyResults, Path, WholeWrite } from '../contract/backend.js';
import { type CallOnPath, type FileCallOf, factsOf, type ResultOf } from '../contract/file-calls.js';
import { featureUnavailableError, namingPath, ringClosedError } from '../errors/index.js';
import type { EpollPolls } from '../native/epoll-polls.js';
import { startInPool } from '../native/pool-file-calls.js';
import { foreignRuntime } from '../native/ruling.js';
import type { Admission } from './admission.js';
import { resultsOfAll } from './many-calls.js';
import { NodeFile } from './node-file.js';
import type { NodePools } from './pools.js';

const nodeFs = nodeModule('node:fs');
/** Node 26 reads and writes a file in one job of its pool. */
const HAS_ONE_JOB = isNodeAtLeast(26);

export class NodeFiles implements FileBackend {
  readonly #admission: Admission;
  readonly #polls: EpollPolls;
  readonly #pools: NodePools;

  /**
   * One job of the pool from Node 22 on, where open, fstat, read and close are four. Other runtimes' own takes what
   * Node's refuses.
   */
  readonly readFile =
    foreignRuntime() === null
      ? (path: Path, signal: AbortSignal | undefined, onOver?: () => void): Promise<Buffer> =>
          this.#readFile(path, signal, onOver)
      : undefined;
  /** Before Node 26 it is an open, a write and a close as well, by names that `ringlet/register` exchanges. */
  readonly writeFile =
    HAS_ONE_JOB && foreignRuntime() === null
      ? (
          path: Path,
          write: WholeWrite,
          signal: AbortSignal | undefined,
          onOver?: () => void,
        ): Promise<void> => this.#writeFile(path, write, signal, onOver)
      : undefined;

  constructor(admission: Admission, polls: EpollPolls, pools: NodePools) {
    this.#admission = admission;
    this.#polls = polls;
    this.#pools = pools;
  }

  do<Call extends CallOnPath>(call: Call, signal: AbortSignal | undefined): Promise<ResultOf<Call>>;
  do(call: CallOnPath, signal: AbortSignal | undefined): Promise<unknown> {
    if (call.kind === 'open') return this.#open(call, signal);
    const facts = factsOf(call);
    return this.#admission.call<unknown>((done) => startInPool(call, done), { signal, facts });
  }

  statMany(
    paths: readonly Path[],
    bigint: boolean,
    signal: AbortSignal | undefined,
  ): Promise<ManyResults<Stats | BigIntStats>> {
    return resultsOfAll(paths.map((path) => this.do({ kind: 'stat', path, bigint }, signal)));
  }

  async #open(call: FileCallOf<'open'>, signal: AbortSignal | undefined): Promise<BackendFile> {
    const { path, flags, mode, rules } = call;
    if (rules) throw featureUnavailableError("fs.open's resolve and directory", 'Node has no openat2');
    const undo = (late: number): void => nodeFs.close(late);
    const fd = await this.#admission.call<number>((done) => nodeFs.open(path, flags, mode, done), {
      signal,
      undo,
      facts: factsOf(call),
    });
    if (this.#admission.isClosed) {
      nodeFs.close(fd);
      throw ringClosedError();
    }
    const isNonBlocking = (flags & constants.O_NONBLOCK) !== 0;
    return new NodeFile(this.#admission, isNonBlocking ? undefined : this.#polls, this.#pools, fd);
  }

  #readFile(path: Path, signal: AbortSignal | undefined, onOver: (() => void) | undefined): Promise<Buffer> {
    const facts = { kind: 'readFile', path: String(path) };
    const options = signal ? { signal } : {};
    return this.#admission.call<Buffer>(
      (done) =>
        nodeFs.readFile(path, options, (error, content) =>
          done(error && (namingPath(error, path) as Error), content),
        ),
      { signal, facts, onOver },
    );
  }

  #writeFile(
    path: Path,
    { content, flags, mode }: WholeWrite,
    signal: AbortSignal | undefined,
    onOver: (() => void) | undefined,
  ): Promise<void> {
    const facts = { kind: 'writeFile', path: String(path) };
    // Numbers are flags as well, which Node's types leave out.
    const flag = flags as unknown as string;
    const options = signal ? { flag, mode, signal } : { flag, mode };
    return this.#admission.call<void>((done) => nodeFs.writeFile(path, content.toView(), options, done), {
      signal,
      facts,
      onOver,
    });
  }
}
