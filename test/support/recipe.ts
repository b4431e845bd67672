/** A program of docs/recipes/, saved and started as its reader would, and ended by SIGTERM. */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { expect } from 'chai';
import { PACKAGE_ROOT } from './child.js';
import { eventually, within } from './eventually.js';
import { asCommonJs } from './examples.js';

/** As which kind of module it is saved, and what it runs on. */
export interface Way {
  readonly title: string;
  readonly extension: 'mjs' | 'cjs';
  readonly backend: 'auto' | 'epoll' | 'node';
}

export const WAYS: readonly Way[] = [
  { title: 'as a module', extension: 'mjs', backend: 'auto' },
  { title: 'as CommonJS, on epoll', extension: 'cjs', backend: 'epoll' },
  { title: 'as a module, on Node', extension: 'mjs', backend: 'node' },
];

/** Inside the package, where `ringlet` resolves to itself. */
const FOLDER = join(PACKAGE_ROOT, 'build', 'recipes');

/** The programs of a page by the names that their first lines give them: `// node NAME.mjs …`. */
function programsOf(page: string): Map<string, string> {
  const markdown = readFileSync(join(PACKAGE_ROOT, 'docs', 'recipes', `${page}.md`), 'utf8');
  const blocks = markdown.matchAll(/^```js\n(\/\/ node ([\w-]+)\.mjs.*?)^```$/gms);
  return new Map([...blocks].map(([, source, name]) => [name as string, source as string]));
}

export class Recipe implements AsyncDisposable {
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  readonly #exited: Promise<unknown[]>;
  /** Where it listens, if it has said so. */
  port = 0;
  stdout = '';
  stderr = '';

  private constructor(path: string, args: readonly string[], way: Way) {
    this.#child = spawn(process.execPath, [path, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, RINGLET_BACKEND: way.backend },
    });
    this.#exited = once(this.#child, 'close');
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
    });
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
    });
  }

  /** @param name of the program, where the page has several or calls it otherwise. */
  static async start(page: string, args: readonly string[], way: Way, name = page): Promise<Recipe> {
    const source = programsOf(page).get(name);
    if (source === undefined) throw new Error(`docs/recipes/${page}.md has no ${name}`);
    mkdirSync(FOLDER, { recursive: true });
    const path = join(FOLDER, `${name}.${way.extension}`);
    writeFileSync(path, way.extension === 'cjs' ? asCommonJs(source) : source);
    const recipe = new Recipe(path, args, way);
    // What does not listen says nothing of a port.
    if (/ on port \$/.test(source)) await recipe.#listening();
    return recipe;
  }

  async #listening(): Promise<void> {
    let hasExited = false;
    void this.#exited.then(() => {
      hasExited = true;
    });
    try {
      await eventually('the recipe to listen', () => {
        if (hasExited) throw new Error(`it has ended: ${this.stderr}`);
        this.port = Number(/ on port (\d+)\n/.exec(this.stdout)?.[1] ?? 0);
        return this.port !== 0;
      });
    } catch (error) {
      await this[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Ends it as its user would: with status 0, having complained of nothing but `complaints`. */
  async end(complaints: RegExp = /^$/): Promise<void> {
    this.#child.kill('SIGTERM');
    await within('the recipe to end', this.#exited);
    expect(this.stderr).to.match(complaints);
    expect([this.#child.exitCode, this.#child.signalCode]).to.deep.equal([0, null]);
  }

  /** Ends it as a crash would. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}
