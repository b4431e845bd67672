/**
 * Runs Node's own tests of files, sockets, HTTP and TLS, each plain and under `ringlet/register`: `npm run test:node`,
 * `npm run test:node -- 24`, or `npm run test:node -- 20 test-net- test-fs-stat` for those whose names begin so.
 *
 * Nothing of them is ours to keep: they are fetched for the release that runs them (source.mjs). A test counts if it
 * passes plain. One that then fails under `register` is played once more, both ways and alone, before it counts as a
 * difference, for they have time limits of their own. Those that are known are in test/node-own/differences.mjs, with
 * the cause; the exit status says whether there are others.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CAUSES, causeOf, isNamed } from '../../test/node-own/differences.mjs';
import { play } from './play.mjs';
import { fetchRelease } from './source.mjs';

const REGISTER = fileURLToPath(new URL('../../dist/compat/register/index.cjs', import.meta.url));
const SUBJECTS = /^test-(fs|file|net|dgram|http|https|http2|tls)[-.].*\.m?js$/;
const DEFAULT_MAJOR = '20';
const MS_MAX = 120_000;
const AT_A_TIME = Number(process.env.RINGLET_NODE_JOBS ?? 2);

const [major = DEFAULT_MAJOR, ...beginnings] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), 'ringlet-node-own-'));

const seen = { skipped: [], unfit: [], same: [], known: new Map(), unknown: [] };

async function compare(release, name, place) {
  const path = join(release.tests, name);
  const run = (preload) => play({ node: release.node, path, preload, folder, place, ms: MS_MAX });
  const plain = await run([]);
  if (plain.outcome !== 'passed') return { name, plain };
  return { name, plain, ours: await run([REGISTER]) };
}

function note({ name, plain, ours }, release) {
  if (plain.outcome === 'skipped') seen.skipped.push(name);
  else if (plain.outcome !== 'passed') seen.unfit.push(`${name}: ${plain.outcome}`);
  else if (ours.outcome === 'passed') seen.same.push(name);
  else {
    const cause = causeOf(name, readFileSync(join(release.tests, name), 'utf8'));
    if (cause === undefined) seen.unknown.push({ name, ...ours });
    else seen.known.set(cause, [...(seen.known.get(cause) ?? []), name]);
  }
}

/** Each is compared by one of the runners, of which each has a place for files and ports. */
async function compareAll(release, names, runners) {
  const left = [...names];
  const outcomes = [];
  const runner = async (place) => {
    for (let name = left.shift(); name !== undefined; name = left.shift()) {
      outcomes.push(await compare(release, name, place));
    }
  };
  await Promise.all(Array.from({ length: runners }, (_unused, index) => runner(index)));
  return outcomes;
}

function isDifferent({ plain, ours }) {
  return plain.outcome === 'passed' && ours.outcome !== 'passed';
}

try {
  const release = fetchRelease(major);
  const isWanted = (name) =>
    beginnings.length === 0 || beginnings.some((beginning) => name.startsWith(beginning));
  const names = readdirSync(release.tests).filter((name) => SUBJECTS.test(name) && isWanted(name));
  const outcomes = await compareAll(release, names, AT_A_TIME);
  for (const outcome of outcomes) if (!isDifferent(outcome)) note(outcome, release);
  const different = outcomes.filter(isDifferent).map(({ name }) => name);
  for (const outcome of await compareAll(release, different, 1)) note(outcome, release);

  for (const { name, outcome, said } of seen.unknown) console.log(`\n-- ${name}: ${outcome}\n${said}`);
  console.log(`\nNode ${release.version}: ${names.length} tests`);
  console.log(`${seen.skipped.length} skip themselves, ${seen.unfit.length} fail plain`);
  for (const line of seen.unfit) console.log(`  ${line}`);
  console.log(`${seen.same.length} pass both ways`);
  for (const [cause, known] of seen.known) {
    console.log(`${known.length} differ. They ${CAUSES[cause]}`);
    console.log(`  ${known.join(' ')}`);
  }
  const past = seen.same.filter((name) => isNamed(name));
  if (past.length > 0) console.log(`${past.length} are named and no longer differ: ${past.join(' ')}`);
  console.log(`${seen.unknown.length} differ without a known cause`);
  for (const { name, outcome } of seen.unknown) console.log(`  ${name}: ${outcome}`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.exitCode = seen.unknown.length === 0 ? 0 : 1;
