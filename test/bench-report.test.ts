/** `npm run bench:report`: a run as one page, which needs nothing else and hides no loss. */
import { expect } from 'chai';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PACKAGE_ROOT, runProgram } from './support/child.js';
import { temporaryDirectory } from './support/temporary.js';

const COMMAND = join(PACKAGE_ROOT, 'build/bench/charts.js');
const VOID_ELEMENTS = new Set(['meta', 'link', 'br', 'img', 'input']);

interface Figures {
  name: string;
  rates: number[];
  cpuUs: number;
  latencyUs?: Record<string, number>;
}

/** As bench/run.ts writes it: trials of a thousand operations each. */
function contender({ name, rates, cpuUs, latencyUs }: Figures, nodesMedian: number): object {
  const [min, median, max] = rates.toSorted((a, b) => a - b) as [number, number, number];
  const operationCount = 1000;
  return {
    name,
    runtime: name.startsWith('C') ? undefined : 'node 26.1.0',
    trials: rates.map((rate, trial) => {
      const part = 0.98 + 0.02 * trial;
      return {
        operationCount,
        elapsedNs: (operationCount / rate) * 1e9,
        cpuUs: cpuUs * operationCount * part,
        latencyUs:
          latencyUs && Object.fromEntries(Object.entries(latencyUs).map(([name, us]) => [name, us * part])),
      };
    }),
    summary: {
      trialCount: 3,
      median,
      min,
      max,
      cpuUsPerOperation: cpuUs,
      entersPerOperation: null,
      latencyUs,
    },
    ratios: { Node: median / nodesMedian },
    cpuRatios: {},
    latencyRatios: {},
    absence: null,
    hasFailed: false,
  };
}

function variant(
  row: string,
  title: string,
  figures: readonly Figures[],
  goal = 0,
  judgedBy = 'rate',
): object {
  const nodesMedian = figures[0]?.rates[1] as number;
  return {
    row,
    title,
    operations: 'reads',
    baselines: [{ title: 'Node', contender: 'node:fs' }],
    contenders: [
      ...figures.map((each) => contender(each, nodesMedian)),
      {
        name: 'Bun',
        trials: [],
        summary: null,
        ratios: {},
        absence: 'Error: no bun <here>',
        hasFailed: false,
      },
    ],
    goals: [{ contenders: ['ringlet'], ratios: { Node: goal } }],
    judgedBy,
  };
}

const NODE = { name: 'node:fs', rates: [90, 100, 110], cpuUs: 10 };

const RUN = {
  machine: {
    kernel: 'Linux 6.18.1 x64',
    cpu: 'A <processor> & more',
    cpuCount: 2,
    memoryGiB: 24,
    node: 'v26.1.0',
    fileSystem: 'ext4',
    loadAverage: 0.1,
    startedAt: '2026-11-29T10:00:00.000Z',
  },
  roundCount: 3,
  busyCount: 2,
  isQuick: false,
  variants: [
    variant(
      'row1',
      'won beyond doubt',
      [
        { ...NODE, latencyUs: { p50: 10, p90: 20, p99: 300, p999: 4000 } },
        {
          name: 'ringlet',
          rates: [380, 400, 420],
          cpuUs: 2,
          latencyUs: { p50: 1.5, p90: 2, p99: 3, p999: 77 },
        },
        { name: 'C, liburing', rates: [500, 510, 520], cpuUs: 1 },
      ],
      5,
    ),
    variant('row2', 'lost in rate', [NODE, { name: 'ringlet, epoll', rates: [40, 50, 60], cpuUs: 9 }]),
    variant('row3', 'lost in processor time', [
      NODE,
      { name: 'ringlet sqPoll', rates: [180, 200, 210], cpuUs: 25 },
    ]),
    variant('row4', 'a draw', [NODE, { name: 'ringlet on node', rates: [85, 95, 120], cpuUs: 10 }]),
  ],
};

