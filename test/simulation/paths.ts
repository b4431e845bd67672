/** Files by their paths: written, read, renamed, copied and removed as a whole. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Random } from '../support/random.js';
import { pattern } from '../support/temporary.js';
import { check } from './models.js';
import { type Action, codeOf, type Part, type Stage } from './stage.js';

/** A path, and what is there: null for nothing, undefined for what is not known. */
interface SimulatedPath {
  readonly path: string;
  content: Buffer | null | undefined;
  isBusy: boolean;
}

const PATHS = 6;

export class Paths implements Part {
  readonly #stage: Stage;
  readonly #paths: SimulatedPath[] = [];

  constructor(stage: Stage) {
    this.#stage = stage;
    for (let index = 0; index < PATHS; index++) {
      this.#paths.push({ path: join(stage.directory, `path-${index}`), content: null, isBusy: false });
    }
  }

  /** Does something with paths that nothing else is done with; what there is then is known if it succeeds. */
  #with(
    random: Random,
    count: number,
    call: (targets: SimulatedPath[], before: (Buffer | null | undefined)[]) => Promise<void>,
  ): Promise<void> | undefined {
    const free = this.#paths.filter(({ isBusy }) => !isBusy);
    if (free.length < count) return undefined;
    const first = random.integer(free.length);
    const targets = Array.from({ length: count }, (_unused, index) => {
      return free[(first + index) % free.length] as SimulatedPath;
    });
    const before = targets.map(({ content }) => content);
    for (const target of targets) target.isBusy = true;
    return (async () => {
      try {
        await call(targets, before);
      } catch (error) {
        const isMissing = codeOf(error) === 'ENOENT';
        if (!isMissing || (before[0] !== null && before[0] !== undefined)) throw error;
        targets.forEach((target, index) => {
          target.content = before[index];
        });
      } finally {
        for (const target of targets) target.isBusy = false;
      }
    })();
  }

  readonly #write: Action = (random) =>
    this.#with(random, 1, async ([target]) => {
      const content = pattern(random.integer(3000), random.integer(1 << 30));
      const options = this.#stage.perhapsAborted(random);
      (target as SimulatedPath).content = undefined;
      const call = this.#stage.ring.fs
        .writeFile((target as SimulatedPath).path, content, options)
        .then(() => true);
      if (await this.#stage.attempt(call, options)) (target as SimulatedPath).content = content;
    });

  readonly #read: Action = (random) =>
    this.#with(random, 1, async ([target]) => {
      const options = this.#stage.perhapsAborted(random);
      const { path, content } = target as SimulatedPath;
      const found = await this.#stage.attempt(this.#stage.ring.fs.readFile(path, options), options);
      if (found === undefined) return;
      check(content !== null, () => 'a file that was removed can be read');
      check(content === undefined || content.equals(found), () => 'a file has other bytes than were written');
    });

  readonly #look: Action = (random) =>
    this.#with(random, 1, async ([target]) => {
      const { path, content } = target as SimulatedPath;
      const found = await this.#stage.attempt(this.#stage.ring.fs.stat(path));
      if (found === undefined) return;
      check(content !== null, () => 'a file that was removed has a size');
      check(content === undefined || content.length === found.size, () => 'a file has another size');
    });

  readonly #lookAtMany: Action = (random) =>
    this.#with(random, 1 + random.integer(PATHS), async (targets) => {
      const options = this.#stage.perhapsAborted(random);
      const call = this.#stage.ring.fs.statMany(
        targets.map(({ path }) => path),
        options,
      );
      const results = await this.#stage.attemptMany(call, options);
      const isComplete = results.length === targets.length || options.signal?.aborted === true;
      check(isComplete, () => `${targets.length} paths have ${results.length} results`);
      for (const [index, result] of results.entries()) {
        const { content } = targets[index] as SimulatedPath;
        if (result.status === 'fulfilled') {
          check(content !== null, () => 'one of many files, which was removed, has a size');
          const { size } = result.value;
          check(content === undefined || content.length === size, () => 'one of many files has another size');
        } else if (codeOf(result.reason) === 'ENOENT') {
          check(content === null || content === undefined, () => 'one of many files is not there');
        } else if (!this.#stage.tolerates(result.reason, options)) {
          throw result.reason;
        }
      }
    });

  readonly #remove: Action = (random) =>
    this.#with(random, 1, async ([target], [before]) => {
      const removed = target as SimulatedPath;
      removed.content = undefined;
      const call = this.#stage.ring.fs.unlink(removed.path).then(() => true);
      if (!(await this.#stage.attempt(call))) return;
      check(before !== null, () => 'a file that was not there was removed');
      removed.content = null;
    });

  readonly #move: Action = (random) =>
    this.#with(random, 2, async ([from, to], [before]) => {
      const [source, target] = [from as SimulatedPath, to as SimulatedPath];
      source.content = target.content = undefined;
      const isCopy = random.chance(50);
      const { fs } = this.#stage.ring;
      const call = isCopy ? fs.copyFile(source.path, target.path) : fs.rename(source.path, target.path);
      if (!(await this.#stage.attempt(call.then(() => true)))) return;
      check(before !== null, () => 'a file that was not there was moved');
      target.content = before;
      source.content = isCopy ? before : null;
    });

  readonly actions = {
    writePath: this.#write,
    readPath: this.#read,
    readPathToo: this.#read,
    statPath: this.#look,
    statPaths: this.#lookAtMany,
    removePath: this.#remove,
    movePath: this.#move,
  };

  async end(): Promise<void> {
    for (const { path } of this.#paths) rmSync(path, { force: true });
  }
}
