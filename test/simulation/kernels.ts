/** Kernels to simulate: what each lacks, by the kernel's own numbers (uring_abi.h). */
import type { KernelGaps } from '#ringlet/native/binding.js';
import { OP_FTRUNCATE } from '#ringlet/native/sqe.js';

const REGISTER_FILES2 = 13;
const REGISTER_RESIZE_RINGS = 33;
const SETUP_COOP_TASKRUN = 1 << 8;
const SETUP_TASKRUN_FLAG = 1 << 9;
const SETUP_SINGLE_ISSUER = 1 << 12;
const SETUP_DEFER_TASKRUN = 1 << 13;
const SETUP_NO_SQARRAY = 1 << 16;
const RECEIVE_BUNDLE = 1 << 4;
const BUFFER_RING_INCREMENTAL = 1 << 1;

/** What rings can do without, and since which kernel (major version times 100, and the minor one) it is there. */
const FEATURES: readonly (readonly [since: number, gap: Partial<KernelGaps>])[] = [
  // Tables of files are older, and not made use of (file_table_trial.h).
  [613, { registrations: [REGISTER_RESIZE_RINGS, REGISTER_FILES2] }],
  [612, { bufferRingFlags: BUFFER_RING_INCREMENTAL }],
  [610, { receiveFlags: RECEIVE_BUNDLE }],
  [609, { opcodes: [OP_FTRUNCATE] }],
  [606, { setupFlags: SETUP_NO_SQARRAY }],
  [601, { setupFlags: SETUP_DEFER_TASKRUN }],
  [600, { setupFlags: SETUP_SINGLE_ISSUER }],
  [519, { setupFlags: SETUP_COOP_TASKRUN | SETUP_TASKRUN_FLAG }],
];

const MIXED = /^without-(\d+)$/;

/** Those that the test plays: versions, and one that has bundles and no incremental buffers, as none has. */
export const KERNELS = ['newest', '6.12', '6.6', '6.0', '5.18', 'without-2'];

/** Of a version, of the newest, or without the features that the bits of a number stand for. */
export function gapsOf(kernel: string): KernelGaps {
  const mixed = MIXED.exec(kernel)?.[1];
  const [major, minor] = kernel.split('.').map(Number);
  const version = kernel === 'newest' ? Number.MAX_SAFE_INTEGER : Number(major) * 100 + Number(minor);
  if (mixed === undefined && Number.isNaN(version)) throw new Error(`'${kernel}' is no kernel to simulate`);
  const lacking = FEATURES.filter(([since], index) => {
    return mixed === undefined ? since > version : (Number(mixed) >> index) % 2 === 1;
  }).map(([, gap]) => gap);
  const flags = (name: 'setupFlags' | 'receiveFlags' | 'bufferRingFlags'): number =>
    lacking.reduce((bits, gap) => bits | (gap[name] ?? 0), 0);
  return {
    opcodes: lacking.flatMap(({ opcodes = [] }) => opcodes),
    registrations: lacking.flatMap(({ registrations = [] }) => registrations),
    setupFlags: flags('setupFlags'),
    receiveFlags: flags('receiveFlags'),
    bufferRingFlags: flags('bufferRingFlags'),
  };
}
