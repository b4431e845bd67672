/**
 * Puts what the package exports into a few files, in place of the modules that tsc has just written: loading
 * a hundred modules one by one takes five times as long as running them. Most is in two: what an import needs, and
 * what comes with the first ring (loaded-later.mjs).
 *
 * They are CommonJS, which every tool can load: `require` in a test runner that has no ES modules, and bundlers,
 * which find the backends by the `require` that loads them with the first ring. For `import` each entry has an ES
 * module of a few lines in front of it. So there is one of everything, however it comes in. What tsc has written
 * stays beside them in a clone, for tests and for readers. `tsc -p .` alone undoes it, for `import`.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, transform } from 'esbuild';
import { commonJsTypes } from './commonjs-types.mjs';
import { IMPORT_LATER, later, loadedLater, TELL_LATER } from './loaded-later.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, 'dist');
const require = createRequire(import.meta.url);
const {
  exports: exported,
  engines,
  peerDependencies,
} = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

/** What `exports` leads to for `require`, by module in `dist`, without an ending. */
const ENTRIES = Object.values(exported)
  .filter((target) => typeof target !== 'string')
  .map((target) => /^\.\/dist\/(.*)\.cjs$/.exec(target.require.default)[1]);
/** What is loaded before every program has no ES module in front of it: one file fewer. */
const isPreload = (entry) => entry.startsWith('compat/register/');
/** `require` gets the drop-in itself, as `require('node:fs/promises')` is Node's module; it is made elsewhere. */
const DROP_IN = 'compat/fs/promises';
const INDEX = 'index';
const inDist = (name) => join(dist, `${name}.js`);
const nameInDist = (path) => relative(dist, path).replace(/\.js$/, '');

/**
 * Node's modules by `process.getBuiltinModule`, name by name. Importing one as a module reads all that it exports
 * at once, and so loads what Node itself puts off until it is asked for: all of Web Crypto for `node:crypto`, the
 * deferred parts of `node:util`. Stated in the sources, that would be an import no editor understands. And where a
 * bundler makes an ES module of CommonJS, there is no `require` for them.
 */
const builtins = {
  name: 'builtins',
  setup({ onResolve, onLoad }) {
    const filter = /^node:/;
    onResolve({ filter }, ({ path }) => ({ path, namespace: 'builtin', sideEffects: false }));
    onLoad({ filter, namespace: 'builtin' }, ({ path }) => {
      const names = Object.keys(process.getBuiltinModule(path)).filter((name) => name !== 'default');
      const lines = names.map((name) => `export const ${name} = /* @__PURE__ */ (() => builtin.${name})();`);
      const module = `const builtin = process.getBuiltinModule('${path}');\nexport default builtin;`;
      return { contents: [module, ...lines].join('\n') };
    });
  },
};

/**
 * A module in front of one that needs a ring, which imports the package's main module as well: so what that has at
 * once is one file, and not one for each set of entries that have it in common. Where the addon is to be looked for
 * is told to it there, by ES modules (`esModule`).
 */
const withIndex = {
  name: 'with index',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^with-index:/ }, ({ path }) => {
      return { path: path.slice('with-index:'.length), namespace: 'with-index' };
    });
    onLoad({ filter: /./, namespace: 'with-index' }, async ({ path: name }) => {
      const path = inDist(name);
      const hasDefault = 'default' in (await import(path));
      const lines = [
        `import '${inDist(INDEX)}';`,
        `export * from '${path}';`,
        hasDefault ? `export { default } from '${path}';` : '',
        TELL_LATER,
        `export { modulePlaces as ${PLACES} } from '${inDist('native/addon-file')}';`,
      ];
      return { contents: lines.join('\n'), resolveDir: dist };
    });
  },
};

/** What the sources load by `require`: an `import()` to esbuild, which makes a file of it, and `require` in the end. */
const required = {
  name: 'required',
  setup({ onLoad }) {
    onLoad({ filter: /\bdist\/(ring\/select|compat\/register\/[\w-]+)\.js$/ }, ({ path }) => {
      const text = readFileSync(path, 'utf8');
      const contents = text
        .replace('const require = createRequire(import.meta.url);', '')
        .replace("require('./concrete.js')", later('ring/concrete'))
        .replace(/\brequire\('(\.[^']*)'\)/g, (_, to) => {
          return `import('with-index:${nameInDist(join(dirname(path), to))}')`;
        });
      return { contents: `${IMPORT_LATER}\n${contents}` };
    });
  },
};

/** Where this module's file is, and others are from there, in the words of CommonJS: the bundle is one folder up. */
const placesOfCommonJs = {
  name: 'places',
  setup({ onLoad }) {
    onLoad({ filter: /\bdist\/native\/addon-places\.js$/ }, ({ path }) => {
      const text = readFileSync(path, 'utf8');
      const contents = text
        .replace(/new URL\('\.\.\/([^']*)', import\.meta\.url\)/g, "__dirname + '/$1'")
        .replaceAll('import.meta.url', '__filename');
      return { contents };
    });
  },
};

/** esbuild keeps what is written inside classes. A compiler would have to skip it, and a process to hold it. */
const withoutComments = {
  name: 'without comments',
  setup({ onLoad }) {
    onLoad({ filter: /\.m?js$/, namespace: 'file' }, async ({ path }) => {
      const { code } = await transform(readFileSync(path, 'utf8'), {
        minifyWhitespace: true,
        legalComments: 'none',
      });
      return { contents: code };
    });
  },
};

/** esbuild gives a class that names itself another name inside, which programs and people would see. */
function withClassNames(text) {
  const renamed = [...text.matchAll(/^var (\w+) = class _\1\b/gm)].map(([, name]) => name);
  return renamed.reduce((all, name) => all.replace(new RegExp(`\\b_${name}\\b`, 'g'), name), text);
}

