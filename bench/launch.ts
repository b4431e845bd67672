/** Starts one trial in a process of its own and reads what it measured. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import type { AnyWorkload } from './cases.js';
import { compile } from './native.js';
import { commandOf, type Runtime } from './runtimes.js';
import { type Measurement, UNAVAILABLE_STATUS, Unavailable } from './workload.js';

const DEADLINE_MS = 120_000;
const TRIAL = join(import.meta.dirname, 'trial.js');

type AnyContender = AnyWorkload['contenders'][number];

/** Rejects with `Unavailable` when the contender cannot run on this machine. */
export async function runTrial(
  caseName: string,
  contender: AnyContender,
  runtime: Runtime | undefined,
  parameters: unknown,
): Promise<Measurement> {
  const { name, native, environment, isRegistered } = contender;
  const preload = isRegistered ? ['--import', import.meta.resolve('ringlet/register')] : [];
  const [program, ...args] = native
    ? [compile(native.program), ...native.arguments(parameters).map(String)]
    : [...commandOf(runtime), ...preload, TRIAL, caseName, name, JSON.stringify(parameters)];
  const env = { ...process.env, ...environment };
  const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let complaint = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint += text;
  });
  const kill = (): void => void child.kill('SIGKILL');
  // Before what puts the machine back as it was.
  process.prependListener('exit', kill);
  const timer = setTimeout(kill, DEADLINE_MS);
  const { status, signal } = await new Promise<{ status: number | null; signal: NodeJS.Signals | null }>(
    (resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code, name) => resolve({ status: code, signal: name }));
    },
  ).finally(() => {
    clearTimeout(timer);
    process.off('exit', kill);
  });
  const lines = complaint.trim().split('\n');
  if (status === UNAVAILABLE_STATUS) throw new Unavailable(lines.at(-1));
  if (status !== 0) throw new Error(`ended by ${signal ?? `status ${status}`}: ${complaint.trim()}`);
  return readMeasurement(output);
}

/** The output's lines of JSON, which say it together: latencies are a client's, and so a line of its own. */
function readMeasurement(output: string): Measurement {
  const lines = output.split('\n').filter((line) => line.startsWith('{'));
  const measured: unknown = Object.assign({}, ...lines.map((line): unknown => JSON.parse(line)));
  if (isMeasurement(measured)) return measured;
  throw new Error(`this is no measurement: ${output}`);
}

function isMeasurement(value: unknown): value is Measurement {
  if (typeof value !== 'object' || value === null) return false;
  const { operationCount, elapsedNs, cpuUs } = value as Partial<Record<keyof Measurement, unknown>>;
  return [operationCount, elapsedNs, cpuUs].every((number) => typeof number === 'number' && number >= 0);
}
