/** Who takes part where files are read and written, in their order: the same in every case about files. */
import type { RingName } from './rings.js';
import type { Baseline, Contender, Measurement, NativeProgram } from './workload.js';

type Run<Parameters> = (parameters: Parameters) => Promise<Measurement>;

const RINGS: readonly (readonly [name: string, ring: RingName])[] = [
  ['ringlet', 'loop'],
  ['ringlet, all by the ring', 'ringOnly'],
  ['ringlet sqPoll', 'sqPoll'],
  ['ringlet, epoll', 'epoll'],
  ['ringlet on node', 'node'],
];

export const FILE_BASELINES: readonly Baseline[] = [
  { title: 'Node', contender: 'node:fs/promises' },
  { title: 'C', contender: 'C, liburing' },
  { title: 'Bun', contender: 'Bun' },
];

/**
 * @param rings those that differ here.
 * @param builtIn for the modules of Node, Bun and Deno.
 * @param onBun for Bun's own API.
 */
export function fileContenders<Parameters>(
  rings: readonly RingName[],
  builtIn: Run<Parameters>,
  onBun: Run<Parameters>,
  onRing: (ring: RingName) => Run<Parameters>,
  native: NativeProgram<Parameters>,
): Contender<Parameters>[] {
  return [
    { name: 'node:fs/promises', run: builtIn },
    {
      name: 'node:fs/promises by io_uring (Node 20)',
      runtime: 'node20',
      environment: { UV_USE_IO_URING: '1' },
      run: builtIn,
    },
    ...RINGS.filter(([, ring]) => rings.includes(ring)).map(([name, ring]) => ({ name, run: onRing(ring) })),
    { name: 'C, liburing', native },
    { name: 'Bun', runtime: 'bun', run: builtIn },
    { name: 'Bun.file', runtime: 'bun', run: onBun },
    { name: 'Deno', runtime: 'deno', run: builtIn },
  ];
}
