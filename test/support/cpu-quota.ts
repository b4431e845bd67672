/** Control groups with a CPU quota, of either version. */
import { existsSync, mkdirSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface QuotaGroup {
  readonly directory: string;
  remove(): void;
}

let count = 0;

/** A control group with a quota of microseconds in each 100,000, or why there can be none. */
export function makeQuotaGroup(quotaUs: number): QuotaGroup | string {
  const name = `ringlet-test-${process.pid}-${++count}`;
  const isVersion2 = existsSync('/sys/fs/cgroup/cgroup.controllers');
  const directory = join(isVersion2 ? '/sys/fs/cgroup' : '/sys/fs/cgroup/cpu', name);
  try {
    mkdirSync(directory);
    if (isVersion2) writeFileSync(join(directory, 'cpu.max'), `${quotaUs} 100000`);
    else {
      writeFileSync(join(directory, 'cpu.cfs_period_us'), '100000');
      writeFileSync(join(directory, 'cpu.cfs_quota_us'), String(quotaUs));
    }
  } catch (error) {
    if (existsSync(directory)) rmdirSync(directory);
    return `no control group with a CPU quota can be made here: ${(error as Error).message}`;
  }
  return { directory, remove: () => rmdirSync(directory) };
}
