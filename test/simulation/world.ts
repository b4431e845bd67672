/** What a simulated program works on: a ring and some parts, both as the seed has it; what is made once a process. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Ring, type RingOptions } from 'ringlet';
import { within } from '../support/eventually.js';
import type { Random } from '../support/random.js';
import { Datagrams } from './datagrams.js';
import { Events } from './events.js';
import { Files } from './files.js';
import { STREAM_BYTES } from './models.js';
import { Paths } from './paths.js';
import { Pipes } from './pipes.js';
import { Pools } from './pools.js';
import { type Action, type Part, Stage } from './stage.js';
import { Streams } from './streams.js';

const SMALL: RingOptions = {
  submissionEntries: 4,
  completionEntries: 8,
  completionEntriesMin: 4,
  receiveBuffers: { count: 4, bytes: 2048 },
};

function optionsFor(random: Random): RingOptions {
  const sizes = random.pick<RingOptions>([SMALL, { submissionEntries: 32, completionEntries: 64 }, {}]);
  return {
    backend: 'epoll',
    inlineReads: random.chance(50),
    submitImmediately: random.chance(20),
    ...(random.chance(30) ? { inFlightMax: 8 } : {}),
    ...sizes,
  };
}

/** What the programs of a process share, one after the other. */
interface Site {
  readonly directory: string;
  /** A file with what streams carry. */
  readonly source: string;
  readonly fifo: (name: 'silence' | 'pipe' | 'news') => string;
}

let site: Site | undefined;

function theSite(): Site {
  if (site !== undefined) return site;
  const directory = mkdtempSync(join(tmpdir(), 'ringlet-simulation-'));
  process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
  const fifo = (name: string): string => join(directory, name);
  execFileSync('mkfifo', [fifo('silence'), fifo('pipe'), fifo('news')]);
  const source = join(directory, 'source');
  writeFileSync(source, STREAM_BYTES);
  site = { directory, source, fifo };
  return site;
}

const PARTS: Readonly<Record<string, (stage: Stage, site: Site) => Part | Promise<Part>>> = {
  files: (stage, { fifo }) => Files.make(stage, fifo('silence')),
  paths: (stage) => new Paths(stage),
  pipes: (stage, { fifo, source }) => Pipes.make(stage, fifo('pipe'), source),
  pools: (stage) => Pools.make(stage),
  events: (stage, { fifo }) => new Events(stage, fifo('news')),
  tcp: (stage, { source }) => Streams.make(stage, 'TCP', source),
  unixStreams: (stage, { source }) => Streams.make(stage, 'Unix', source),
  udp: (stage) => Datagrams.make(stage, 'UDP'),
  unixDatagrams: (stage) => Datagrams.make(stage, 'Unix'),
};

/** Of each seed some: fewer kinds of operations meet more often. */
const PART_PERCENT = 45;

export class World {
  readonly stage: Stage;
  readonly parts: Readonly<Record<string, Part>>;
  /** Of all parts. */
  readonly takes: readonly (() => Promise<void> | undefined)[];
  readonly #actions: readonly [name: string, action: Action][][];

  private constructor(stage: Stage, parts: Record<string, Part>) {
    this.stage = stage;
    this.parts = parts;
    this.takes = Object.values(parts).flatMap(({ takes = [] }) => takes);
    this.#actions = Object.values(parts).map(({ actions }) => Object.entries(actions));
  }

  static async make(random: Random): Promise<World> {
    const place = theSite();
    const stage = new Stage(new Ring(optionsFor(random)), place.directory);
    const names = Object.keys(PARTS);
    const chosen = names.filter(() => random.chance(PART_PERCENT));
    if (chosen.length === 0) chosen.push(random.pick(names));
    const parts: Record<string, Part> = {};
    for (const name of chosen) parts[name] = await (PARTS[name] as (typeof PARTS)[string])(stage, place);
    return new World(stage, parts);
  }

  /** Begins an operation; undefined where none of some that were drawn can be done just now. */
  act(random: Random): { name: string; call: Promise<void> } | undefined {
    const DRAWS = 6;
    for (let draw = 0; draw < DRAWS; draw++) {
      const [name, action] = random.pick(random.pick(this.#actions));
      const call = action(random);
      if (call !== undefined) return { name, call };
    }
    return undefined;
  }

  /**
   * Nothing that has left is lost: what has not been read yet comes. From all sockets at once, because what waits in
   * the queue of one, leased, may hold the buffers that another waits for; and for as long as calls bring more.
   */
  async takeOutstanding(isOver: () => boolean, pause: () => Promise<unknown>): Promise<void> {
    const takeAll = async (take: () => Promise<void> | undefined): Promise<void> => {
      for (let wasOver = false; ; ) {
        const taking = take();
        if (taking === undefined && wasOver) return;
        wasOver = isOver();
        this.stage.releaseAll();
        await (taking ?? pause());
      }
    };
    await Promise.all(this.takes.map(takeAll));
  }

  /** Closes everything and looks whether it is as the models say. */
  async end(): Promise<void> {
    this.stage.releaseAll();
    for (const part of Object.values(this.parts)) await part.end();
  }

  closeRing(): Promise<void> {
    return within('the close of the ring', this.stage.ring.close());
  }

  describe(): string {
    const { inFlight, waiting, receiveBuffers } = this.stage.ring.stats();
    const parts = Object.entries(this.parts).map(([name, part]) => [name, part.describe?.()]);
    return JSON.stringify({ inFlight, waiting, receiveBuffers, parts: Object.fromEntries(parts) });
  }
}
