#!/usr/bin/env node
/** The command line: reads arguments, prints, and sets the exit status. Uses the public package alone. */
import { readFileSync } from 'node:fs';
import { parseArgs, styleText } from 'node:util';
import { probe } from 'ringlet';
import { advise } from './advice.js';
import { bench } from './bench.js';
import { build } from './build.js';
import { renderDoctor, type Style } from './doctor.js';
import { makeProfile } from './seccomp-profile.js';
import { top } from './top.js';

const USAGE = `Usage: ringlet doctor [--json]
       ringlet top [PID] [--json] [--once]
       ringlet bench [--directory=DIR] [--json]
       ringlet build
       ringlet seccomp-profile [FILE]

Commands:
  doctor     what this kernel, container and process allow, and what to do about the rest
  top        the rings of programs that were started with \`node --import ringlet/expose\`, each second
  bench      half a minute of what programs do, on ringlet and on Node's own modules, and what comes of it
  build      compiles the native addon here, where the package brings none: needs a C++20 compiler, make, Python 3
             and Node's headers
  seccomp-profile
             a container engine's seccomp profile, from FILE or standard input, with io_uring allowed

Options:
  --json     the same as JSON, for programs; of top, a line a second
  --once     top's first figures, after a second, and no more
  --directory
             where bench makes its files; the folder for temporary ones without it
  --help     this text
  --version  the version of ringlet

Exit status: 0 when io_uring works here, the addon is compiled or the profile printed; 1 when not; 2 for a wrong
command line.
`;

const USAGE_ERROR_STATUS = 2;

function chooseStyle(): Style {
  // https://no-color.org; and nothing but text for files and pipes.
  if (!process.stdout.isTTY || process.env.NO_COLOR) {
    const plain = (text: string): string => text;
    return { good: plain, bad: plain, title: plain };
  }
  return {
    good: (text) => styleText('green', text),
    bad: (text) => styleText('red', text),
    title: (text) => styleText('bold', text),
  };
}

function version(): string {
  const manifest: unknown = JSON.parse(
    readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'),
  );
  return (manifest as { version: string }).version;
}

function printProfile(path: string | undefined): number {
  try {
    process.stdout.write(makeProfile(readFileSync(path ?? process.stdin.fd, 'utf8')));
    return 0;
  } catch (error) {
    const isAboutInput = error instanceof SyntaxError || 'syscall' in (error as NodeJS.ErrnoException);
    if (!isAboutInput) throw error;
    process.stderr.write(`ringlet: ${(error as Error).message}\n`);
    return 1;
  }
}

/** What goes wrong on the way is said in a line. */
async function finish(command: () => Promise<void>): Promise<number> {
  try {
    await command();
    return 0;
  } catch (error) {
    process.stderr.write(`ringlet: ${(error as Error).message}\n`);
    return 1;
  }
}

function printUsage(): number {
  process.stderr.write(USAGE);
  return USAGE_ERROR_STATUS;
}

function doctor(json: boolean): number {
  const found = probe();
  process.stdout.write(
    json
      ? `${JSON.stringify({ ...found, advice: advise(found) }, null, 2)}\n`
      : renderDoctor(found, chooseStyle()),
  );
  return found.isAvailable ? 0 : 1;
}

interface Given {
  readonly json: boolean;
  readonly once: boolean;
  readonly directory: string | undefined;
  readonly operand: string | undefined;
}

interface Command {
  readonly options: readonly ('json' | 'once' | 'directory')[];
  /** What the argument after the command's name looks like, which can be left out; without it there is none. */
  readonly operand?: RegExp;
  /** The exit status. */
  run(given: Given): number | Promise<number>;
}

const COMMANDS: ReadonlyMap<string | undefined, Command> = new Map(
  Object.entries<Command>({
    doctor: { options: ['json'], run: ({ json }) => doctor(json) },
    top: {
      options: ['json', 'once'],
      operand: /^\d*$/,
      run({ json, once, operand }) {
        const pid = operand ? Number(operand) : undefined;
        return finish(() => top({ pid, json, once, style: chooseStyle() }));
      },
    },
    bench: {
      options: ['json', 'directory'],
      run: ({ json, directory }) => finish(() => bench({ json, directory, style: chooseStyle() })),
    },
    build: { options: [], run: build },
    'seccomp-profile': { options: [], operand: /^/, run: ({ operand }) => printProfile(operand) },
  }),
);

/** Runs the command and returns its exit status. */
async function main(argv: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: argv,
    options: {
      json: { type: 'boolean' },
      once: { type: 'boolean' },
      directory: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
      version: { type: 'boolean' },
    },
    allowPositionals: true,
  });
  const { help, version: isVersionAsked, ...options } = values;
  if (help) {
    process.stdout.write(USAGE);
    return 0;
  }
  if (isVersionAsked) {
    process.stdout.write(`${version()}\n`);
    return 0;
  }
  const [name, operand, ...surplus] = positionals;
  const command = COMMANDS.get(name);
  if (command === undefined || surplus.length > 0) return printUsage();
  const isOperandFit = operand === undefined || command.operand?.test(operand) === true;
  const areOptionsFit = Object.keys(options).every((each) =>
    (command.options as readonly string[]).includes(each),
  );
  if (!isOperandFit || !areOptionsFit) return printUsage();
  const { json = false, once = false, directory } = options;
  return command.run({ json, once, directory, operand });
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  // parseArgs names the option that it does not know.
  if (!(error as NodeJS.ErrnoException).code?.startsWith('ERR_PARSE_ARGS')) throw error;
  process.stderr.write(`ringlet: ${(error as Error).message}\n\n${USAGE}`);
  process.exitCode = USAGE_ERROR_STATUS;
}
