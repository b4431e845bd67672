/** What rings do without on this kernel, in words: for `profile.degraded`, and for `probe`, before there is a ring. */
import { EINVAL } from '../base/errno.js';
import type { Degradation } from '../contract/reports.js';
import type { RingSettings } from '../contract/ring-settings.js';
import { OP_FIXED_FD_INSTALL, OP_FTRUNCATE, OP_SENDMSG_ZC } from '../native/sqe.js';
import { type RingKernel, trialsOf } from './trials.js';

/** IORING_FEAT_MIN_TIMEOUT (io_uring_setup(2)). */
const MIN_TIMEOUT = 1 << 15;

export const KEEPS_CLOSED_FILES =
  'by trial, a file that is closed in the file table stays open while other requests of the ring go on; ' +
  'needs Linux 6.13';

/** What no ring in user space has. */
const USER_SPACE_LOSSES: readonly Degradation[] = [
  { what: 'zeroCopy', reason: 'not on epoll: datagrams and long writes of streams are copied' },
  {
    what: 'directDescriptors',
    reason:
      'not on epoll: connections, and small files that are read or written as a whole, have descriptors',
  },
  { what: 'coalesce', reason: 'not on epoll: adaptive rings wait for nothing' },
];

/** Settings as a ring in user space can heed them, and what is lost by that. */
export function withinUserSpace(wanted: RingSettings): { settings: RingSettings; degraded: Degradation[] } {
  const degraded: Degradation[] = [];
  const note = (isLost: boolean, what: string, reason: string): void => {
    if (isLost) degraded.push({ what, reason });
  };
  note(
    wanted.sqPoll !== undefined,
    'sqPoll',
    'not on epoll: a kernel thread serves rings of the kernel alone',
  );
  note(wanted.registeredFds > 0, 'registeredFds', 'not on epoll: each operation names its descriptor');
  note(wanted.busyPollUs > 0, 'busyPollUs', 'not on epoll: nothing comes without a system call');
  return {
    settings: { ...wanted, sqPoll: undefined, registeredFds: 0, busyPollUs: 0, registerRingFd: false },
    degraded,
  };
}

/** @param kind of ring; what neither has on any kernel is no loss. */
export function lossesOf(kernel: RingKernel, kind: 'loop' | 'sqPoll'): Degradation[] {
  if (kernel === 'epoll') return [...USER_SPACE_LOSSES];
  const trials = trialsOf(kernel);
  const { setup, opcodes, features, resizedRing } = trials.facts;
  if (setup < 0) return [];
  const { incremental, bundled } = trials.receives;
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
    opcodes[OP_FIXED_FD_INSTALL] !== true || trials.keepsClosedFiles,
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
