/** What `npm publish` would send: installed without running any script, it works, and has nothing in excess. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { needsIoUring } from './support/backends.js';
import { expectCleanExit, PACKAGE_ROOT, runProgram } from './support/child.js';
import { temporaryDirectory } from './support/temporary.js';

const PREBUILT = join('prebuilds', `${process.platform}-${process.arch}`, 'ringlet.node');

describe('The published package', function () {
  this.timeout(120_000);
  needsIoUring();
  const directory = temporaryDirectory();
  const hadPrebuilt = existsSync(join(PACKAGE_ROOT, 'prebuilds'));

  before('putting the addon where a package has it', () => {
    execFileSync('npm', ['run', '--silent', 'prepack'], { cwd: PACKAGE_ROOT, stdio: 'ignore' });
  });

  after(() => {
    if (!hadPrebuilt) rmSync(join(PACKAGE_ROOT, 'prebuilds'), { recursive: true, force: true });
  });

  /** As `npm install --ignore-scripts ringlet` would leave it. */
  function install(): string {
    const pack = ['pack', '--silent', '--ignore-scripts', '--pack-destination', directory.path];
    const tarball = execFileSync('npm', pack, { cwd: PACKAGE_ROOT, encoding: 'utf8' }).trim();
    const modules = directory.at('node_modules');
    const installed = join(modules, 'ringlet');
    mkdirSync(installed, { recursive: true });
    execFileSync('tar', ['-xf', directory.at(tarball), '-C', installed, '--strip-components=1']);
    const { dependencies } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as {
      dependencies: Record<string, string>;
    };
    for (const name of Object.keys(dependencies))
      symlinkSync(join(PACKAGE_ROOT, 'node_modules', name), join(modules, name));
    return installed;
  }

  async function evaluate(...args: string[]): Promise<string> {
    const launcher = ['sh', '-c', 'cd "$0" && exec "$@"', directory.path];
    const outcome = await runProgram([process.execPath, ...args], { launcher, env: { RINGLET_ADDON: '' } });
    expectCleanExit(outcome);
    return outcome.stdout.trim();
  }

  it('no script, no compiler: import and require get io_uring, and a file is read', async () => {
    install();
    const read = `(await fs.readFile('package.json', 'utf8')).length > 0`;
    directory.file('package.json', '{}');
    const print = `console.log(new Ring().backend, ${read})`;
    const imported = ['--input-type=module', '-e', `import { fs, Ring } from 'ringlet'; ${print};`];
    expect(await evaluate(...imported)).to.equal('io_uring true');
    const required = `const { fs, Ring } = require('ringlet'); (async () => ${print})();`;
    const [major = 0] = process.versions.node.split('.').map(Number);
    // Before Node 22 it is a warning's worth of experiment.
    const flags = major < 22 ? ['--no-warnings'] : [];
    expect(await evaluate(...flags, '-e', required)).to.equal('io_uring true');
    expect(await evaluate(join('node_modules/ringlet/dist/cli/main.js'), 'doctor')).to.contain('io_uring');
  });

  it('an addon that does not load costs io_uring, and the reason is told', async () => {
    const installed = install();
    rmSync(join(installed, PREBUILT));
    const script = `import { Ring } from 'ringlet'; const { backend, backendReason } = new Ring(); console.log(backend, backendReason);`;
    expect(await evaluate('--input-type=module', '-e', script)).to.match(
      /^node the native addon could not be loaded/,
    );
  });

  it('holds what runs, its sources and its documents, and nothing of tests and benchmarks', () => {
    const top = readdirSync(install());
    expect(top).to.include.members([
      'package.json',
      'README.md',
      'LICENSE',
      'dist',
      'cpp',
      'binding.gyp',
      'prebuilds',
    ]);
    expect(top).to.not.include.members(['test']);
    expect(top).to.not.include.members(['bench']);
    expect(top).to.not.include.members(['build']);
  });
});
