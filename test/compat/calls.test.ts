/**
 * Each call of fs/promises, and each of FileHandle, made alike on node:fs/promises and on ringlet: with every
 * value of every argument, right and wrong, and with combinations drawn from a seed. The node backend gets a
 * sample: what is common to both has been tried by then.
 *
 * `RINGLET_COMPAT_SEED` takes another seed, or `random`; `RINGLET_COMPAT_DRAWS` another number of combinations.
 */
import * as nodeFs from 'node:fs/promises';
import { skip } from '../support/skip.js';
import { type Case, generatedCases, listedCases, titleOf } from './cases.js';
import { comparisonForSuite, type Script } from './comparison.js';
import { deliberateDifference } from './deliberate.js';
import { callScript, handleScript } from './play-case.js';
import { chosenSeed, createRandom, seedFor } from '../support/random.js';
import { CALLS, HANDLE_CALLS, type HandleSignature, type Signature } from './signatures.js';

const SEED = chosenSeed('RINGLET_COMPAT_SEED');
const DRAW_COUNT = Number(process.env.RINGLET_COMPAT_DRAWS ?? 60);
/** One case in so many where the same code has been tried with all of them: on the other backend, with other flags. */
const SAMPLE = 3;

function casesOf(signature: Signature, name: string): Case[] {
  const random = createRandom(seedFor(SEED, name));
  const cases = [...listedCases(signature), ...generatedCases(signature, random, DRAW_COUNT)];
  return cases.filter((each) => deliberateDifference(each) === undefined);
}

function sampleOf(cases: readonly Case[], name: string): Case[] {
  const random = createRandom(seedFor(SEED, `sample of ${name}`));
  return cases.filter(() => random.integer(SAMPLE) === 0);
}

interface Row {
  title: string;
  method: string;
  runs: readonly (readonly [title: string, script: Script])[];
}

function rowOfCall(signature: Signature, isSampled: boolean): Row {
  const { method } = signature;
  const all = casesOf(signature, method);
  const cases = isSampled ? sampleOf(all, method) : all;
  const runs = cases.map((each) => [titleOf(each), callScript(each)] as const);
  return { title: `${method}: ${runs.length} calls end as Node's do`, method, runs };
}

function rowOfHandleCall(signature: HandleSignature, index: number, isSampled: boolean): Row {
  const { method, file, flags } = signature;
  const all = casesOf(signature, `${method} ${index}`);
  const runs = flags.flatMap((flag, flagIndex) => {
    const cases = isSampled || flagIndex > 0 ? sampleOf(all, `${method} ${index} ${flag}`) : all;
    return cases.map((each) => {
      return [`opened '${flag}': ${titleOf(each)}`, handleScript(each, file, flag)] as const;
    });
  });
  const title = `FileHandle.${method} of '${file}' opened ${flags.join(', ')}: ${runs.length} calls end as Node's do`;
  return { title, method: `FileHandle.${method}`, runs };
}

for (const backend of ['io_uring', 'node'] as const) {
  describe(`Compatibility with node:fs/promises [${backend}]`, function () {
    this.timeout(120_000);
    const hint = `seed ${SEED}: RINGLET_COMPAT_SEED=${SEED} repeats them`;
    const comparison = comparisonForSuite(backend, hint);
    after(() => {
      if (comparison.count > 0)
        console.log(`      ${comparison.count} calls compared on ${backend}, seed ${SEED}`);
    });

    const isSampled = backend === 'node';
    const rows = [
      ...CALLS.map((signature) => rowOfCall(signature, isSampled)),
      ...HANDLE_CALLS.map((signature, index) => rowOfHandleCall(signature, index, isSampled)),
    ];
    for (const { title, method, runs } of rows) {
      it(title, async function () {
        if (!method.includes('.') && !(method in nodeFs)) {
          skip(this, `Node ${process.versions.node} has no fs.promises.${method}`);
        }
        for (const [call, script] of runs) await comparison.run(call, script);
        comparison.expectNone(method);
      });
    }
  });
}
