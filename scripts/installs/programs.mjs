/** Running programs in installations, and what is expected of them. */
import { spawnSync } from 'node:child_process';

const LIMIT_MS = 5 * 60_000;

/** Both outputs of a command that must end with status 0. */
export function run([command, ...args], { cwd, env = {} } = {}) {
  const { status, signal, error, stdout, stderr } = spawnSync(command, args, {
    cwd,
    env: { ...process.env, ...env },
    encoding: 'utf8',
    timeout: LIMIT_MS,
  });
  if (error) throw error;
  if (status !== 0) throw new Error(`${command} ended with ${signal ?? status}:\n${stdout}${stderr}`);
  return stdout + stderr;
}

/** Reads what program.mjs has printed. @throws in words when it is something else than what `backend` says. */
export function understand(output, backend) {
  const line = output.split('\n').find((text) => text.startsWith('{"backend"'));
  if (!line) throw new Error(`the program said nothing:\n${output}`);
  const found = JSON.parse(line);
  if (!found.isAddonLoaded) throw new Error(`the addon was not loaded: ${found.reason}`);
  if (found.backend !== backend || !found.isRead) throw new Error(`not ${backend}: ${line}`);
  return `${found.backend === 'node' ? `no ring (${found.reason})` : 'a ring'}; ${found.where}`;
}
