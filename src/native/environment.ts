/**
 * What surrounds the process and bears on io_uring: limits, CPUs, quota, security settings, container.
 * Reads /proc and /sys only; what can't be read is null, never an error.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A soft and a hard limit (getrlimit(2)); null is unlimited. */
export interface ResourceLimit {
  /** What is in force; null is unlimited. */
  soft: number | null;
  /** How far the process may raise it; null is unlimited. */
  hard: number | null;
}

/** What bounds rings and their threads. What could not be found out is null. */
export interface ProcessLimits {
  /** RLIMIT_NOFILE: descriptors, and slots of a registered table. Node raises the soft one at its start. */
  openFiles: ResourceLimit | null;
  /** RLIMIT_MEMLOCK in bytes; the kernel counts registered buffers by it, and rings before 5.12 and again by 6.18. */
  lockedMemoryBytes: ResourceLimit | null;
  /** CPUs that the process may run on. */
  cpus: number[];
  /** CPUs' worth of time that the control group grants, such as 1.5; null without a quota. */
  cpuQuota: number | null;
}

/** What may forbid io_uring. What could not be found out is null. */
export interface SecuritySettings {
  /** The sysctl kernel.io_uring_disabled: 0 for all, 1 for the privileged, 2 for none (Linux 6.6). */
  ioUringDisabled: number | null;
  /** kernel.io_uring_group: members may use io_uring when it is 1 above; -1 for none. */
  ioUringGroup: number | null;
  /** Whether a seccomp filter decides about this process's system calls. */
  hasSeccompFilter: boolean;
  /** Whether the process has CAP_SYS_ADMIN in effect. */
  isAdministrator: boolean;
}

/** Engines that leave a trace by which a process can tell that it runs under them. */
export type ContainerEngine = 'docker' | 'podman' | 'kubernetes' | 'lxc' | 'other';

const CAP_SYS_ADMIN = 21n;

/** A file's text, or '' when it can't be read. */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** False, too, where Node's permission model keeps it from the process: then existsSync throws. */
function isThere(path: string): boolean {
  try {
    return existsSync(path);
  } catch {
    return false;
  }
}

/** A line of /proc/self/status. */
function statusField(name: string): string | undefined {
  return new RegExp(`^${name}:\\s*(\\S.*)$`, 'm').exec(textOf('/proc/self/status'))?.[1];
}

function numberIn(path: string): number | null {
  const text = textOf(path).trim();
  return /^-?\d+$/.test(text) ? Number(text) : null;
}

function limitNamed(name: string): ResourceLimit | null {
  const found = new RegExp(`^${name}\\s+(\\w+)\\s+(\\w+)`, 'm').exec(textOf('/proc/self/limits'));
  if (!found) return null;
  const [soft, hard] = [found[1], found[2]].map((text) => (text === 'unlimited' ? null : Number(text)));
  return { soft: soft ?? null, hard: hard ?? null };
}

/** '0-2,5' as numbers. */
function cpuList(text: string): number[] {
  return text.split(',').flatMap((range) => {
    const [first = Number.NaN, last = first] = range.split('-').map(Number);
    return Number.isNaN(first)
      ? []
      : Array.from({ length: last - first + 1 }, (_unused, index) => first + index);
  });
}

/** Where a control-group hierarchy is mounted: its directory, and the group that this shows as its root. */
interface Mount {
  directory: string;
  root: string;
}

/** @param controller of a version 1 hierarchy; undefined for the version 2 one. */
function controlGroupMount(controller: string | undefined): Mount | undefined {
  for (const line of textOf('/proc/self/mountinfo').split('\n')) {
    const [fields = '', origin = ''] = line.split(' - ');
    const [type, , options = ''] = origin.split(' ');
    const isIt =
      controller === undefined
        ? type === 'cgroup2'
        : type === 'cgroup' && options.split(',').includes(controller);
    if (!isIt) continue;
    const [, , , root = '/', directory = ''] = fields.split(' ');
    return { directory, root };
  }
  return undefined;
}

/** The process's group in a hierarchy, as /proc/self/cgroup names it. */
function controlGroupPath(controller: string | undefined): string | undefined {
  for (const line of textOf('/proc/self/cgroup').split('\n')) {
    const [id, controllers = '', ...path] = line.split(':');
    if (controller === undefined ? id === '0' : controllers.split(',').includes(controller)) {
      return path.join(':');
    }
  }
  return undefined;
}

/** The group's directory and those above it, the mount's own last. */
function controlGroupDirectories(controller: string | undefined): string[] {
  const mount = controlGroupMount(controller);
  const path = controlGroupPath(controller);
  if (mount === undefined || path === undefined) return [];
  const below = path.startsWith(mount.root) ? path.slice(mount.root.length) : path;
  const names = below.split('/').filter((name) => name !== '' && name !== '..');
  return Array.from({ length: names.length + 1 }, (_unused, depth) =>
    join(mount.directory, ...names.slice(0, names.length - depth)),
  );
}

/** `cpu.max`: quota and period in microseconds, or the word max. */
function quotaOfVersion2(directory: string): number | null {
  const [quota = Number.NaN, period = Number.NaN] = textOf(join(directory, 'cpu.max')).split(' ').map(Number);
  return quota > 0 && period > 0 ? quota / period : null;
}

function quotaOfVersion1(directory: string): number | null {
  const quota = numberIn(join(directory, 'cpu.cfs_quota_us')) ?? -1;
  const period = numberIn(join(directory, 'cpu.cfs_period_us')) ?? 0;
  return quota > 0 && period > 0 ? quota / period : null;
}

/** The tightest quota of the process's group and those above it. */
function cpuQuota(): number | null {
  const quotas = [
    ...controlGroupDirectories(undefined).map(quotaOfVersion2),
    ...controlGroupDirectories('cpu').map(quotaOfVersion1),
  ].filter((quota) => quota !== null);
  return quotas.length === 0 ? null : Math.min(...quotas);
}

export function readLimits(): ProcessLimits {
  return {
    openFiles: limitNamed('Max open files'),
    lockedMemoryBytes: limitNamed('Max locked memory'),
    cpus: cpuList(statusField('Cpus_allowed_list') ?? ''),
    cpuQuota: cpuQuota(),
  };
}

export function readSecurity(): SecuritySettings {
  const capabilities = BigInt(`0x${statusField('CapEff') ?? '0'}`);
  return {
    ioUringDisabled: numberIn('/proc/sys/kernel/io_uring_disabled'),
    ioUringGroup: numberIn('/proc/sys/kernel/io_uring_group'),
    hasSeccompFilter: statusField('Seccomp') === '2',
    isAdministrator: ((capabilities >> CAP_SYS_ADMIN) & 1n) === 1n,
  };
}

/** The engine whose container this is, as far as it shows. */
export function detectContainer(): ContainerEngine | null {
  if (process.env.KUBERNETES_SERVICE_HOST) return 'kubernetes';
  if (isThere('/run/.containerenv')) return 'podman';
  if (isThere('/.dockerenv')) return 'docker';
  // systemd's convention: who starts a container's first process tells it the engine's name.
  const named = /(?:^|\0)container=([^\0]*)/.exec(textOf('/proc/1/environ'))?.[1] ?? process.env.container;
  if (named === undefined || named === '') return null;
  return named === 'docker' || named === 'podman' || named === 'lxc' ? named : 'other';
}
