/** Package managers: each installs the packed package with status 0, no compiler and no script, and then there is a ring. */
import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run, understand } from './programs.mjs';

const PROGRAM = fileURLToPath(new URL('./program.mjs', import.meta.url));

/** By name: the command that adds the package, how the program is started, and a configuration. */
function managers({ tools, node, tarball }) {
  const of = (path) => join(tools, path);
  const yarn = [node, of('@yarnpkg/cli-dist/bin/yarn.js')];
  const byYarn = [...yarn, 'add', `ringlet@file:${tarball}`];
  return {
    npm: { add: [node, of('npm/bin/npm-cli.js'), 'install', tarball] },
    pnpm: { add: [of('@pnpm/exe.linux-x64/pnpm'), 'add', tarball] },
    'yarn, node-modules': { add: byYarn, config: 'nodeLinker: node-modules\n' },
    'yarn, pnp': { add: byYarn, start: [...yarn, 'node'], config: 'nodeLinker: pnp\n' },
    bun: { add: [of('@oven/bun-linux-x64/bin/bun'), 'add', tarball] },
  };
}

/** The registry that npm has been told of, for all of them. */
function registrySettings() {
  const registry = execFileSync('npm', ['config', 'get', 'registry'], { encoding: 'utf8' }).trim();
  return {
    npm_config_registry: registry,
    BUN_CONFIG_REGISTRY: registry,
    YARN_NPM_REGISTRY_SERVER: registry,
    YARN_UNSAFE_HTTP_WHITELIST: new URL(registry).hostname,
    YARN_ENABLE_TELEMETRY: '0',
    YARN_ENABLE_IMMUTABLE_INSTALLS: '0',
  };
}

/** A folder of programs that has no compiler in it. */
function barePath(folder, node) {
  const path = join(folder, 'bin');
  mkdirSync(path);
  symlinkSync(node, join(path, 'node'));
  symlinkSync('/bin/sh', join(path, 'sh'));
  return path;
}

/** Returns checks by name; each says in words what there is, or throws. */
export function managerChecks(context) {
  const entries = Object.entries(managers(context));
  return entries.map(([name, { add, start = [context.node], config }]) => {
    const check = () => {
      const home = join(context.folder, name.replace(/\W+/g, '-'));
      mkdirSync(home);
      writeFileSync(join(home, 'package.json'), '{ "private": true }\n');
      copyFileSync(PROGRAM, join(home, 'program.mjs'));
      if (config) {
        writeFileSync(join(home, '.yarnrc.yml'), config);
        // Marks the folder as a project of its own.
        writeFileSync(join(home, 'yarn.lock'), '');
      }
      const path = barePath(home, context.node);
      const env = { ...registrySettings(), PATH: path, HOME: join(home, 'home') };
      mkdirSync(env.HOME);
      run(add, { cwd: home, env });
      if (existsSync(join(home, 'node_modules/ringlet/build'))) throw new Error('something was compiled');
      return understand(run([...start, 'program.mjs'], { cwd: home, env }), 'io_uring');
    };
    return [name, check];
  });
}
