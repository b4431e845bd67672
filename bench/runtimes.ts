/** What runs trials: this Node, and what bench/peers/ pins. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Contender, Unavailable } from './workload.js';

/** Seen from build/bench/, where this file is compiled to. */
const PEERS = join(import.meta.dirname, '../../bench/peers/node_modules');

/** Programs of the packages there, with their first arguments. */
const COMMANDS = {
  node20: ['node-20/bin/node'],
  node24: ['node-24/bin/node'],
  node26: ['node-26/bin/node'],
  bun: ['@oven/bun-linux-x64/bin/bun'],
  deno: ['@deno/linux-x64-glibc/deno', 'run', '--allow-all'],
} as const satisfies Record<string, readonly [string, ...string[]]>;

export type Runtime = keyof typeof COMMANDS;

/** The releases of Node that `--nodes=20,26` names; throws for one that there is not. */
export function nodesNamed(list: string): Runtime[] {
  const known = Object.keys(COMMANDS).filter((name) => name.startsWith('node')) as Runtime[];
  return list.split(',').map((release) => {
    const runtime = known.find((name) => name === `node${release}`);
    if (runtime === undefined) throw new Error(`no Node ${release} among ${known.join(', ')}`);
    return runtime;
  });
}

/** What contenders are called on one of several releases of Node. */
export function suffixOf(runtime: Runtime | undefined): string {
  return runtime === undefined ? '' : ` (${runtime.replace('node', 'Node ')})`;
}

/** A contender for each release of Node, where it is for Node and says nothing of the release. */
export function onEachNode(
  contender: Contender<unknown>,
  nodes: readonly Runtime[],
): { name: string; runtime: Runtime | undefined }[] {
  const { name, native, runtime } = contender;
  if (native || runtime || nodes.length === 0) return [{ name, runtime }];
  return nodes.map((node) => ({ name: `${name}${suffixOf(node)}`, runtime: node }));
}

/** Throws `Unavailable` for one that is not installed. */
export function commandOf(runtime: Runtime | undefined): [string, ...string[]] {
  if (runtime === undefined) return [process.execPath];
  const [program, ...args] = COMMANDS[runtime];
  const path = join(PEERS, program);
  if (!existsSync(path)) throw new Unavailable(`${runtime} is not installed (npm ci --prefix bench/peers)`);
  return [path, ...args];
}
