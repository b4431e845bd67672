/** Settings of the system that a run changes, for its own length, where that is allowed. */
import type { SocketOptions } from 'node:dgram';
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Setting, Unavailable } from './workload.js';

const RECEIVE_LIMIT_PATH = '/proc/sys/net/core/rmem_max';
const RECEIVE_DEFAULT_PATH = '/proc/sys/net/core/rmem_default';
const CONGESTION_CONTROL_PATH = '/proc/sys/net/ipv4/tcp_congestion_control';

/** False when it is not allowed. */
function change(path: string, value: string, onEnd: Setting['onEnd']): boolean {
  const before = readFileSync(path, 'utf8');
  try {
    writeFileSync(path, value);
  } catch {
    return false;
  }
  onEnd(() => writeFileSync(path, before));
  return true;
}

/**
 * Raises the limit on receive buffers to `bytes`, and what sockets have that ask for none (Bun's, Deno's) to twice
 * that, which is what others get. Returns as many bytes as can be had.
 */
export function raiseReceiveLimit(bytes: number, onEnd: Setting['onEnd']): number {
  const limit = Number(readFileSync(RECEIVE_LIMIT_PATH, 'utf8'));
  change(RECEIVE_DEFAULT_PATH, String(2 * bytes), onEnd);
  return limit >= bytes || change(RECEIVE_LIMIT_PATH, String(bytes), onEnd) ? bytes : limit;
}

/**
 * Has TCP control congestion in the way that is the kernel's own default. BBR, which some systems have instead,
 * paces what is sent by a timer, also over loopback, and then a sender that is too fast waits for it and pays for that.
 */
export function useDefaultCongestionControl(onEnd: Setting['onEnd']): void {
  if (readFileSync(CONGESTION_CONTROL_PATH, 'utf8').trim() === 'cubic') return;
  if (change(CONGESTION_CONTROL_PATH, 'cubic', onEnd)) return;
  console.warn('TCP does not control congestion by cubic here: expect two speeds if it paces');
}

/**
 * What a socket of node:dgram is made with. Deno's is not asked for a size, and has what is the run's default: it costs
 * ten times as much a datagram with a large one (2.9.6).
 */
export function receivingSocket(bytes: number): SocketOptions {
  return process.versions.deno === undefined ? { type: 'udp4', recvBufferSize: bytes } : { type: 'udp4' };
}

const CONTROL_GROUPS = '/sys/fs/cgroup';
const QUOTA_PERIOD_US = 100_000;
const REMOVAL_ATTEMPTS = 40;
const REMOVAL_PAUSE_MS = 50;

/** A control group whose processes have a part of one CPU. Throws `Unavailable` where none can be made. */
export function makeQuotaGroup(part: number, onEnd: Setting['onEnd']): string {
  const isVersion2 = existsSync(join(CONTROL_GROUPS, 'cgroup.controllers'));
  const group = join(CONTROL_GROUPS, isVersion2 ? '' : 'cpu', `ringlet-bench-${process.pid}`);
  const quotaUs = part * QUOTA_PERIOD_US;
  try {
    mkdirSync(group);
    onEnd(() => removeGroup(group));
    if (isVersion2) {
      writeFileSync(join(group, 'cpu.max'), `${quotaUs} ${QUOTA_PERIOD_US}`);
    } else {
      writeFileSync(join(group, 'cpu.cfs_period_us'), String(QUOTA_PERIOD_US));
      writeFileSync(join(group, 'cpu.cfs_quota_us'), String(quotaUs));
    }
  } catch (error) {
    throw new Unavailable(`no control group with a CPU quota can be made: ${(error as Error).message}`);
  }
  return group;
}

/** Processes that were killed a moment ago may still be on their way out of it. */
function removeGroup(group: string): void {
  const clock = new Int32Array(new SharedArrayBuffer(4));
  for (let attempt = 0; existsSync(group); attempt++) {
    try {
      rmdirSync(group);
    } catch (error) {
      if (attempt === REMOVAL_ATTEMPTS) console.warn(`${group} is left behind: ${(error as Error).message}`);
      if (attempt === REMOVAL_ATTEMPTS) return;
      Atomics.wait(clock, 0, 0, REMOVAL_PAUSE_MS);
    }
  }
}

/** Moves this process into a control group, all its threads with it. */
export function joinGroup(group: string): void {
  writeFileSync(join(group, 'cgroup.procs'), String(process.pid));
}
