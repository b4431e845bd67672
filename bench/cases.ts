/** The list of cases. A new case is a file in bench/cases/ and a line here. */
import type { Workload } from './workload.js';

/** Only the case knows the shape of its parameters. */
export type AnyWorkload = Workload<unknown>;

const CASES: Record<string, { rows: readonly string[]; load: () => Promise<{ workload: AnyWorkload }> }> = {
  'random-read': { rows: ['row1', 'row2', 'row14'], load: () => import('./cases/random-read.js') },
  'small-files': { rows: ['row3', 'row4', 'row5'], load: () => import('./cases/small-files.js') },
  'large-file': { rows: ['row6'], load: () => import('./cases/large-file.js') },
  'datagram-drain': { rows: ['row7'], load: () => import('./cases/datagram-drain.js') },
  'datagram-steady': { rows: ['row8'], load: () => import('./cases/datagram-steady.js') },
  'datagram-send': { rows: ['row9'], load: () => import('./cases/datagram-send.js') },
  'tcp-echo': { rows: ['row10'], load: () => import('./cases/tcp-echo.js') },
  growth: { rows: ['row14'], load: () => import('./cases/growth.js') },
  'tcp-one-way': { rows: ['row11'], load: () => import('./cases/tcp-one-way.js') },
  'sq-poll-group': { rows: ['row12'], load: () => import('./cases/sq-poll-group.js') },
  http: { rows: ['row15', 'row17'], load: () => import('./cases/http.js') },
  https: { rows: ['row16'], load: () => import('./cases/https.js') },
  requests: { rows: ['row18'], load: () => import('./cases/requests.js') },
  'datagram-events': { rows: ['row19'], load: () => import('./cases/datagram-events.js') },
  'loop-neighbours': { rows: ['row20'], load: () => import('./cases/loop-neighbours.js') },
};

/** Every row there is a case for, such as `row1`. */
export const ROWS: readonly string[] = Object.values(CASES).flatMap(({ rows }) => rows);

/** The names of the cases that the rows need. */
export function casesOf(rows: ReadonlySet<string>): string[] {
  return Object.keys(CASES).filter((name) => CASES[name]?.rows.some((row) => rows.has(row)));
}

export async function loadWorkload(name: string): Promise<AnyWorkload> {
  const entry = CASES[name];
  if (!entry) throw new Error(`there is no case named ${name}`);
  return (await entry.load()).workload;
}
