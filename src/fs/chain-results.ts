/** What became of each part of a chain, in the shape of Promise.allSettled, and which part broke it. */
import { OURS } from '../base/construction.js';
import { ECANCELED } from '../base/errno.js';
import type { BackendFile, WriteResult } from '../contract/backend.js';
import {
  type ChainOutcome,
  type ChainStep,
  methodOf,
  shortfallOf,
  subjectOf,
  type TimeLimit,
} from '../contract/chain-steps.js';
import { chainCanceledError, chainTimeoutError, shortTransferError, systemError } from '../errors/index.js';
import { FileHandle } from './file-handle.js';

/** Of a chain that has not begun in time. */
export function outcomesOfTimeout(steps: readonly ChainStep[], { timeoutMs }: TimeLimit): ChainOutcome[] {
  return steps.map((step, index) =>
    index === 0
      ? { kind: 'stopped', error: chainTimeoutError(timeoutMs, subjectOf(step)) }
      : { kind: 'cancelled' },
  );
}

/** The part that broke the chain. */
interface Break {
  index: number;
  /** In words, after the part's name. */
  what: string;
  /** Its own error, or what stands for one. */
  cause: NodeJS.ErrnoException;
}

/** @throws the AbortError or ERR_RINGLET_CLOSED of a chain that was stopped as a whole, with `results`. */
export function toResults(
  steps: readonly ChainStep[],
  outcomes: readonly ChainOutcome[],
): PromiseSettledResult<unknown>[] {
  const broken = findBreak(steps, outcomes);
  const results = outcomes.map((outcome, index): PromiseSettledResult<unknown> => {
    const step = steps[index] as ChainStep;
    if (outcome.kind === 'done') return { status: 'fulfilled', value: toValue(step, outcome.value) };
    const reason = broken === undefined ? undefined : reasonOf(steps, outcome, index, broken);
    return { status: 'rejected', reason };
  });
  // What was asked of the chain as a whole is the answer of the chain as a whole.
  if (broken?.cause.code === 'ABORT_ERR' || broken?.cause.code === 'ERR_RINGLET_CLOSED') {
    throw Object.assign(broken.cause, { results });
  }
  return results;
}

function toValue(step: ChainStep, value: unknown): unknown {
  if (step.kind === 'open') return new FileHandle(OURS, value as BackendFile);
  if (step.kind === 'write' && step.text !== undefined) {
    return { ...(value as WriteResult<NodeJS.ArrayBufferView>), buffer: step.text };
  }
  return value;
}

function reasonOf(
  steps: readonly ChainStep[],
  outcome: ChainOutcome,
  index: number,
  broken: Break,
): NodeJS.ErrnoException {
  if (index === broken.index) return broken.cause;
  if (outcome.kind === 'failed') return outcome.error;
  const why = `part ${broken.index} (${methodOf(steps[broken.index] as ChainStep)}) ${broken.what}`;
  return chainCanceledError(subjectOf(steps[index] as ChainStep), why, broken.index, broken.cause);
}

function findBreak(steps: readonly ChainStep[], outcomes: readonly ChainOutcome[]): Break | undefined {
  const shortfalls = outcomes.map((outcome, index) =>
    outcome.kind === 'done' ? shortfallOf(steps[index] as ChainStep, outcome.value) : undefined,
  );
  // A failure comes first wherever it is: one that the kernel finds while it takes the chain cancels even
  // the parts before it. Then what was told to stop; and the first that just did not begin.
  const candidates = [
    outcomes.findIndex(({ kind }, index) => kind === 'failed' || shortfalls[index] !== undefined),
    outcomes.findIndex(({ kind }) => kind === 'stopped'),
    outcomes.findIndex(({ kind }) => kind === 'cancelled'),
  ];
  const index = candidates.find((candidate) => candidate >= 0);
  if (index === undefined) return undefined;
  const outcome = outcomes[index] as ChainOutcome;
  const shortfall = shortfalls[index];
  if (shortfall !== undefined) {
    const { bytes, wanted } = shortfall;
    return {
      index,
      what: `transferred ${bytes} of ${wanted} bytes`,
      cause: shortTransferError(bytes, wanted),
    };
  }
  if (outcome.kind === 'failed') return { index, what: 'failed', cause: outcome.error };
  if (outcome.kind === 'stopped') return { index, what: 'was stopped', cause: outcome.error };
  const { syscall, path, dest } = subjectOf(steps[index] as ChainStep);
  return { index, what: 'was stopped', cause: systemError(ECANCELED, syscall, path, dest) };
}
