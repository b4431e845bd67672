/**
 * Rings in user space with the thread sanitizer: compiles them with a program that plays on many rings on many threads
 * at once, test/native/user-ring-stress.cc, and runs it. Arguments: seconds (10) and a seed (1).
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const [seconds = '10', seed = '1'] = process.argv.slice(2);

const ring = join(root, 'cpp', 'user_ring');
const sources = [
  join(root, 'test', 'native', 'user-ring-stress.cc'),
  join(root, 'cpp', 'uring_syscalls.cc'),
  ...readdirSync(ring)
    .filter((name) => name.endsWith('.cc'))
    .map((name) => join(ring, name)),
];
const output = join(root, 'build', 'tsan', 'user-ring-stress');
mkdirSync(dirname(output), { recursive: true });
const flags = [
  '-std=c++20',
  '-O1',
  '-g',
  '-fsanitize=thread',
  '-fno-omit-frame-pointer',
  '-Wall',
  '-Wextra',
  '-pthread',
];
execFileSync(process.env.CXX ?? 'g++', [...flags, '-o', output, ...sources], { stdio: 'inherit' });

const { status, signal, error } = spawnSync(output, [seconds, seed], {
  stdio: 'inherit',
  env: { ...process.env, TSAN_OPTIONS: `halt_on_error=1 ${process.env.TSAN_OPTIONS ?? ''}` },
});
if (error) throw error;
if (signal !== null) console.error(`it ended with ${signal}`);
process.exitCode = status ?? 1;
