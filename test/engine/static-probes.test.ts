/** The addon's static probes: in its ELF notes by name, and hit as often as the ring's own counters say. */
import { expect } from 'chai';
import { execFileSync } from 'node:child_process';
import { accessSync, constants, copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { needsIoUring } from '../support/backends.js';
import { expectCleanExit, PACKAGE_ROOT, runScript } from '../support/child.js';
import { skip } from '../support/skip.js';
import { pattern, temporaryDirectory } from '../support/temporary.js';

const ADDON = process.env.RINGLET_ADDON ?? join(PACKAGE_ROOT, 'build/Release/ringlet.node');
const NAMES = ['batch', 'enter'] as const;
const TRACING = '/sys/kernel/tracing';

interface StaticProbe {
  name: string;
  /** Where the instruction is, as linked. */
  address: number;
}

/** The probes of provider `ringlet`, by readelf. */
function probesOf(path: string): StaticProbe[] {
  const notes = execFileSync('readelf', ['-nW', path], { encoding: 'utf8' });
  const found = notes.matchAll(/Provider: ringlet\s+Name: (\w+)\s+Location: (0x[0-9a-f]+)/g);
  return [...found].map(([, name = '', location]) => ({ name, address: Number(location) }));
}

/** The file's code by address: uprobes are named by place in the file. */
function fileOffsetOf(path: string, address: number): number {
  const segments = execFileSync('readelf', ['-lW', path], { encoding: 'utf8' });
  for (const [, offset, start, bytes] of segments.matchAll(
    /LOAD\s+(0x[0-9a-f]+) (0x[0-9a-f]+) 0x[0-9a-f]+ (0x[0-9a-f]+)/g,
  )) {
    const inSegment = address - Number(start);
    if (inSegment >= 0 && inSegment < Number(bytes)) return Number(offset) + inSegment;
  }
  throw new Error(`no segment of ${path} holds ${address.toString(16)}`);
}

function needsReadelf(context: Mocha.Context): void {
  try {
    execFileSync('readelf', ['--version'], { stdio: 'ignore' });
  } catch {
    skip(context, 'readelf is not installed');
  }
}

describe('Static probes', () => {
  needsIoUring();
  const directory = temporaryDirectory();

  it('readelf -n: provider ringlet, probes enter and batch', function () {
    needsReadelf(this);
    expect(new Set(probesOf(ADDON).map(({ name }) => name))).to.deep.equal(new Set(NAMES));
  });

  it('uprobes on them are hit once an enter and once a batch', async function () {
    needsReadelf(this);
    // A copy, so that no other process is slowed down.
    const addon = join(directory.path, 'ringlet.node');
    copyFileSync(ADDON, addon);
    const tracing = mountTracing(directory.at('tracing'));
    if (tracing === undefined) skip(this, 'tracefs cannot be used here');
    const group = `ringlet_test_${process.pid}`;
    const events: string[] = [];
    try {
      probesOf(addon).forEach(({ name, address }, index) => {
        const event = `${name}_${index}`;
        const place = `${addon}:0x${fileOffsetOf(addon, address).toString(16)}`;
        writeFileSync(join(tracing.path, 'uprobe_events'), `p:${group}/${event} ${place}\n`, { flag: 'a' });
        events.push(event);
        writeFileSync(join(tracing.path, 'events', group, event, 'enable'), '1');
      });
      const outcome = await runScript(
        `
          import { Ring } from 'ringlet';
          const ring = new Ring({ backend: 'io_uring', inlineReads: false });
          const file = await ring.fs.open(process.argv[1]);
          for (let index = 0; index < 100; index += 1) await file.read(Buffer.alloc(1), 0, 1, index);
          console.log(JSON.stringify(ring.stats()));
          process.exit(0);
        `,
        { args: [directory.file('a', pattern(100))], env: { RINGLET_ADDON: addon } },
      );
      expectCleanExit(outcome);
      const { batches, enters } = JSON.parse(outcome.stdout) as { batches: number; enters: number };
      const hits = { batch: 0, enter: 0 };
      for (const line of readFileSync(join(tracing.path, 'uprobe_profile'), 'utf8').split('\n')) {
        const [, event = '', count = '0'] = line.trim().split(/\s+/);
        const name = /^(batch|enter)_\d+$/.exec(event)?.[1] as 'batch' | 'enter' | undefined;
        if (line.includes(addon) && name) hits[name] += Number(count);
      }
      expect(batches).to.be.at.least(100);
      // The exit itself may enter once or twice more.
      expect(hits.batch).to.be.within(batches, batches + 2);
      expect(hits.enter).to.be.within(enters, enters + 3);
    } finally {
      for (const event of events) {
        writeFileSync(join(tracing.path, 'events', group, event, 'enable'), '0');
        writeFileSync(join(tracing.path, 'uprobe_events'), `-:${group}/${event}\n`, { flag: 'a' });
      }
      tracing.release();
    }
  });
});

function hasUprobes(tracing: string): boolean {
  try {
    accessSync(join(tracing, 'uprobe_events'), constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Where tracefs is: as mounted, or mounted for the moment; undefined when that is not allowed. */
function mountTracing(directory: string): { path: string; release(): void } | undefined {
  if (hasUprobes(TRACING)) return { path: TRACING, release: () => {} };
  try {
    mkdirSync(directory);
    execFileSync('mount', ['-t', 'tracefs', 'nodev', directory], { stdio: 'ignore' });
  } catch {
    return undefined;
  }
  const release = (): void => void execFileSync('umount', [directory], { stdio: 'ignore' });
  if (hasUprobes(directory)) return { path: directory, release };
  release();
  return undefined;
}
