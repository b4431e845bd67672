/// <reference lib="dom" />
/**
 * Runs in the page: draws the charts, and draws them again when the reader goes from light to dark, or turns a phone.
 *
 * With Chart.js: kept since 2013, one small dependency, no network, and of its parts only those named here are in
 * the page. Colours are the style sheet's, so that both schemes are in one place.
 */
import {
  BarController,
  BarElement,
  CategoryScale,
  Chart,
  type ChartConfiguration,
  Legend,
  LinearScale,
  LineController,
  LineElement,
  LogarithmicScale,
  type Plugin,
  PointElement,
  Tooltip,
} from 'chart.js';
import { type Bar, type BarChart, type ChartData, type LatencyChart, PERCENTILES } from './chart-data.js';

/** Of a label's line, which is to leave room for the bars. */
const LINE_CHARACTERS = { narrow: 26, wide: 44 };
const WIDE_PX = 700;
const POINT_STYLES = ['circle', 'rect', 'triangle', 'rectRot', 'star', 'crossRot'] as const;
const LINE_COLOURS = 8;
const WHISKER_HALF_PX = 4;

Chart.register(
  BarController,
  BarElement,
  CategoryScale,
  Legend,
  LinearScale,
  LineController,
  LineElement,
  LogarithmicScale,
  PointElement,
  Tooltip,
);

function style(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

function wrap(label: string, characters: number): string[] {
  const lines = [''];
  for (const word of label.split(' ')) {
    const line = lines.at(-1) as string;
    if (line !== '' && line.length + word.length >= characters) lines.push(word);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return lines;
}

/** Whether a mark of a logarithmic scale has a number: at 1, 2 and 5, 10, 20 and 50. */
function isNamed(value: number): boolean {
  return /^[125]e/.test(value.toExponential());
}

const compact = new Intl.NumberFormat('en', { maximumSignificantDigits: 3, notation: 'compact' });

/** As the tables have it: 12k, 1.2M. */
function format(amount: number): string {
  return compact.format(amount).replace('K', 'k');
}

function spreadOf({ median, min, max }: Bar, unit: string): string {
  const range = min === max ? '' : ` (${format(min)} – ${format(max)})`;
  return `${format(median)}${range} ${unit}`;
}

/** From the least to the most, over each bar, and set off from it. */
function whiskers(bars: readonly Bar[]): Plugin<'bar'> {
  return {
    id: 'whiskers',
    afterDatasetsDraw(chart) {
      const { ctx } = chart;
      const { x } = chart.scales;
      if (x === undefined) return;
      ctx.save();
      ctx.beginPath();
      for (const [index, { y }] of chart.getDatasetMeta(0).data.entries()) {
        const { min, max } = bars[index] as Bar;
        if (min === max) continue;
        const [left, right] = [x.getPixelForValue(min), x.getPixelForValue(max)];
        ctx.moveTo(left, y);
        ctx.lineTo(right, y);
        for (const end of [left, right]) {
          ctx.moveTo(end, y - WHISKER_HALF_PX);
          ctx.lineTo(end, y + WHISKER_HALF_PX);
        }
      }
      for (const [colour, width] of [
        ['panel', 4],
        ['text', 1.5],
      ] as const) {
        ctx.strokeStyle = style(colour);
        ctx.lineWidth = width;
        ctx.stroke();
      }
      ctx.restore();
    },
  };
}

function barConfiguration(
  { unit, origin, bars }: BarChart,
  widthPx: number,
): ChartConfiguration<'bar', number[], string[]> {
  const characters = widthPx < WIDE_PX ? LINE_CHARACTERS.narrow : LINE_CHARACTERS.wide;
  const [text, grid] = [style('text'), style('grid')];
  return {
    type: 'bar',
    data: {
      labels: bars.map(({ label }) => wrap(label, characters)),
      datasets: [
        {
          data: bars.map(({ median }) => median),
          backgroundColor: bars.map(({ colour }) => style(colour)),
          base: origin,
          barPercentage: 0.75,
        },
      ],
    },
    options: {
      indexAxis: 'y',
      animation: false,
      maintainAspectRatio: false,
      scales: {
        x: {
          type: origin === 0 ? 'linear' : 'logarithmic',
          title: { display: true, text: unit, color: text },
          ticks: {
            color: text,
            ...(origin === 0 ? { maxTicksLimit: 6 } : {}),
            callback: (value) => (origin === 0 || isNamed(Number(value)) ? format(Number(value)) : undefined),
          },
          grid: { color: ({ tick }) => (tick?.value === 1 && origin === 1 ? text : grid) },
          suggestedMax: Math.max(...bars.map(({ max }) => max)),
        },
        y: { ticks: { color: text, autoSkip: false }, grid: { display: false } },
      },
      plugins: {
        legend: { display: false },
        tooltip: {
          displayColors: false,
          callbacks: {
            title: ([item]) => bars[item?.dataIndex ?? 0]?.label ?? '',
            label: ({ dataIndex }) => spreadOf(bars[dataIndex] as Bar, unit),
          },
        },
      },
    },
    plugins: [whiskers(bars)],
  };
}

function latencyConfiguration({ lines }: LatencyChart): ChartConfiguration<'line', number[], string> {
  const [text, grid] = [style('text'), style('grid')];
  return {
    type: 'line',
    data: {
      labels: PERCENTILES.map(({ title }) => title),
      datasets: lines.map(({ label, isNodes, us }, index) => {
        const colour = style(isNodes ? 'node' : `line-${index % LINE_COLOURS}`);
        return {
          label,
          data: us,
          borderColor: colour,
          backgroundColor: colour,
          borderWidth: 2,
          pointRadius: 5,
          pointStyle: POINT_STYLES[index % POINT_STYLES.length] ?? 'circle',
        };
      }),
    },
    options: {
      animation: false,
      maintainAspectRatio: false,
      scales: {
        x: { ticks: { color: text }, grid: { color: grid } },
        y: {
          type: 'logarithmic',
          title: { display: true, text: 'µs', color: text },
          ticks: {
            color: text,
            callback: (value) => (isNamed(Number(value)) ? format(Number(value)) : undefined),
          },
          grid: { color: grid },
        },
      },
      plugins: {
        legend: {
          position: 'bottom',
          align: 'start',
          labels: { color: text, usePointStyle: true, boxHeight: 8, padding: 12 },
        },
        tooltip: {
          callbacks: {
            label: ({ dataset, parsed }) => `${dataset.label}: ${format(parsed.y ?? 0)} µs`,
          },
        },
      },
    },
  };
}

const charts = JSON.parse(document.getElementById('charts')?.textContent ?? '[]') as ChartData[];
let drawn: Chart[] = [];

function draw(): void {
  for (const chart of drawn) chart.destroy();
  drawn = [];
  Chart.defaults.font.family = style('font');
  for (const data of charts) {
    const canvas = document.getElementById(data.id);
    if (!(canvas instanceof HTMLCanvasElement)) continue;
    // Without scripts the figure stays out of sight, and its table says it all.
    canvas.closest('figure')?.removeAttribute('hidden');
    const widthPx = canvas.parentElement?.clientWidth ?? 0;
    const configuration = data.kind === 'bars' ? barConfiguration(data, widthPx) : latencyConfiguration(data);
    drawn.push(new Chart(canvas, configuration as ChartConfiguration));
  }
}

draw();
for (const change of ['(prefers-color-scheme: dark)', `(min-width: ${WIDE_PX}px)`]) {
  matchMedia(change).addEventListener('change', draw);
}
