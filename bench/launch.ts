/** Starts one trial in a process of its own and reads what it measured. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { AnyWorkload } from './cases.js';
import { compile } from './native.js';
import { type Contender, type Measurement, UNAVAILABLE_STATUS, Unavailable } from './workload.js';

const DEADLINE_MS = 120_000;
const PEERS = join(import.meta.dirname, '..', '..', 'bench', 'peers', 'node_modules', '.bin');

type AnyContender = AnyWorkload['contenders'][number];

/** Rejects with `Unavailable` when the contender cannot run on this machine. */
export async function runTrial(
  caseName: string,
  contender: AnyContender,
  parameters: unknown,
): Promise<Measurement> {
  const [program, ...args] = commandOf(caseName, contender, parameters);
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  let complaint = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint += text;
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), DEADLINE_MS);
  const { status, signal } = await new Promise<{ status: number | null; signal: NodeJS.Signals | null }>(
    (resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code, name) => resolve({ status: code, signal: name }));
    },
  ).finally(() => clearTimeout(timer));
  const lines = complaint.trim().split('\n');
  if (status === UNAVAILABLE_STATUS) throw new Unavailable(lines.at(-1));
  if (status !== 0) throw new Error(`ended by ${signal ?? `status ${status}`}: ${complaint.trim()}`);
  return readMeasurement(output);
}

function commandOf(
  caseName: string,
  { name, native, runtime }: Contender<unknown>,
  parameters: unknown,
): [string, ...string[]] {
  if (native) return [compile(native.program), ...native.arguments(parameters).map(String)];
  const trial = [join(import.meta.dirname, 'trial.js'), caseName, name, JSON.stringify(parameters)];
  if (runtime !== 'bun') return [process.execPath, ...trial];
  const bun = join(PEERS, 'bun');
  if (!existsSync(bun)) throw new Unavailable('not installed (npm ci --prefix bench/peers)');
  return [bun, ...trial];
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