/** esbuild splits ES modules only. What it writes has its imports at the top, and one list of exports at the end. */
function toCommonJs(text) {
  const body = withClassNames(text)
    .replace(/^import \{([^}]*)\} from ("[^"]*");$/gm, (_, names, path) => {
      return `const {${names.replaceAll(' as ', ': ')}} = require(${path});`;
    })
    .replace(/^import ("\.[^"]*");$/gm, 'require($1);')
    .replace(/\bimport\(("\.[^"]*")\)/g, 'require($1)')
    .replace(/^export \{([^}]*)\};$/gm, (_, names) => {
      return `module.exports = {${names.replace(/(\S+) as (\S+?)(,?)$/gm, '$2: $1$3')}};`;
    });
  const stray = /^(?:import|export)\b.*/m.exec(body);
  if (stray) throw new Error(`no CommonJS for: ${stray[0]}`);
  return `'use strict';\n${body}`;
}

/** What an entry's file exports for the ES module in front of it alone. It is no name that `require` shows. */
const PLACES = '__modulePlaces';
const HIDE_PLACES = `Object.defineProperty(module.exports, '${PLACES}', { enumerable: false });\n`;

/** Tells the bundle what only an ES module can: where it is itself, and the addons from there. */
function tellPlaces(entry) {
  const toDist = '../'.repeat(entry.split('/').length - 1);
  const text = readFileSync(inDist('native/addon-places'), 'utf8')
    .replace(/^\/\*\*(?:(?!\*\/)[\s\S])*\*\/\n/, '')
    .replace('export const', 'const')
    .replaceAll("'../../prebuilds/", `'../${toDist}prebuilds/`);
  return `${text}bundled.${PLACES}.add(ownPlaces);\n`;
}

/** The ES module in front of an entry. It takes the default import, the one that no tool has to guess. */
function esModule(entry) {
  const text = readFileSync(inDist(entry), 'utf8');
  if (entry === DROP_IN) {
    const [named, byDefault] = [
      /^import \{ dropIn \} from .*$/m,
      /^export \{ dropIn as default \} from .*$/m,
    ];
    const dropIn = `import bundled from './drop-in.cjs';\nconst { dropIn } = bundled;`;
    return (
      text.replace(named, dropIn).replace(byDefault, 'export { dropIn as default };') + tellPlaces(entry)
    );
  }
  const values = Object.keys(require(join(dist, `${entry}.cjs`))).filter((name) => name !== 'default');
  const named = values.length > 0 ? `export const { ${values.join(', ')} } = bundled;\n` : '';
  const byDefault = /^export default /m.test(text) ? 'export default bundled.default;\n' : '';
  return `import bundled from './${basename(entry)}.cjs';\n${named}${byDefault}${tellPlaces(entry)}`;
}

/** The licences of the packages that are inside, which ask to go along. */
function licencesOf(inputs) {
  const folders = Object.keys(inputs).map((path) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(path)?.[0]);
  const unique = [...new Set(folders.filter(Boolean))].sort();
  return unique
    .map((folder) => {
      const { name, version } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
      const file = readdirSync(join(root, folder)).find((each) => /^licen[cs]e(\.|$)/i.test(each));
      if (file === undefined) throw new Error(`${name} has no licence to go along`);
      return `${name} ${version}\n\n${readFileSync(join(root, folder, file), 'utf8').trim()}\n`;
    })
    .join('\n\n');
}

/** Entries, and of them those that preload nothing of ringlet until it is asked for. */
const entryPoints = ENTRIES.map((entry) => (entry === DROP_IN ? 'compat/fs/drop-in' : entry)).map((name) => {
  return { in: isPreload(name) ? inDist(name) : `with-index:${name}`, out: name };
});

const { outputFiles, metafile } = await build({
  entryPoints,
  absWorkingDir: root,
  outbase: dist,
  outdir: dist,
  write: false,
  bundle: true,
  external: Object.keys(peerDependencies),
  splitting: true,
  chunkNames: 'bundle-[hash]',
  outExtension: { '.js': '.cjs' },
  format: 'esm',
  platform: 'node',
  target: `node${engines.node.replace(/^\D*/, '')}`,
  plugins: [builtins, withIndex, required, loadedLater(dist), placesOfCommonJs, withoutComments],
  legalComments: 'none',
  metafile: true,
  logLevel: 'warning',
});
for (const { path, text } of outputFiles) {
  const isEntry = entryPoints.some(({ out }) => path === join(dist, `${out}.cjs`));
  const commonJs = toCommonJs(text);
  writeFileSync(path, isEntry && commonJs.includes(PLACES) ? commonJs + HIDE_PLACES : commonJs);
}
writeFileSync(join(dist, 'THIRD-PARTY-LICENSES'), licencesOf(metafile.inputs));
writeFileSync(
  join(dist, `${DROP_IN}.cjs`),
  `'use strict';\nmodule.exports = require('./drop-in.cjs').dropIn;\n`,
);
for (const entry of ENTRIES) {
  if (!isPreload(entry)) writeFileSync(join(dist, `${entry}.js`), esModule(entry));
  const readTypes = (path) => readFileSync(`${join(dist, dirname(entry), path)}.d.ts`, 'utf8');
  const types = readTypes(basename(entry));
  const values = isPreload(entry) ? [] : Object.keys(require(join(dist, `${entry}.cjs`)));
  writeFileSync(join(dist, `${entry}.d.cts`), commonJsTypes(basename(entry), types, values, readTypes));
}
