/**
 * A run as one HTML page with charts: `npm run bench:report -- [results.json] [--output=report.html]`.
 *
 * By default of the last run, build/bench/results.json, into build/bench/report.html. The page has all that it needs
 * in itself and asks no network for anything.
 */
import { build } from 'esbuild';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { formatChartPage } from './charts/page.js';
import type { RunResult } from './results.js';

const RESULTS = join(import.meta.dirname, 'results.json');
const PAGE = join(import.meta.dirname, 'report.html');

async function bundle(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [join(import.meta.dirname, 'charts/draw.js')],
    bundle: true,
    minify: true,
    format: 'iife',
    target: 'es2022',
    legalComments: 'inline',
    write: false,
  });
  return outputFiles[0]?.text ?? '';
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { output: { type: 'string', default: PAGE } },
});
const [results = RESULTS, ...surplus] = positionals;
if (surplus.length > 0) throw new Error('one file of results at a time');
const run = JSON.parse(readFileSync(results, 'utf8')) as RunResult;
writeFileSync(values.output, formatChartPage(run, await bundle()));
console.log(`Written to ${values.output}`);
