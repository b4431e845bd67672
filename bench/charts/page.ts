/** A run as one HTML page that needs nothing else: losses first, then the overview, latencies, and every row. */
import { describeMisses, formatRate, formatUs } from '../report.js';
import type { ContenderResult, RunResult, VariantResult } from '../results.js';
import {
  type BarChart,
  type ChartData,
  cpuChart,
  latencyChart,
  type LatencyChart,
  PERCENTILES,
  rateChart,
  ratioChart,
  titleOfStanding,
} from './chart-data.js';
import {
  type Comparison,
  cpuSpread,
  familyOf,
  judgedOf,
  KINDS,
  kindOf,
  lossesOf,
  nodeOf,
  compare,
  type Spread,
  type Standing,
  standingsOf,
} from './figures.js';
import { type Cell, embedJson, escapeHtml, figure, list, table } from './html.js';
import { STYLE } from './style.js';

const NOT_MEASURED: Cell = { text: 'not measured', look: 'quiet' };
/** What is worse is not said by its colour alone. */
const WORSE = '▼ ';
const NOTHING: Cell = { text: '' };

/** @param script what draws the charts, as one piece of JavaScript. */
export function formatChartPage(run: RunResult, script: string): string {
  const standings = standingsOf(run);
  const sections = run.variants.map((variant, index) => variantSection(variant, anchorOf(index)));
  const latencies = latencySection(run.variants);
  const ratios = ratioChart('ratios', plainOnly(standings));
  const charts = [ratios, ...latencies.charts, ...sections.flatMap((section) => section.charts)];
  const date = run.machine.startedAt.slice(0, 10);
  const body = [
    `<header><h1>ringlet beside Node, ${date}</h1>`,
    machineList(run),
    warnings(run),
    '</header>\n<main>',
    lossSection(run, standings),
    overviewSection(run, standings, ratios),
    latencies.html,
    '<h2 id="rows">Every row</h2>',
    `<nav aria-label="Rows">${list(run.variants.map((variant, index) => `<a href="#${anchorOf(index)}">${titleOf(variant)}</a>`))}</nav>`,
    ...sections.map(({ html }) => html),
    '</main>',
  ].join('\n');
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>ringlet beside Node, ${date}</title>
<style>
${STYLE}
</style>
</head>
<body>
${body}
${embedJson('charts', charts satisfies ChartData[])}
<script>${script.replaceAll('</script', '<\\/script')}</script>
</body>
</html>
`;
}

function anchorOf(index: number): string {
  return `variant-${index}`;
}

function titleOf({ row, title }: VariantResult): string {
  return escapeHtml(`${row}: ${title}`);
}

function machineList({ machine, roundCount, busyCount, variants }: RunResult): string {
  const { kernel, cpu, cpuCount, memoryGiB, node, fileSystem, loadAverage, startedAt } = machine;
  const runtimes = new Set(
    variants.flatMap(({ contenders }) => contenders.flatMap(({ runtime }) => runtime ?? [])),
  );
  const facts = {
    Kernel: kernel,
    Machine: `${cpu} × ${cpuCount}, ${memoryGiB} GiB`,
    'Ran on': runtimes.size > 0 ? [...runtimes].sort().join(', ') : `Node ${node}`,
    Files: `on ${fileSystem}`,
    Begun: `${startedAt.slice(0, 16).replace('T', ' ')} UTC, with a load of ${loadAverage.toFixed(2)}`,
    Rounds: `${roundCount}, contenders in turn, a process a trial`,
    ...(busyCount > 0 ? { Beside: `${busyCount} busy processes` } : {}),
  };
  const lines = Object.entries(facts).map(([name, fact]) => `<dt>${name}</dt><dd>${escapeHtml(fact)}</dd>`);
  return `<dl>\n${lines.join('\n')}\n</dl>`;
}

function warnings({ machine, isQuick }: RunResult): string {
  const texts = [
    ...(isQuick ? ['A smoke run: too short to quote.'] : []),
    ...(machine.fileSystem === 'tmpfs' ? ['io_uring never reads tmpfs inline: reads are understated.'] : []),
    ...(machine.loadAverage > 0.5 ? ['The machine was not idle at the start: expect spread.'] : []),
  ];
  return texts.map((text) => `<p class="worse">${text}</p>`).join('\n');
}

function ratioCell({ ratio, verdict }: Comparison): Cell {
  const mark = verdict === 'worse' ? WORSE : '';
  const text = ratio >= 0.1 ? ratio.toFixed(2) : ratio.toPrecision(1);
  return { text: `${mark}${text}`, look: verdict };
}

function lossSection({ variants }: RunResult, standings: readonly Standing[]): string {
  const { certain, doubtful } = lossesOf(standings);
  const columns = [
    { title: 'Row' },
    { title: 'Contender' },
    { title: '× Node’s rate', isNumber: true },
    { title: '× its processor time', isNumber: true },
    { title: '× its latency', isNumber: true },
  ];
  const linesOf = (losses: readonly Standing[]): Cell[][] =>
    losses.map(({ variant, name, rate, cpu, latency }) => [
      { text: `${variant.row}: ${variant.title}`, link: anchorOf(variants.indexOf(variant)) },
      { text: name },
      ratioCell(rate),
      ratioCell(cpu),
      latency ? ratioCell(latency) : NOTHING,
    ]);
  const misses = variants.flatMap((variant) => {
    const link = `<a href="#${anchorOf(variants.indexOf(variant))}">${titleOf(variant)}</a>`;
    return describeMisses(variant).map((miss) => `${link}, ${escapeHtml(miss)}`);
  });
  const count = `${certain.length} of ${standings.length}`;
  return [
    '<h2 id="losses">Where it loses</h2>',
    `<p>${count} of ringlet’s contenders are worse than Node beyond doubt in rate, processor time or latency: their spread and Node’s do not overlap. The worst is first. Latency is the median’s or the 99th percentile’s, whichever compares worse.</p>`,
    certain.length > 0 ? table('Losses to Node beyond doubt', columns, linesOf(certain)) : '',
    doubtful.length > 0
      ? table(
          'A worse median, and no telling: the spreads overlap, or there was one trial',
          columns,
          linesOf(doubtful),
        )
      : '<p>No other median is worse.</p>',
    misses.length > 0 ? `<h3>Goals that were missed</h3>\n${list(misses)}` : '<p>No goal was missed.</p>',
  ].join('\n');
}

/** Of the plain ring, which is what users get who choose nothing. */
function plainOnly(standings: readonly Standing[]): Standing[] {
  return standings.filter(({ name }) => kindOf(name).kind === 'io_uring');
}

function overviewSection({ variants }: RunResult, standings: readonly Standing[], chart: BarChart): string {
  const lines = new Map<string, Cell[]>();
  for (const standing of standings) {
    const judged = judgedOf(standing);
    if (judged === undefined) continue;
    const text = titleOfStanding(standing);
    const link = anchorOf(variants.indexOf(standing.variant));
    const line = lines.get(text) ?? [{ text, link }, ...KINDS.map(() => NOTHING)];
    line[1 + KINDS.indexOf(kindOf(standing.name).kind)] = ratioCell(judged);
    lines.set(text, line);
  }
  const columns = [
    { title: 'Row' },
    ...KINDS.map((kind) => ({ title: kind === 'node' ? 'on Node’s modules' : kind, isNumber: true })),
  ];
  const key = [
    ['better', 'ringlet, better than Node'],
    ['worse', 'ringlet, worse than Node'],
    ['equal', 'ringlet, no telling'],
    ['node', 'Node'],
    ['other', 'others'],
  ].map(([colour, text]) => `<li><i style="background: var(--${colour})"></i>${text}</li>`);
  return [
    '<h2 id="overview">All of it, beside Node</h2>',
    '<p>How many times better than Node’s the median is, in the same run: the rate, or what the row says. 1 is a draw.</p>',
    `<ul class="key">${key.join('')}</ul>`,
    figure(chart.id, 'All rows', 'The plain ring beside Node, on a logarithmic scale', heightOf(chart)),
    table('Times better than Node, by what the ring runs on', columns, [...lines.values()]),
  ].join('\n');
}

function heightOf({ bars }: BarChart): number {
  return 4 + 2.7 * bars.length;
}

/** Rows whose subject is an exchange with a peer or a single read. */
function latencySection(variants: readonly VariantResult[]): { html: string; charts: LatencyChart[] } {
  const charts: LatencyChart[] = [];
  const columns = [
    { title: 'Contender' },
    ...PERCENTILES.map(({ title }) => ({ title: `${title}, µs`, isNumber: true })),
  ];
  const parts = variants.flatMap((variant, index) => {
    const chart = latencyChart(`latency-${index}`, variant);
    if (chart === undefined) return [];
    charts.push(chart);
    const lines = variant.contenders
      .filter(({ summary }) => summary !== null)
      .map(({ name, summary }): Cell[] => {
        const latency = summary?.latencyUs;
        if (latency === undefined) return [{ text: name }, { ...NOT_MEASURED, span: PERCENTILES.length }];
        return [{ text: name }, ...PERCENTILES.map((each) => ({ text: formatUs(latency[each.name]) }))];
      });
    const caption = `Time of single ${variant.operations}`;
    return [
      `<h3>${titleOf(variant)}</h3>`,
      '<div class="charts">',
      figure(chart.id, titleText(variant), caption, 20 + 2 * Math.ceil(chart.lines.length / 2)),
      table(`${titleText(variant)}, ${caption}`, columns, lines),
      '</div>',
    ];
  });
  const missing = variants.filter(({ contenders }) => !contenders.some(({ summary }) => summary?.latencyUs));
  const html = [
    '<h2 id="latency">Latency</h2>',
    '<p>How long single operations took: p99 is what one in a hundred exceeded. Medians of the trials’; lower is better.</p>',
    ...parts,
    ...(missing.length > 0 ? [`<p class="quiet">Not measured: ${missing.map(titleOf).join('; ')}.</p>`] : []),
  ].join('\n');
  return { html, charts };
}

function range({ min, max }: Spread, format: (value: number) => string): string {
  return `${format(min)} – ${format(max)}`;
}

function variantSection(variant: VariantResult, id: string): { html: string; charts: BarChart[] } {
  const charts = [rateChart(`${id}-rate`, variant), cpuChart(`${id}-cpu`, variant)];
  const [rate, cpu] = charts as [BarChart, BarChart];
  const notes = variant.contenders.flatMap(({ name, absence, hasFailed }) => {
    if (absence === null) return [];
    const what = hasFailed ? '<span class="worse">failed</span>' : 'not measured';
    return [`${escapeHtml(name)}: ${what}, ${escapeHtml(absence.split('\n')[0] ?? '')}`];
  });
  const misses = describeMisses(variant).map(
    (miss) => `<span class="worse">Goal missed</span>, ${escapeHtml(miss)}`,
  );
  const html = [
    `<h3 id="${id}">${titleOf(variant)}</h3>`,
    ...(variant.judgedBy === 'rate' ? [] : [`<p class="quiet">Judged by ${variant.judgedBy}.</p>`]),
    '<div class="charts">',
    figure(rate.id, titleText(variant), 'Rate: more is better', heightOf(rate)),
    figure(cpu.id, titleText(variant), 'Processor time: less is better', heightOf(cpu)),
    '</div>',
    figuresTable(variant),
    ...(notes.length + misses.length > 0 ? [list([...misses, ...notes])] : []),
  ].join('\n');
  return { html, charts };
}

function titleText({ row, title }: VariantResult): string {
  return `${row}: ${title}`;
}

function figuresTable(variant: VariantResult): string {
  const { baselines, contenders, operations } = variant;
  const others = baselines.filter(({ title }) => title !== 'Node');
  const columns = [
    { title: 'Contender' },
    { title: 'Median a second', isNumber: true },
    { title: 'Least – most', isNumber: true },
    { title: '× Node', isNumber: true },
    ...others.map(({ title }) => ({ title: `× ${title}`, isNumber: true })),
    { title: 'CPU µs', isNumber: true },
    { title: 'Least – most', isNumber: true },
    { title: '× Node’s CPU', isNumber: true },
    { title: 'Ran on' },
  ];
  const lines = contenders.map((contender): Cell[] => {
    const { name, summary, ratios, runtime } = contender;
    if (summary === null) return [{ text: name }, NOT_MEASURED, ...columns.slice(2).map(() => NOTHING)];
    const cpu = cpuSpread(contender);
    const node = nodeOf(variant, name);
    const isOurs = familyOf(name) === 'ringlet';
    const against = (comparison: (nodes: ContenderResult) => Comparison): Cell => {
      if (node === undefined || contender === node) return NOTHING;
      const cell = ratioCell(comparison(node));
      return isOurs ? cell : { text: cell.text.replace(WORSE, '') };
    };
    return [
      { text: name },
      { text: formatRate(summary.median) },
      { text: range(summary, formatRate) },
      against(({ summary: nodes }) => compare(summary, nodes as Spread, true)),
      ...others.map(({ title }) => ({ text: ratios[title]?.toFixed(2) ?? '' })),
      { text: cpu.median.toFixed(2) },
      { text: range(cpu, (us) => us.toFixed(2)) },
      against((nodes) => compare(cpu, cpuSpread(nodes), false)),
      { text: runtime ?? '' },
    ];
  });
  return table(`${titleText(variant)}, ${operations}`, columns, lines);
}
