/**
 * The parts of a chain as the public class hands them to a backend, and what a backend reports of each.
 * Both backends and the public class depend on it.
 */
import { byteCountOf, type Span, type View } from '../base/views.js';
import type { FailedCall } from '../errors/index.js';
import { type FileCall, subjectOf as subjectOfCall } from './file-calls.js';
import type { BackendFile, Position } from './files.js';

type TransferStep =
  | {
      kind: 'read' | 'write';
      file: BackendFile;
      buffer: View;
      offset: number;
      length: number;
      position: Position;
      /** What the result shows in place of `buffer`: the string that it was made of. */
      text?: string;
    }
  | {
      kind: 'readv' | 'writev';
      file: BackendFile;
      spans: readonly Span[];
      position: Position;
      /** What the result shows: the caller's own array. */
      buffers: readonly View[];
    };

export type ChainStep = TransferStep | FileCall;

export type ChainOutcome =
  /** `value` is what the call itself would have resolved to; a `BackendFile` for `open`. */
  | { kind: 'done'; value: unknown }
  /** It failed by itself. */
  | { kind: 'failed'; error: Error }
  /** It was told to stop: by an abort, the time limit, a cancel request, the ring's close. */
  | { kind: 'stopped'; error: Error }
  /** It never began, because another part failed, fell short or was stopped. */
  | { kind: 'cancelled' };

export interface TimeLimit {
  /** As the caller gave it. */
  timeoutMs: number;
  /** When that is over, in milliseconds of CLOCK_MONOTONIC. */
  deadlineMs: number;
}

export interface ChainBackend {
  /**
   * Does the steps one after another, until one is not done in full. Resolves to an outcome a step.
   * Nothing may be pending on a file that is to be closed, nor begin before the chain has ended.
   *
   * @throws what keeps it from beginning at all.
   */
  run(
    steps: readonly ChainStep[],
    limit: TimeLimit | undefined,
    signal: AbortSignal | undefined,
  ): Promise<ChainOutcome[]>;
}

/** What the kernel takes in one transfer (MAX_RW_COUNT, read(2)). */
export const KERNEL_TRANSFER_BYTES_MAX = 0x7ffff000;

/** The bytes that a transfer must move for the chain to go on; undefined for a step that moves none. */
function wantedBytes(step: ChainStep): number | undefined {
  switch (step.kind) {
    case 'read':
    case 'write':
      return Math.min(step.length, KERNEL_TRANSFER_BYTES_MAX);
    case 'readv':
    case 'writev':
      return Math.min(byteCountOf(step.spans), KERNEL_TRANSFER_BYTES_MAX);
    default:
      return undefined;
  }
}

/** How a transfer fell short, or undefined. */
export function shortfallOf(step: ChainStep, value: unknown): { bytes: number; wanted: number } | undefined {
  const wanted = wantedBytes(step);
  if (wanted === undefined) return undefined;
  const { bytesRead, bytesWritten } = value as { bytesRead?: number; bytesWritten?: number };
  const bytes = bytesRead ?? bytesWritten ?? 0;
  return bytes < wanted ? { bytes, wanted } : undefined;
}

/** What an error of the step names: the plain call for a vectored one, as Node's. */
export function subjectOf(step: ChainStep): FailedCall {
  switch (step.kind) {
    case 'read':
    case 'readv':
      return { syscall: 'read' };
    case 'write':
    case 'writev':
      return { syscall: 'write' };
    default:
      return subjectOfCall(step);
  }
}

/** What the step is called where it is added to a chain: without the f of a system call on an open file. */
export function methodOf(step: ChainStep): string {
  return 'file' in step ? step.kind.replace(/^f/, '') : step.kind;
}
