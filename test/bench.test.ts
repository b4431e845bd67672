/** The benchmark's own parts: latencies, growth, what a run is asked for, and what is left of one that is ended. */
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { PACKAGE_ROOT } from './support/child.js';
import { eventually, PATIENCE } from './support/eventually.js';

const BENCH = join(PACKAGE_ROOT, 'build/bench');
const RUN = join(BENCH, 'run.js');

/** A run writes the file that it reads before its first trial. */
const START_MS_MAX = 40_000 * PATIENCE;

/** False as well for one that has ended and that its parent has not asked about. */
function isRunning(pid: string): boolean {
  try {
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

interface LatencySamples {
  add(us: number): void;
  percentiles(): object | undefined;
}

describe('The benchmark', () => {
  it('says what half, a tenth, a hundredth and a thousandth of the latencies were above', async () => {
    const module = (await import(join(BENCH, 'latency.js'))) as { LatencySamples: new () => LatencySamples };
    const samples = new module.LatencySamples();
    expect(samples.percentiles()).to.equal(undefined);
    for (let us = 1000; us >= 1; us--) samples.add(us);
    expect(samples.percentiles()).to.deep.equal({ p50: 500, p90: 900, p99: 990, p999: 999 });
  });

  it('says by how much an operation grows dearer', async () => {
    const { formatGrowth } = (await import(join(BENCH, 'report.js'))) as {
      formatGrowth(variants: readonly object[]): string[];
    };
    const variant = (count: number, flatUs: number, growingUs: number): object => ({
      operations: 'echoes',
      growth: { of: 'idle timers', count },
      contenders: [
        { name: 'flat', summary: { cpuUsPerOperation: flatUs } },
        { name: 'growing', summary: { cpuUsPerOperation: growingUs } },
      ],
    });
    const alone = { operations: 'reads', contenders: [] };
    const [table = '', ...others] = formatGrowth([variant(10, 4, 4), variant(1000, 4.1, 8), alone]);
    expect(others).to.deep.equal([]);
    expect(table).to.include('echoes by idle timers');
    expect(table).to.match(/flat +4\.00 +4\.10 +1\.02 +flat/);
    expect(table).to.match(/growing +4\.00 +8\.00 +2\.00 +MISSED/);
  });

  for (const [argument, message] of [
    ['row13', 'no such row: row13'],
    ['--nodes=20,21', 'no Node 21'],
    ['--busy=some', '--busy must be a whole number from 0'],
    ['--rounds=0', '--rounds must be a whole number from 1'],
  ] as const) {
    it(`refuses ${argument}`, () => {
      const { status, stderr } = spawnSync(process.execPath, [RUN, argument], { encoding: 'utf8' });
      expect(status).to.equal(1);
      expect(stderr).to.include(message);
    });
  }

  it('leaves no process behind when it is ended', async () => {
    const run = spawn(process.execPath, [RUN, '--busy=2', 'row1'], { stdio: 'ignore' });
    try {
      const children = `/proc/${run.pid}/task/${run.pid}/children`;
      const childrenOf = (): string[] => readFileSync(children, 'utf8').split(' ').filter(Boolean);
      // Two that are busy, and a trial.
      await eventually('the run is under way', () => childrenOf().length >= 3, START_MS_MAX);
      const pids = childrenOf();
      run.kill('SIGTERM');
      await eventually('all have ended', () => !pids.some(isRunning));
    } finally {
      run.kill('SIGKILL');
    }
  });
});
