/** Which addon is for this process: by its processor, and by the C library that it runs on. */
import { readFileSync } from 'node:fs';

/** `process.report` as far as it is asked here; Node 20's types lack some of it. */
interface Report {
  excludeNetwork: boolean;
  getReport(): { header: { glibcVersionRuntime?: string } };
}

/**
 * Whether the process runs on musl: by the library that it has mapped, not by files of the system, where more than
 * one may be.
 */
export function isMusl(): boolean {
  if (process.platform !== 'linux') return false;
  try {
    const maps = readFileSync('/proc/self/maps', 'latin1');
    if (/\/ld-musl-[^/\s]*\.so/.test(maps)) return true;
    if (/\/(?:ld-linux[^/\s]*|ld64|libc)\.so\.\d/.test(maps)) return false;
  } catch {
    // Without /proc, Node knows all the same; but slowly.
  }
  const report = process.report as unknown as Report;
  const { excludeNetwork } = report;
  report.excludeNetwork = true;
  try {
    return report.getReport().header.glibcVersionRuntime === undefined;
  } finally {
    report.excludeNetwork = excludeNetwork;
  }
}

/** What a prebuilt addon for this process is called: `linux-x64`, `linuxmusl-arm64`. */
export function addonTarget(): string {
  return `${process.platform}${isMusl() ? 'musl' : ''}-${process.arch}`;
}
