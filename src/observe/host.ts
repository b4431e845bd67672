/** What the process runs on, for people: runtime, C library, processor, package manager. What can't be told is null. */
import { cpus } from 'node:os';
import { isMusl } from '../native/addon-target.js';
import { foreignRuntime } from '../native/ruling.js';

/** What the process runs on: runtime, C library, processor, package manager. What can't be told is null. */
export interface Host {
  /** With its version, such as 'Node.js 24.1.0' or 'Bun 1.4.5'; only Node has rings. */
  runtime: string;
  /** Of this process, whatever else the system has: 'glibc 2.36', 'musl'. */
  libc: string | null;
  /** The first CPU's model, as the kernel names it. */
  processor: string | null;
  /** Which has started the process, if one has, with its version: 'npm 10.8.2'. It decides how commands are typed. */
  packageManager: string | null;
}

interface Report {
  excludeNetwork?: boolean;
  getReport(): { header: { glibcVersionRuntime?: string } };
}

function libc(): string | null {
  if (process.platform !== 'linux') return null;
  if (isMusl()) return 'musl';
  const version = glibcVersion();
  return version === undefined ? null : `glibc ${version}`;
}

function glibcVersion(): string | undefined {
  const report = process.report as unknown as Report | undefined;
  if (report === undefined) return undefined;
  // Interfaces are looked up by name otherwise, which may take seconds.
  const { excludeNetwork } = report;
  report.excludeNetwork = true;
  try {
    return report.getReport().header.glibcVersionRuntime;
  } catch {
    return undefined;
  } finally {
    if (excludeNetwork !== undefined) report.excludeNetwork = excludeNetwork;
  }
}

/** 'npm/10.8.2 node/v20.20.2 linux x64' as 'npm 10.8.2'. */
function packageManager(): string | null {
  const [, name, version] = /^(\w+)\/(\S+)/.exec(process.env.npm_config_user_agent ?? '') ?? [];
  return name === undefined ? null : `${name} ${version}`;
}

export function readHost(): Host {
  return {
    runtime: foreignRuntime() ?? `Node.js ${process.versions.node}`,
    libc: libc(),
    processor: cpus()[0]?.model.trim() ?? null,
    packageManager: packageManager(),
  };
}
