/**
 * Chains over node:fs: one call after another, until one is not done in full.
 *
 * As everywhere on this backend, an abort or the end of the time limit is reported at once, while the call
 * that is under way goes on in the background: whether it has taken effect is then unknown.
 */
import { onAbortOf } from '../base/abort.js';
import type { BackendFile } from '../contract/backend.js';
import {
  type ChainBackend,
  type ChainOutcome,
  type ChainStep,
  shortfallOf,
  subjectOf,
  type TimeLimit,
} from '../contract/chain-steps.js';
import { monotonicMs } from '../contract/timer-queue.js';
import { abortError, chainTimeoutError, otherRingError, ringClosedError } from '../errors/index.js';

import type { Admission } from './admission.js';
import type { NodeFiles } from './files.js';
import { NodeFile } from './node-file.js';

export class NodeChains implements ChainBackend {
  readonly #admission: Admission;
  readonly #files: NodeFiles;

  constructor(admission: Admission, files: NodeFiles) {
    this.#admission = admission;
    this.#files = files;
  }

  async run(
    steps: readonly ChainStep[],
    limit: TimeLimit | undefined,
    signal: AbortSignal | undefined,
  ): Promise<ChainOutcome[]> {
    for (const step of steps) if ('file' in step) this.#checkOwn(step.file);
    if (this.#admission.isClosed) throw ringClosedError();
    if (signal?.aborted) throw abortError(signal);
    const stopping = new AbortController();
    let hasExpired = false;
    const stopWatching = onAbortOf(signal, () => stopping.abort());
    const timer =
      limit &&
      setTimeout(
        () => {
          hasExpired = true;
          stopping.abort();
        },
        Math.max(0, limit.deadlineMs - monotonicMs()),
      );
    const outcomes: ChainOutcome[] = [];
    try {
      for (const step of steps) {
        const outcome = await this.#outcomeOf(step, stopping.signal);
        if (outcome.kind === 'stopped' && stopping.signal.aborted) {
          outcome.error = hasExpired
            ? chainTimeoutError((limit as TimeLimit).timeoutMs, subjectOf(step))
            : abortError(signal as AbortSignal);
        }
        outcomes.push(outcome);
        if (outcome.kind !== 'done' || shortfallOf(step, outcome.value) !== undefined) break;
      }
    } finally {
      clearTimeout(timer);
      stopWatching();
    }
    while (outcomes.length < steps.length) outcomes.push({ kind: 'cancelled' });
    return outcomes;
  }

  #checkOwn(file: BackendFile): void {
    if (!(file instanceof NodeFile) || !file.isOn(this.#admission)) throw otherRingError();
  }

  async #outcomeOf(step: ChainStep, signal: AbortSignal): Promise<ChainOutcome> {
    try {
      return { kind: 'done', value: await this.#do(step, signal) };
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException;
      const isStopped = ['ABORT_ERR', 'ERR_RINGLET_CLOSED', 'ECANCELED'].includes(code);
      return { kind: isStopped ? 'stopped' : 'failed', error: error as Error };
    }
  }

  async #do(step: ChainStep, signal: AbortSignal): Promise<unknown> {
    switch (step.kind) {
      case 'read':
        return await step.file.read(step.buffer, step.offset, step.length, step.position, signal);
      case 'write':
        return await step.file.write(step.buffer, step.offset, step.length, step.position, signal);
      case 'readv':
        return {
          bytesRead: await step.file.readv(step.spans, step.position, signal),
          buffers: step.buffers,
        };
      case 'writev':
        return {
          bytesWritten: await step.file.writev(step.spans, step.position, signal),
          buffers: step.buffers,
        };
      default:
        return await ('file' in step ? step.file.do(step, signal) : this.#files.do(step, signal));
    }
  }
}
