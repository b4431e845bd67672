/** The documents: their links lead somewhere, in a clone and in the package, and what a full benchmark run leaves among them. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect } from 'chai';
import { PACKAGE_ROOT } from './support/child.js';

const FOLDERS = ['docs', 'bench', 'test', 'findings'];
const pages = [
  ...readdirSync(PACKAGE_ROOT).filter((name) => name.endsWith('.md')),
  ...FOLDERS.flatMap((folder) =>
    readdirSync(join(PACKAGE_ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.md') && !name.includes('node_modules'))
      .map((name) => join(folder, name)),
  ),
];

function textOf(page: string): string {
  return readFileSync(join(PACKAGE_ROOT, page), 'utf8');
}

/** Links of a page to other files of ours and to headings, as paths from the package's root; code is left out. */
function linksOf(page: string): { link: string; file: string; heading: string | undefined }[] {
  const prose = textOf(page)
    .replaceAll(/^```[\s\S]*?^```$/gm, '')
    .replaceAll(/(`+)[^`]*\1/g, '');
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, link]) => link as string)
    .filter((link) => !/^\w+:/.test(link))
    .map((link) => {
      const [path = '', heading] = link.split('#');
      return { link, file: path === '' ? page : normalize(join(dirname(page), path)), heading };
    });
}

