/** Processes that do nothing but take processor time, for a run of a machine that has other things to do. */
import { spawn } from 'node:child_process';
import type { Setting } from './workload.js';

/** Looks now and then whether the process that it is for is still there: that may end in ways that it hears nothing of. */
const SCRIPT = 'while kill -0 "$0" 2>/dev/null; do i=0; while [ $i -lt 200000 ]; do i=$((i + 1)); done; done';

export function startBusyProcesses(count: number, onEnd: Setting['onEnd']): void {
  for (let index = 0; index < count; index++) {
    const child = spawn('sh', ['-c', SCRIPT, String(process.pid)], { stdio: 'ignore' });
    child.unref();
    onEnd(() => void child.kill('SIGKILL'));
  }
}
