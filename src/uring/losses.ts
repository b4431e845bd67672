/** What rings do without on this kernel, in words: for `profile.degraded`, and for who asks before there is a ring. */
import { EINVAL } from '../base/errno.js';
import type { Degradation } from '../contract/reports.js';
import { OP_FIXED_FD_INSTALL, OP_FTRUNCATE, OP_SENDMSG_ZC } from '../native/sqe.js';
import { keepsClosedFiles, kernelFacts, receiveTrials } from './trials.js';

/** IORING_FEAT_MIN_TIMEOUT (io_uring_setup(2)). */
const MIN_TIMEOUT = 1 << 15;

export const KEEPS_CLOSED_FILES =
  'by trial, a file that is closed in the file table stays open while other requests of the ring go on; ' +
  'needs Linux 6.13';

/** @param kind of ring; what neither has on any kernel is no loss. */
export function lossesOf(kind: 'loop' | 'sqPoll'): Degradation[] {
  const { setup, opcodes, features, resizedRing } = kernelFacts();
  if (setup < 0) return [];
  const { incremental, bundled } = receiveTrials();
  const losses: Degradation[] = [];
  const note = (isLost: boolean, what: string, reason: string): void => {
    if (isLost) losses.push({ what, reason });
  };
  note(
    opcodes[OP_SENDMSG_ZC] !== true,
    'zeroCopy',
    'no SENDMSG_ZC: datagrams and long writes of streams are copied; needs Linux 6.1',
  );
  note(
    opcodes[OP_FTRUNCATE] !== true,
    'truncate',
    'no FTRUNCATE: a thread of Node’s pool does it; needs Linux 6.9',
  );
  note(
    opcodes[OP_FIXED_FD_INSTALL] !== true || keepsClosedFiles(),
    'directDescriptors',
    `connections, and small files that are read or written as a whole, have descriptors: ${KEEPS_CLOSED_FILES}`,
  );
  note(
    incremental < 0,
    'receiveBuffers.incremental',
    'by trial, buffers are not filled in parts: each piece that a stream receives takes whole ones; needs Linux 6.12',
  );
  note(
    incremental < 0 && bundled < 0,
    'receiveBundles',
    'by trial, a completion is for one receive buffer and not for several; needs Linux 6.17',
  );
  note(
    bundled === EINVAL,
    'receiveQueueBytes',
    'a receive does not end by itself there and is cancelled: what the receive buffers hold may come on top; ' +
      'needs Linux 6.17',
  );
  if (kind === 'loop') {
    note(
      (features & MIN_TIMEOUT) === 0,
      'coalesce',
      'no MIN_TIMEOUT: adaptive rings wait for nothing; needs Linux 6.12',
    );
    note(
      resizedRing < 0,
      'completionEntriesMax',
      'a completion queue that overflows is not made larger, the kernel keeps the rest; needs Linux 6.13',
    );
  }
  return losses;
}