/** As GitHub makes them: lower case, no punctuation, a hyphen for a space. */
function anchorsOf(page: string): string[] {
  const prose = textOf(page).replaceAll(/^```[\s\S]*?^```$/gm, '');
  return [...prose.matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
    (title as string)
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

describe('The documents', () => {
  it('every link leads to a file that is there, and to a heading of it', () => {
    const dead: string[] = [];
    for (const page of pages) {
      for (const { link, file, heading } of linksOf(page)) {
        if (!existsSync(join(PACKAGE_ROOT, file))) dead.push(`${page}: ${link}`);
        else if (heading !== undefined && !anchorsOf(file).includes(heading)) dead.push(`${page}: ${link}`);
      }
    }
    expect(dead).to.deep.equal([]);
  });

  it('names in diagrams are names in the code', () => {
    const code = ['src', 'cpp'].flatMap((folder) =>
      readdirSync(join(PACKAGE_ROOT, folder), { recursive: true, encoding: 'utf8' })
        .filter((name) => /\.(ts|cc|h)$/.test(name))
        .map((name) => textOf(join(folder, name))),
    );
    const diagrams = pages.flatMap((page) => [...textOf(page).matchAll(/^```mermaid\n([\s\S]*?)^```$/gm)]);
    expect(diagrams).not.to.be.empty;
    const names = diagrams.flatMap(([text]) => text.match(/\b[A-Z][a-z]+[A-Z]\w+/g) ?? []);
    expect(names).not.to.be.empty;
    const unknown = names.filter((name) => !code.some((text) => new RegExp(`\\b${name}\\b`).test(text)));
    expect(unknown).to.deep.equal([]);
  });

  describe('in the package', function () {
    this.timeout(60_000);
    const packed = new Set<string>();

    before('asking npm what it would pack', () => {
      const pack = ['pack', '--dry-run', '--json', '--ignore-scripts', '--silent'];
      const said: unknown = JSON.parse(execFileSync('npm', pack, { cwd: PACKAGE_ROOT, encoding: 'utf8' }));
      // A list of packages, or from npm 12 on an object with each by its name.
      const [{ files }] = Object.values(said as object) as [{ files: { path: string }[] }];
      for (const { path } of files) packed.add(path);
    });

    it('no page links to a file that is not in it', () => {
      const isPacked = (file: string) =>
        packed.has(file) ||
        (statSync(join(PACKAGE_ROOT, file)).isDirectory() &&
          [...packed].some((path) => path.startsWith(`${file}/`)));
      const dead = pages
        .filter((page) => packed.has(page))
        .flatMap((page) =>
          linksOf(page)
            .filter(({ file }) => !isPacked(file))
            .map(({ link }) => `${page}: ${link}`),
        );
      expect(dead).to.deep.equal([]);
    });

    it('pages about the source stay out of it, those for its users are in', () => {
      expect([...packed]).to.include.members(['README.md', 'docs/fs.md', 'docs/performance.md']);
      expect(
        [...packed].filter((path) => /^docs\/(?:notes|architecture|ownership|seed-parity)/.test(path)),
      ).to.deep.equal([]);
    });

    it('every page of docs/ that is in it can be reached from the README', () => {
      const reached = new Set(['README.md']);
      for (const page of reached) {
        if (page.endsWith('.md')) for (const { file } of linksOf(page)) reached.add(file);
      }
      const lost = [...packed].filter((path) => path.startsWith('docs/') && !reached.has(path));
      expect(lost).to.deep.equal([]);
    });
  });
});

describe('docs/troubleshooting.md', () => {
  it('has every code of src/errors in its table, and no other', () => {
    const folder = join(PACKAGE_ROOT, 'src/errors');
    const sources = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'));
    const codes = sources.flatMap((text) =>
      [...text.matchAll(/'((?:ERR|ABORT)_[A-Z_]+)'/g)].map(([, code]) => code),
    );
    const rows = [...textOf('docs/troubleshooting.md').matchAll(/^\| `((?:ERR|ABORT)_[A-Z_]+)` \|/gm)].map(
      ([, code]) => code,
    );
    expect(rows).to.deep.equal([...new Set(codes)].sort());
  });
});

describe('docs/rings.md', () => {
  it('has every option of a ring in its table, and no other', () => {
    const source = textOf('src/contract/ring-options.ts');
    const options = source.slice(source.indexOf('export interface RingOptions'));
    const names = [...options.matchAll(/^ {2}(\w+)\?:/gm)].map(([, name]) => name);
    const rows = [...textOf('docs/rings.md').matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name);
    expect(rows.toSorted()).to.deep.equal(names.toSorted());
  });
});

describe('A page of bench/results/', () => {
  it('is named by date, kernel, machine and rows, and has medians, ratios, absences and missed goals', async () => {
    const { formatPage, pageName } = (await import(join(PACKAGE_ROOT, 'build/bench/page.js'))) as {
      formatPage(result: object): string;
      pageName(machine: object, rows: readonly string[]): string;
    };
    const machine = {
      kernel: 'Linux 6.18.44-generic x64',
      cpu: 'AMD EPYC',
      cpuCount: 2,
      memoryGiB: 24,
      node: 'v20.20.2',
      fileSystem: 'ext4',
      loadAverage: 0.25,
      startedAt: '2026-11-29T10:00:00.000Z',
    };
    expect(pageName(machine, [])).to.equal('2026-11-29-linux-6.18-amd-epyc-2-cpus.md');
    expect(pageName(machine, ['row1'])).to.equal('2026-11-29-linux-6.18-amd-epyc-2-cpus-row1.md');
    const summary = { median: 20_000, min: 19_000, max: 21_000, cpuUsPerOperation: 3.456 };
    const contenders = [
      { name: 'Node', summary, ratios: { Node: 1 }, absence: null },
      { name: 'ringlet', summary: { ...summary, median: 30_000 }, ratios: { Node: 1.5 }, absence: null },
      { name: 'Bun', summary: null, ratios: {}, absence: 'not installed\nat all' },
    ];
    const variant = {
      row: 'row1',
      title: 'reading',
      operations: 'reads',
      baselines: [{ title: 'Node', contender: 'Node' }],
      contenders,
      goals: [{ contenders: ['ringlet'], ratios: { Node: 2 } }],
      judgedBy: 'rate',
    };
    const page = formatPage({ machine, roundCount: 5, isQuick: false, variants: [variant] });
    expect(page).to.include('# 2026-11-29, Linux 6.18.44-generic x64, AMD EPYC\n');
    expect(page).to.include('## row1: reading\n');
    expect(page).to.include('| ringlet | 30k | 19k – 21k | 1.50 | 3.46 |\n');
    expect(page).to.include('- Bun: not measured, not installed\n');
    expect(page).to.include('- ringlet: ≥ 2 × Node MISSED with 1.50\n');
  });
});
