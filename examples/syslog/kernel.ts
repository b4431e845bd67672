/** What the demo asks the kernel about itself, through /proc (proc(5)). */
import { readFileSync } from 'node:fs';

/** Linux counts processor time for user space in hundredths of a second. */
const TICK_MS = 10;

/** Datagrams dropped at a UDP port of IPv4, because the socket's buffer was full. */
export function dropCountAt(port: number): number {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const rows = readFileSync('/proc/net/udp', 'utf8').split('\n');
  const columns = rows.map((row) => row.trim().split(/\s+/)).find(([, local]) => local?.endsWith(suffix));
  return Number(columns?.at(-1) ?? 0);
}

/** The processor time of a thread of this process, and the CPU that it ran on last. */
export function threadTimes(threadId: number): { cpuMs: number; lastCpu: number } {
  const stat = readFileSync(`/proc/self/task/${threadId}/stat`, 'utf8');
  // The name, in parentheses, may hold anything; what follows it begins with field 3.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const field = (number: number): number => Number(fields[number - 3]);
  return { cpuMs: (field(14) + field(15)) * TICK_MS, lastCpu: field(39) };
}
