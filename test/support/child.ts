/**
 * Scripts run beside the tests, in a process or a worker of their own.
 *
 * Each has a deadline; a process that misses it is killed by its own id. Scripts are ES modules for
 * processes and CommonJS with top-level `await` for workers, and import `ringlet` by its own name.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { DEADLINE_MS, within } from './eventually.js';
import { ENVIRONMENT } from './programs.js';

/** The package's own directory, where `ringlet` resolves. */
export const PACKAGE_ROOT = fileURLToPath(new URL('../../../', import.meta.url));

export interface ChildOptions {
  args?: readonly string[];
  env?: Readonly<Record<string, string>>;
  /** Where it runs. Default: the package's own directory. */
  cwd?: string;
  deadlineMs?: number;
  /** Options for Node itself. */
  execArgv?: readonly string[];
  /** Takes the place of Node as the program to run; the arguments for Node follow its own. */
  launcher?: readonly string[];
}

export interface ChildOutcome {
  /** The exit status, or null when a signal ended it. */
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
  /** Whether it missed its deadline and was killed for it. */
  hasTimedOut: boolean;
}

/** Runs a program to its end, or to its deadline. */
export async function runProgram(argv: readonly string[], options: ChildOptions = {}): Promise<ChildOutcome> {
  const [program = process.execPath, ...rest] = [...(options.launcher ?? []), ...argv];
  const child = spawn(program, rest, {
    cwd: options.cwd ?? PACKAGE_ROOT,
    // A sanitizer is for the Node that loads the addon, whatever comes before it on the line.
    env: { ...([program, ...rest].includes(process.execPath) ? process.env : ENVIRONMENT), ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const outcome: ChildOutcome = { code: null, signal: null, stdout: '', stderr: '', hasTimedOut: false };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    outcome.stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    outcome.stderr += text;
  });
  const timer = setTimeout(
    () => {
      outcome.hasTimedOut = true;
      child.kill('SIGKILL');
    },
    options.deadlineMs ?? 2 * DEADLINE_MS,
  );
  try {
    [outcome.code, outcome.signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  } finally {
    clearTimeout(timer);
  }
  return outcome;
}

/** Runs an ES module, given as text, in a Node process. */
export function runScript(source: string, options: ChildOptions = {}): Promise<ChildOutcome> {
  const flags = [...(options.execArgv ?? []), '--input-type=module'];
  return runProgram([process.execPath, ...flags, '-e', source, ...(options.args ?? [])], options);
}

/** Runs CommonJS source, given as text, in a Node process. */
export function runCommonJs(source: string, options: ChildOptions = {}): Promise<ChildOutcome> {
  return runProgram(
    [process.execPath, '--input-type=commonjs', '-e', source, ...(options.args ?? [])],
    options,
  );
}

/** Throws, with everything the child said, unless it ended by itself with status 0. */
export function expectCleanExit(outcome: ChildOutcome): void {
  if (outcome.code === 0 && !outcome.hasTimedOut) return;
  const how = outcome.hasTimedOut ? 'hung' : `ended with ${outcome.signal ?? `status ${outcome.code}`}`;
  throw new Error(`the child ${how}\nstdout: ${outcome.stdout}\nstderr: ${outcome.stderr}`);
}

/** A worker whose script talks to the test through `parentPort`. */
export interface ScriptWorker {
  readonly worker: Worker;
  /** The next message it posts; rejects when it fails or ends first, or at the deadline. */
  next(): Promise<unknown>;
  post(message: unknown): void;
  /** Stops it, whatever it is doing, and resolves when it is gone. */
  terminate(): Promise<void>;
  /** Resolves to the exit status when it ends by itself. */
  readonly ended: Promise<number>;
}

/**
 * Starts a worker on `body`, the inside of an async function that sees `ringlet` (the package's exports),
 * `parentPort`, `workerData` and `receive()` (the next message from the test).
 */
export function startWorker(body: string, workerData?: unknown): ScriptWorker {
  const source = `
    const { parentPort, workerData } = require('node:worker_threads');
    const { once } = require('node:events');
    const receive = async () => (await once(parentPort, 'message'))[0];
    (async () => {
      const ringlet = await import('ringlet');
      ${body}
    })().catch((error) => { setImmediate(() => { throw error; }); });
  `;
  const worker = new Worker(source, { eval: true, workerData });
  const messages: unknown[] = [];
  const waiters: { resolve: (message: unknown) => void; reject: (reason: unknown) => void }[] = [];
  let failure: Error | undefined;
  const fail = (reason: Error): void => {
    failure ??= reason;
    for (const waiter of waiters.splice(0)) waiter.reject(failure);
  };
  worker.on('message', (message) => {
    const waiter = waiters.shift();
    if (waiter) waiter.resolve(message);
    else messages.push(message);
  });
  worker.on('error', fail);
  const ended = new Promise<number>((resolve) => {
    worker.on('exit', (code) => {
      fail(new Error(`the worker ended with status ${code}`));
      resolve(code);
    });
  });
  return {
    worker,
    ended,
    next() {
      if (messages.length > 0) return Promise.resolve(messages.shift());
      if (failure) return Promise.reject(failure);
      const message = new Promise<unknown>((resolve, reject) => waiters.push({ resolve, reject }));
      return within('a message from the worker', message);
    },
    post: (message) => worker.postMessage(message),
    async terminate() {
      await within('the end of the worker', worker.terminate());
    },
  };
}
