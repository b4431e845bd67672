/** The project's own rules, of which a compiler and a linter know nothing: docs/architecture.md and CONTRIBUTING.md say them. */
import { expect } from 'chai';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, normalize } from 'node:path';

/** As the tests are run: from the package's root. */
function filesIn(folder: string, ending: RegExp): Map<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    ending.test(name),
  );
  return new Map(names.map((name) => [join(folder, name), readFileSync(join(folder, name), 'utf8')]));
}

const sources = filesIn('src', /\.ts$/);
const natives = filesIn('cpp', /\.(cc|h)$/);
const users = new Map(
  ['test', 'bench', 'examples', 'scripts'].flatMap((folder) => [...filesIn(folder, /\.(ts|mjs|cjs)$/)]),
);
const documents = new Map([
  ...filesIn('docs', /\.md$/),
  ...['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md'].map(
    (name) => [name, readFileSync(name, 'utf8')] as const,
  ),
]);

/** Modules of ours that a source file names, in whatever statement. */
function importsOf(file: string, text: string): string[] {
  const relative = text.matchAll(/(?:\bfrom|\bimport|\brequire)[ (]*'(\.{1,2}\/[^']+)\.js'/g);
  return [...relative].map(([, path]) => `${normalize(join(dirname(file), path as string))}.ts`);
}

/** Those of them that are loaded before the file's own code runs: no types, and nothing that it loads later. */
function loadedBefore(file: string): string[] {
  const statements = (sources.get(file) ?? '').matchAll(
    /^(?:import|export) (?!type )([^;]*?)(?: from )?'(\.{1,2}\/[^']+)\.js';/gm,
  );
  return [...statements]
    .filter(([, names]) => !/^\{(?:\s*type [^,}]+,?)+\s*\}$/.test(names as string))
    .map(([, , path]) => `${normalize(join(dirname(file), path as string))}.ts`);
}

/** The layers of src/, lowest first. Those in one line are side by side. */
const LAYERS = [
  ['errors', 'base'],
  ['contract'],
  ['native'],
  ['uring', 'node', 'fs', 'events'],
  ['ring'],
  ['net', 'observe'],
  ['compat', 'index.ts'],
];
const layerOf = (file: string) => file.split('/')[1] as string;
const heightOf = (file: string) => LAYERS.findIndex((layer) => layer.includes(layerOf(file)));

function isAllowed(from: string, to: string): boolean {
  if (layerOf(from) === layerOf(to)) return true;
  // What is thrown has Node's looks, which tell its version and what a signal is; checks throw it.
  if (heightOf(from) === 0 && heightOf(to) === 0) return true;
  return heightOf(to) < heightOf(from);
}

const HEADERS = new Set(['check', 'layout', 'uring_abi', 'clock', 'libc_calls', 'static_probes']);
const WITHOUT_NODE = [
  'ring',
  'ring_queues',
  'ring_profile',
  'sq_poll_groups',
  'uring_syscalls',
  'kernel_features',
];

