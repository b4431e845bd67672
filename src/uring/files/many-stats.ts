/** stat of many paths, as one operation. */
import type { BigIntStats, Stats } from 'node:fs';
import type { Path } from '../../contract/backend.js';
import { systemError } from '../../errors/index.js';
import { addressOfOnce } from '../../native/addresses.js';
import { AT_FDCWD, STATX_BASIC_STATS_AND_BTIME } from '../../native/layout.js';
import { prepStatx, type Sqe } from '../../native/sqe.js';
import { ManyCalls } from '../engine/many-calls.js';
import { encodePath } from './open-operation.js';
import { STATX_BYTES, toBigIntStats, toStats } from './statx.js';

export class ManyStats extends ManyCalls<Stats | BigIntStats> {
  readonly #paths: readonly Path[];
  readonly #isBigInt: boolean;
  /** SAFETY: the paths, each with a NUL behind it, and what the kernel writes; kept alive until the terminal completion. */
  readonly #encoded: Buffer;
  readonly #words: Uint32Array;
  /** Where each path begins. */
  readonly #pathAddresses: readonly number[];
  readonly #wordsAddress: number;

  constructor(paths: readonly Path[], isBigInt: boolean) {
    super(paths.length);
    this.#paths = paths;
    this.#isBigInt = isBigInt;
    const encoded = paths.map(encodePath);
    this.#encoded = Buffer.concat(encoded);
    let address = addressOfOnce(this.#encoded);
    this.#pathAddresses = encoded.map(({ length }) => {
      address += length;
      return address - length;
    });
    this.#words = new Uint32Array((paths.length * STATX_BYTES) / 4);
    this.#wordsAddress = addressOfOnce(this.#words);
  }

  protected override prepare(sqe: Sqe, index: number): void {
    const path = this.#pathAddresses[index] as number;
    const into = this.#wordsAddress + index * STATX_BYTES;
    prepStatx(sqe, AT_FDCWD, path, 0, STATX_BASIC_STATS_AND_BTIME, into);
  }

  protected override toResult(_result: number, index: number): Stats | BigIntStats {
    const at = (index * STATX_BYTES) / 4;
    return this.#isBigInt ? toBigIntStats(this.#words, at) : toStats(this.#words, at);
  }

  protected override errorOf(errno: number, index: number): Error {
    return systemError(errno, 'stat', this.#paths[index]);
  }

  override get isByPath(): boolean {
    return true;
  }
}
