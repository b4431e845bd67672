/** What the figures were measured on, read from the system. */
import { statfsSync } from 'node:fs';
import { arch, cpus, loadavg, release, totalmem, type } from 'node:os';

export interface Machine {
  kernel: string;
  cpu: string;
  cpuCount: number;
  memoryGiB: number;
  node: string;
  /** The file system that files are measured on. */
  fileSystem: string;
  /** Processes that wanted a CPU in the minute before the run, on average: above 0.5, expect spread. */
  loadAverage: number;
  startedAt: string;
}

/** By the magic numbers of statfs(2). */
const FILE_SYSTEMS = new Map([
  [0xef53, 'ext4'],
  [0x58465342, 'xfs'],
  [0x9123683e, 'btrfs'],
  [0x01021994, 'tmpfs'],
  [0x794c7630, 'overlayfs'],
]);

export function describeMachine(directory: string): Machine {
  const processors = cpus();
  const fileSystemType = statfsSync(directory).type;
  return {
    kernel: `${type()} ${release()} ${arch()}`,
    cpu: processors[0]?.model.trim() ?? 'unknown',
    cpuCount: processors.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
    fileSystem: FILE_SYSTEMS.get(fileSystemType) ?? `0x${fileSystemType.toString(16)}`,
    loadAverage: loadavg()[0] ?? 0,
    startedAt: new Date().toISOString(),
  };
}
