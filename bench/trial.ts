/**
 * One trial: one contender of one case, in a process of its own, which bench/launch.ts starts.
 *
 *   node build/bench/trial.js <case> <contender> <parameters as JSON>
 *
 * Prints a `Measurement` as lines of JSON. Status 3 means that the contender cannot run here,
 * with the reason as the last line of standard error; any other status but 0 is a failure.
 */
import { loadWorkload } from './cases.js';
import { UNAVAILABLE_STATUS, Unavailable } from './workload.js';

const [, , caseName = '', contenderName = '', parameters = '{}'] = process.argv;
const workload = await loadWorkload(caseName);
const contender = workload.contenders.find(({ name }) => name === contenderName);
if (!contender?.run) {
  throw new Error(`${caseName} has no JavaScript contender named ${contenderName}`);
}

/** Node's versions name what else they are: Bun and Deno put themselves there. */
function runtimeName(): string {
  const { bun, deno, node } = process.versions;
  if (bun !== undefined) return `bun ${bun}`;
  return deno === undefined ? `node ${node}` : `deno ${deno}`;
}

try {
  const measurement = await contender.run(JSON.parse(parameters));
  console.log(JSON.stringify({ ...measurement, runtime: runtimeName() }));
} catch (error) {
  if (!(error instanceof Unavailable)) throw error;
  console.error(error.message);
  process.exitCode = UNAVAILABLE_STATUS;
}