/** What is open when, of tags that are closed in their order; a tag that is not is named. */
function unbalanced(html: string): string[] {
  const wrong: string[] = [];
  const open: string[] = [];
  const markup = html.replaceAll(/(<(script|style)\b[^>]*>)[\s\S]*?(<\/\2>)/g, '$1$3');
  for (const [, slash, name] of markup.matchAll(/<(\/?)([a-z][a-z0-9]*)\b(?:[^<>"]|"[^"]*")*>/g)) {
    if (VOID_ELEMENTS.has(name as string)) continue;
    if (slash === '') open.push(name as string);
    else if (open.pop() !== name) wrong.push(`</${name}>`);
  }
  return [...wrong, ...open];
}

function textOf(html: string): string {
  return html.replaceAll(/<[^>]*>/g, ' ').replaceAll(/\s+/g, ' ');
}

describe('The page of a benchmark', () => {
  const directory = temporaryDirectory();

  async function makePage(run: object): Promise<string> {
    const results = directory.file('results.json', JSON.stringify(run));
    const output = directory.at('report.html');
    const { code, stderr } = await runProgram([process.execPath, COMMAND, results, `--output=${output}`]);
    expect([code, stderr]).to.deep.equal([0, '']);
    return readFileSync(output, 'utf8');
  }

  it('asks no other place for anything, is well formed, and leads only to what is there', async () => {
    const html = await makePage(RUN);
    expect(html.slice(0, 15)).to.equal('<!DOCTYPE html>');
    expect(unbalanced(html)).to.deep.equal([]);
    const markup = html.replaceAll(/<script>[\s\S]*?<\/script>/g, '');
    // Chart.js may name its home in a comment, no more.
    expect(markup).not.to.match(/https?:|url\(|@import|<link|<img|<iframe/);
    expect(markup).not.to.match(/\s(?:src|srcset|action)=/);
    const script = /<script>([\s\S]*?)<\/script>/.exec(html)?.[1] ?? '';
    expect(script.replaceAll(/\/\*[\s\S]*?\*\//g, '')).not.to.match(
      /https?:|fetch\(|XMLHttpRequest|import\(/,
    );
    const ids = [...markup.matchAll(/\sid="([^"]*)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).to.equal(ids.length);
    for (const [, target] of markup.matchAll(/href="([^"]*)"/g)) expect(ids).to.include(target?.slice(1));
    expect(markup).to.match(/<html lang="en">/);
    expect(markup).to.match(/<meta name="viewport" content="width=device-width/);
    expect(markup).to.match(/prefers-color-scheme: dark/);
    for (const [canvas] of markup.matchAll(/<canvas[^>]*>/g))
      expect(canvas).to.match(/role="img" aria-label="/);
  });

  it('names the machine, and has a chart and a table for each row', async () => {
    const html = await makePage(RUN);
    const text = textOf(html);
    for (const fact of [
      'Linux 6.18.1',
      'A &lt;processor&gt; &amp; more × 2',
      '2026-11-29 10:00',
      'node 26.1.0',
      '2 busy processes',
    ])
      expect(text).to.include(fact);
    const charts = JSON.parse(
      /<script type="application\/json" id="charts">([\s\S]*?)<\/script>/.exec(html)?.[1] ?? '',
    ) as { id: string; bars?: { label: string; min: number; median: number; max: number }[] }[];
    for (const [index, { row, title }] of (RUN.variants as { row: string; title: string }[]).entries()) {
      expect(html).to.include(`<h3 id="variant-${index}">${row}: ${title}</h3>`);
      for (const what of ['rate', 'cpu']) {
        expect(html).to.include(`<canvas id="variant-${index}-${what}"`);
        expect(charts.map(({ id }) => id)).to.include(`variant-${index}-${what}`);
      }
    }
    const bars = charts.find(({ id }) => id === 'variant-0-rate')?.bars;
    expect(bars?.map(({ label }) => label)).to.deep.equal(['node:fs', 'ringlet', 'C, liburing']);
    expect(bars?.[1]).to.include({ min: 380, median: 400, max: 420 });
    expect(text).to.include('Bun: not measured, Error: no bun &lt;here&gt;');
  });

  it('begins with the losses: those beyond doubt, the worst first, apart from draws', async () => {
    const html = await makePage(RUN);
    const section = html.slice(html.indexOf('id="losses"'), html.indexOf('id="overview"'));
    expect(html.indexOf('<h2')).to.equal(html.indexOf('<h2 id="losses"'));
    const text = textOf(section);
    expect(text).to.include('2 of 4 of ringlet’s contenders are worse than Node beyond doubt');
    const [lost = '', draws = ''] = text.split('A worse median, and no telling');
    expect(lost).to.match(/row3: lost in processor time ringlet sqPoll 2\.00 ▼ 2\.50 row2: lost in rate/);
    expect(lost).to.match(/ringlet, epoll ▼ 0\.50 0\.90/);
    expect(draws).to.include('row4: a draw ringlet on node 0.95 1.00');
    expect(text).not.to.match(/won beyond doubt ringlet 4\.00/);
    expect(text).to.include('ringlet: ≥ 5 × Node MISSED with 4.00');
  });

  it('has latencies by percentile, and says where there are none', async () => {
    const html = await makePage(RUN);
    const section = html.slice(html.indexOf('id="latency"'), html.indexOf('id="rows"'));
    const text = textOf(section);
    expect(text).to.match(/ringlet 1\.5 2\.0 3\.0 77\.0/);
    expect(text).to.match(/C, liburing not measured/);
    expect(text).to.include('Not measured: row2: lost in rate; row3: lost in processor time; row4: a draw.');
    expect(section).to.include('<canvas id="latency-0"');
  });

  it('a contender stands beside the same release of Node, by what its row is judged by', async () => {
    const others = { rates: NODE.rates, cpuUs: NODE.cpuUs };
    const late = (p99: number): Record<string, number> => ({ p50: 10, p90: 50, p99, p999: 9000 });
    const figures = [
      { ...others, name: 'node:fs (Node 20)', latencyUs: late(100) },
      { ...others, name: 'node:fs (Node 26)', latencyUs: late(1000) },
      { ...others, name: 'ringlet (Node 20)', latencyUs: late(200) },
      { ...others, name: 'ringlet/register (Node 26)', latencyUs: { ...late(500), p50: 5 } },
    ];
    const html = await makePage({ ...RUN, variants: [variant('row20', 'others', figures, 0, 'latency')] });
    const text = textOf(html);
    expect(text).to.include('1 of 2 of ringlet’s contenders are worse');
    expect(text).to.match(/row20: others ringlet \(Node 20\) 1\.00 1\.00 ▼ 2\.00/);
    expect(text).to.match(/row20: others, \(Node 20\) \(latency\) ▼ 0\.50/);
    expect(text).to.match(/row20: others, ringlet\/register \(Node 26\) \(latency\) 2\.00/);
    expect(text).to.include('Judged by latency.');
  });

  it('a smoke run, a busy machine and a run without losses are said', async () => {
    const machine = { ...RUN.machine, loadAverage: 3 };
    const text = textOf(await makePage({ ...RUN, machine, isQuick: true, variants: [] }));
    expect(text).to.include('A smoke run: too short to quote.');
    expect(text).to.include('The machine was not idle');
    expect(text).to.include('No other median is worse.');
    expect(text).to.include('No goal was missed.');
  });

  it('a file that is not there ends with status 1', async () => {
    writeFileSync(directory.at('other'), '');
    const { code, stderr } = await runProgram([process.execPath, COMMAND, directory.at('none.json')]);
    expect(code).to.equal(1);
    expect(stderr).to.include('ENOENT');
  });
});
