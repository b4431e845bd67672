/** docs/seed-parity.md: every file, name and test that its tables give as proof is there. */
import { expect } from 'chai';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PACKAGE_ROOT } from './support/child.js';

interface Row {
  section: string;
  cells: string[];
}

/** The rows of all tables, without their heads. */
function rowsOf(markdown: string): Row[] {
  const rows: Row[] = [];
  let section = '';
  let isBody = false;
  for (const line of markdown.split('\n')) {
    section = /^## (.*)$/.exec(line)?.[1] ?? section;
    if (!line.startsWith('|')) isBody = false;
    else if (/^\|[-|\s]+$/.test(line)) isBody = true;
    else if (isBody) {
      const cells = line.slice(1, -1).split(/(?<!\\)\|/);
      rows.push({ section, cells: cells.map((cell) => cell.trim()) });
    }
  }
  return rows;
}

const sources = new Map<string, string>();

function sourceOf(path: string): string {
  let source = sources.get(path);
  if (source === undefined) {
    if (!existsSync(join(PACKAGE_ROOT, path))) return '';
    source = readFileSync(join(PACKAGE_ROOT, path), 'utf8').replaceAll("\\'", "'");
    sources.set(path, source);
  }
  return source;
}

/** What is missing of the test files of a cell, and of the titles behind each. */
function missingTests(cell: string): string[] {
  const missing: string[] = [];
  const [before = '', ...parts] = cell.split(/`([^`]+\.test\.ts)`/);
  if (before !== '') missing.push(`text before the first file: ${before}`);
  for (let index = 0; index < parts.length; index += 2) {
    const path = join('test', parts[index] as string);
    const source = sourceOf(path);
    if (source === '') missing.push(path);
    for (const [, quoted = ''] of (parts[index + 1] ?? '').matchAll(/"((?:[^"\\]|\\.)*)"/g)) {
      const title = quoted.replaceAll('\\"', '"').replaceAll('\\|', '|');
      const isThere = ["'", '"', '`'].some((quote) => source.includes(quote + title + quote));
      if (source !== '' && !isThere) missing.push(`"${title}" in ${path}`);
    }
  }
  return missing;
}

/** What is missing of the source files of a cell, and of the names behind each. */
function missingSources(cell: string): string[] {
  const missing: string[] = [];
  let path = '';
  for (const [, name = ''] of cell.matchAll(/`([^`]+)`/g)) {
    if (/^(src|cpp|scripts)\//.test(name)) {
      path = name;
      if (sourceOf(path) === '') missing.push(path);
    } else if (path !== '' && !isNamedIn(sourceOf(path), name)) {
      missing.push(`${name} in ${path}`);
    }
  }
  return missing;
}

/** A name as code has it: `Class.member` is a class and something that it has. */
function isNamedIn(source: string, name: string): boolean {
  return source === '' || source.includes(name) || name.split(/\.|::/).every((part) => source.includes(part));
}

describe('docs/seed-parity.md', () => {
  const rows = rowsOf(readFileSync(join(PACKAGE_ROOT, 'docs', 'seed-parity.md'), 'utf8'));
  const features = rows.filter(({ cells }) => cells.length === 4);
  const cases = rows.filter(({ section, cells }) => section.startsWith('folly') && cells.length === 2);

  it('has a line for every part of the seeds', () => {
    expect(features.length).to.be.greaterThan(100);
    expect(cases.length).to.be.greaterThan(30);
    const sections = new Set(features.map(({ section }) => section.split('.')[0]));
    expect([...sections].join(' ')).to.match(/^A B C D E F G, H I J K L M Newer than the seeds$/);
  });

  it('every line names a test that is there', () => {
    const missing: string[] = [];
    for (const { cells, section } of [...features, ...cases]) {
      const [feature, test] = [cells[0], cells.at(-1) as string];
      if (!test.includes('.test.ts`')) missing.push(`${section}, ${feature}: no test`);
      missing.push(...missingTests(test).map((what) => `${section}, ${feature}: ${what}`));
    }
    expect(missing).to.deep.equal([]);
  });

  it('every line names code that is there', () => {
    const missing: string[] = [];
    for (const { cells, section } of features)
      missing.push(...missingSources(cells[2] as string).map((what) => `${section}, ${cells[0]}: ${what}`));
    expect(missing).to.deep.equal([]);
  });
});
