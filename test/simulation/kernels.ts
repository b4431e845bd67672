/** Kernels to simulate: what each lacks, by the kernel's own numbers (uring_abi.h). */
import type { KernelGaps } from '#ringlet/native/binding.js';
import { OP_FTRUNCATE } from '#ringlet/native/sqe.js';

const REGISTER_RESIZE_RINGS = 33;
const SETUP_COOP_TASKRUN = 1 << 8;
const SETUP_TASKRUN_FLAG = 1 << 9;
const SETUP_SINGLE_ISSUER = 1 << 12;
const SETUP_DEFER_TASKRUN = 1 << 13;
const SETUP_NO_SQARRAY = 1 << 16;
const RECEIVE_BUNDLE = 1 << 4;
const BUFFER_RING_INCREMENTAL = 1 << 1;

const NEWEST: KernelGaps = {
  opcodes: [],
  registrations: [],
  setupFlags: 0,
  receiveFlags: 0,
  bufferRingFlags: 0,
};
const LINUX_6_6: KernelGaps = {
  opcodes: [OP_FTRUNCATE],
  registrations: [REGISTER_RESIZE_RINGS],
  setupFlags: 0,
  receiveFlags: RECEIVE_BUNDLE,
  bufferRingFlags: BUFFER_RING_INCREMENTAL,
};

export const KERNELS: Readonly<Record<string, KernelGaps>> = {
  newest: NEWEST,
  '6.12': { ...NEWEST, registrations: [REGISTER_RESIZE_RINGS], receiveFlags: RECEIVE_BUNDLE },
  '6.6': LINUX_6_6,
  '6.0': { ...LINUX_6_6, setupFlags: SETUP_DEFER_TASKRUN | SETUP_NO_SQARRAY },
  '5.19': {
    ...LINUX_6_6,
    setupFlags:
      SETUP_DEFER_TASKRUN | SETUP_NO_SQARRAY | SETUP_SINGLE_ISSUER | SETUP_TASKRUN_FLAG | SETUP_COOP_TASKRUN,
  },
};
