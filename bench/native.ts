/** Compiles the C programs of bench/native/ when they have changed. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Unavailable } from './workload.js';

/** The folders, from build/bench/ where this file is compiled to. */
const SOURCES = join(import.meta.dirname, '..', '..', 'bench', 'native');
const OUTPUT = join(import.meta.dirname, 'native');
/** Shared by programs: newer than one, they make it stale. */
const HEADERS = ['measure.h', 'ring.h', 'receiver.h', 'client.h', 'request-client.c'];

/** What programs are linked with, by what their text has. */
const LIBRARIES = [
  {
    mark: /"(ring|receiver)\.h"/,
    flags: ['-luring'],
    header: 'liburing.h',
    debianPackage: 'liburing-dev',
  },
  {
    mark: /define OVER_TLS/,
    flags: ['-lssl', '-lcrypto'],
    header: 'openssl/ssl.h',
    debianPackage: 'libssl-dev',
  },
];

const outcomes = new Map<string, string | Unavailable>();

/** Returns the path of the compiled program, or throws `Unavailable` with the compiler's reason. */
export function compile(program: string): string {
  let outcome = outcomes.get(program);
  if (outcome === undefined) {
    outcome = compileNow(program);
    outcomes.set(program, outcome);
  }
  if (outcome instanceof Unavailable) throw outcome;
  return outcome;
}

function compileNow(program: string): string | Unavailable {
  const source = join(SOURCES, `${program}.c`);
  const output = join(OUTPUT, program);
  const changedMs = Math.max(...[source, ...HEADERS.map((name) => join(SOURCES, name))].map(modifiedMs));
  if (modifiedMs(output) > changedMs) return output;
  mkdirSync(OUTPUT, { recursive: true });
  const text = readFileSync(source, 'utf8');
  const libraries = LIBRARIES.filter(({ mark }) => mark.test(text));
  const compiler = process.env.CC ?? 'cc';
  const run = spawnSync(
    compiler,
    ['-std=gnu11', '-O2', '-o', output, source, ...libraries.flatMap(({ flags }) => flags)],
    {
      encoding: 'utf8',
    },
  );
  if (run.error) return new Unavailable(`${compiler} cannot be run: ${run.error.message}`);
  if (run.status === 0) return output;
  const missing = libraries.find(({ header }) => run.stderr.includes(header));
  if (missing) return new Unavailable(`${missing.header} is not installed (${missing.debianPackage})`);
  return new Unavailable(
    run.stderr.split('\n').find((line) => line.includes('error')) ?? 'it does not compile',
  );
}

/** 0 for a file that is not there. */
function modifiedMs(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
