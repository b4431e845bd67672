/** Pieces of code from the documentation: TypeScript compiled against the package's types, JavaScript as it is; and run. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expectCleanExit, type ChildOutcome, PACKAGE_ROOT, runProgram } from './child.js';

const TSC = join(PACKAGE_ROOT, 'node_modules/typescript/bin/tsc');
const DEADLINE_MS = 60_000;

/** JavaScript with `import` as CommonJS, by the rule that the README states: `require`, and the rest in an `async` function. */
export function asCommonJs(source: string): string {
  const requires: string[] = [];
  const rest = source.replaceAll(
    /^import (?:(\w+)|\{([^}]+)\}) from ('[^']+');[^\n]*\n/gm,
    (_line, name: string | undefined, names: string | undefined, module: string) => {
      requires.push(`const ${name ?? `{${names?.replaceAll(' as ', ': ')}}`} = require(${module});`);
      return '';
    },
  );
  return `${requires.join('\n')}\n\n(async () => {\n${rest}})();\n`;
}

export class Examples {
  readonly #output: string;

  /** @param name of a directory inside the package, where `ringlet` resolves to itself. */
  constructor(name: string) {
    this.#output = join(PACKAGE_ROOT, 'build', name);
  }

  /** Compiles all of them at once; fails with the compiler's words. */
  async compile(sources: readonly string[], compilerOptions: object = {}): Promise<void> {
    rmSync(this.#output, { recursive: true, force: true });
    mkdirSync(this.#output, { recursive: true });
    const configuration = {
      extends: '../../tsconfig.json',
      compilerOptions: { declaration: false, rootDir: '.', outDir: '.', ...compilerOptions },
      include: ['*.ts'],
      // By default what lies where the output goes is left out.
      exclude: [],
    };
    writeFileSync(join(this.#output, 'tsconfig.json'), JSON.stringify(configuration));
    sources.forEach((source, index) => {
      writeFileSync(join(this.#output, `${index}.ts`), source);
    });
    expectCleanExit(
      await runProgram([process.execPath, TSC, '-p', this.#output], { deadlineMs: DEADLINE_MS }),
    );
  }

  /** Runs one of them in a directory of its own. */
  run(index: number, directory: string): Promise<ChildOutcome> {
    return this.#run(`${index}.js`, directory);
  }

  /** Runs JavaScript as a reader would who saves it under that name; after `compile`. */
  runPlain(source: string, name: string, directory: string): Promise<ChildOutcome> {
    writeFileSync(join(this.#output, name), source);
    return this.#run(name, directory);
  }

  #run(name: string, directory: string): Promise<ChildOutcome> {
    const launcher = ['sh', '-c', 'cd "$0" && exec "$@"', directory];
    return runProgram([process.execPath, join(this.#output, name)], { launcher });
  }
}
