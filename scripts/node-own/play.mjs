/** One of Node's own tests, played in a process of its own. */
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';

const HEAD_BYTES = 3000;
const SAID_CHARACTERS_MAX = 4000;

/** The options of Node's that a test names in its head. */
export function flagsOf(path) {
  const head = readFileSync(path, 'utf8').slice(0, HEAD_BYTES);
  return [...head.matchAll(/^\/\/ Flags:\s+(--.*)$/gm)].flatMap(([, flags]) => flags.trim().split(/\s+/));
}

/** A process and those that it has made, which are of its group. */
function end(child) {
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It is gone.
  }
}

/**
 * @returns 'passed', 'skipped', or what it failed with: `code N`, `signal NAME`, `time`; and what it said
 */
export async function play({ node, path, preload, folder, place, ms }) {
  const home = join(folder, `files-${place}`);
  rmSync(home, { recursive: true, force: true });
  mkdirSync(home, { recursive: true });
  const argv = [...flagsOf(path), ...preload.flatMap((module) => ['--import', module]), path];
  const env = { ...process.env, NODE_TEST_DIR: home, TEST_THREAD_ID: `${place}` };
  delete env.NODE_OPTIONS;
  const stdio = ['ignore', 'pipe', 'pipe'];
  const child = spawn(node, argv, { cwd: home, env, stdio, detached: true });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => {
      said = (said + text).slice(-SAID_CHARACTERS_MAX);
    });
  }
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    end(child);
  }, ms);
  const [code, signal] = await new Promise((resolve) => child.on('exit', (...outcome) => resolve(outcome)));
  clearTimeout(timer);
  end(child);
  rmSync(home, { recursive: true, force: true });
  if (isLate) return { outcome: 'time', said };
  if (signal !== null) return { outcome: `signal ${signal}`, said };
  if (code !== 0) return { outcome: `code ${code}`, said };
  return { outcome: /^1\.\.0 # Skipped/m.test(said) ? 'skipped' : 'passed', said };
}