describe('Tidiness', () => {
  it('every file of src/ is in a layer, and imports from lower ones only', () => {
    const wrong: string[] = [];
    for (const [file, text] of sources) {
      if (heightOf(file) < 0) wrong.push(`${file} is in no layer`);
      for (const other of importsOf(file, text)) {
        if (!isAllowed(file, other)) wrong.push(`${file} imports ${other}`);
      }
    }
    expect(wrong).to.deep.equal([]);
  });

  it('no file of src/ waits for itself to be loaded', () => {
    const circles: string[] = [];
    const seen = new Set<string>();
    const visit = (file: string, way: readonly string[]): void => {
      if (way.includes(file)) circles.push([...way.slice(way.indexOf(file)), file].join(' → '));
      if (seen.has(file)) return;
      seen.add(file);
      for (const other of loadedBefore(file)) visit(other, [...way, file]);
    };
    for (const file of sources.keys()) visit(file, []);
    expect(circles).to.deep.equal([]);
  });

  it('one file loads the backends, and one the addon', () => {
    const importersOf = (target: string) =>
      [...sources].filter(([file, text]) => importsOf(file, text).includes(target)).map(([file]) => file);
    expect(importersOf('src/ring/concrete.ts')).to.deep.equal(['src/ring/select.ts']);
    expect(importersOf('src/native/addon-file.ts')).to.deep.equal(['src/native/binding.ts']);
  });

  it('the kernel’s half in cpp/ knows neither Node-API nor libuv', () => {
    for (const [file, text] of natives) {
      const name = basename(file).replace(/\.\w+$/, '');
      if (!WITHOUT_NODE.includes(name) && !HEADERS.has(name)) continue;
      expect(text, file).to.not.match(/#include [<"](?:napi|node_api|uv|napi_values|engine|addon)[."]/);
    }
  });

  it('cpp/ takes nothing of libstdc++ that prebuilt addons go without (cpp/cxx_runtime.cc)', () => {
    for (const [file, text] of natives) {
      expect(text.replaceAll(/\/\/.*/g, ''), file).to.not.match(
        /make_shared|allocate_shared|<(?:iostream|regex|locale)>/,
      );
    }
  });

  it('what a file exports, another one uses', () => {
    const everything = [...sources, ...users];
    const unused: string[] = [];
    for (const [file, text] of sources) {
      for (const [, name] of text.matchAll(
        /^export (?:declare )?(?:abstract )?(?:async )?(?:function\*?|class|const|let|interface|type|enum) (\w+)/gm,
      )) {
        const word = new RegExp(`\\b${name}\\b`);
        if (!everything.some(([other, its]) => other !== file && word.test(its)))
          unused.push(`${file}: ${name}`);
      }
    }
    expect(unused).to.deep.equal([]);
  });

  it('a constant has one value', () => {
    const values = new Map<string, Map<string, string>>();
    const note = (file: string, name: string, value: string) => {
      const seen = values.get(name) ?? new Map<string, string>();
      values.set(name, seen.set(value.replaceAll('_', ''), file));
    };
    for (const [file, text] of sources) {
      for (const [, name, value] of text.matchAll(
        /^(?:export )?const ([A-Z][A-Z0-9_]+) = (-?[\d._xa-fA-F* -]+);$/gm,
      )) {
        note(file, name as string, value as string);
      }
    }
    const several = [...values]
      .filter(([, seen]) => seen.size > 1)
      .map(([name, seen]) => [name, ...seen.entries()].join(' '));
    expect(several).to.deep.equal([]);
  });

  it('a doc comment stands before what it is about', () => {
    const stray: string[] = [];
    for (const [file, text] of sources) {
      for (const { 0: comment, index } of text.matchAll(/^[ \t]*\/\*\*(?:[^*]|\*(?!\/))*\*\/\n/gm)) {
        const next = text.slice(index + comment.length).split('\n', 1)[0] as string;
        if (index > 0 && /^\s*(\/\*\*.*|\}.*|)$/.test(next))
          stray.push(`${file}: ${comment.trim().split('\n')[0]}`);
      }
    }
    expect(stray).to.deep.equal([]);
  });

  it('files that documents name are there', () => {
    const all = [...sources.keys(), ...natives.keys(), ...users.keys(), ...documents.keys()];
    const missing: string[] = [];
    for (const [document, text] of documents) {
      for (const [, name] of text.matchAll(/`([\w./-]+\.(?:ts|cts|cc|md|mjs|cjs))`/g)) {
        const path = `/${(name as string).replace(/^\.\//, '')}`;
        if (/\.d\.c?ts$/.test(path)) continue;
        if (!all.some((file) => `/${file}`.endsWith(path)) && !existsSync(name as string))
          missing.push(`${document}: ${name}`);
      }
    }
    expect(missing).to.deep.equal([]);
  });

  it('names of the source that pages about it use are there', () => {
    const everything = [...sources.values(), ...natives.values()].join('\n');
    const gone: string[] = [];
    for (const page of ['docs/architecture.md', 'docs/ownership.md']) {
      // Such as `Ring::Drain`, `Dispatcher.#settle`, `CONTROL_REFS`, `addressWithin(…)`.
      for (const [, path] of (documents.get(page) as string).matchAll(
        /`([A-Za-z]\w*(?:(?:\.|::)#?\w+)*)[`(]/g,
      )) {
        if (!/[A-Z]/.test(path as string)) continue;
        for (const name of (path as string).split(/\W+/)) {
          if (!new RegExp(`\\b${name}\\b`).test(everything)) gone.push(`${page}: ${path}`);
        }
      }
    }
    expect(gone).to.deep.equal([]);
  });

  it('the map of docs/architecture.md names no file that is gone', () => {
    const map = /```\n(src\/[\s\S]*?)```/.exec(readFileSync('docs/architecture.md', 'utf8'))?.[1] ?? '';
    const gone = [...map.matchAll(/(?<![\w/*])([\w-]+\.(?:ts|cc|mjs))\b/g)]
      .map(([, name]) => name as string)
      .filter(
        (name) =>
          ![...sources.keys(), ...natives.keys(), ...users.keys()].some((file) => basename(file) === name),
      );
    expect(gone).to.deep.equal([]);
  });
});
