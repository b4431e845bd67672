/**
 * What a user of a container without io_uring meets: Debian's userland under Docker's default seccomp profile
 * (test/support/container.py), as a user without rights. Installation, the README's ten lines, and what ringlet says.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { understand } from './programs.mjs';
import { INSTALL, userland, withApp } from './userlands.mjs';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const CONTAINER = join(ROOT, 'test/support/container.py');
const USER = '1000:1000';

function expectSaid(output, ...patterns) {
  const missing = patterns.find((pattern) => !pattern.test(output));
  if (missing) throw new Error(`this does not say ${missing}:\n${output}`);
}

function tellStory(root, context) {
  const enter = ['python3', CONTAINER, 'chroot', `--userspec=${USER}`, root];
  return withApp(root, context, enter, (home, inside) => {
    const [, lines] = /^## Ten lines\n\n```js\n(.*?)^```/ms.exec(
      readFileSync(join(ROOT, 'README.md'), 'utf8'),
    );
    writeFileSync(join(home, 'lines.mjs'), lines);
    execFileSync('chown', ['-R', USER, home]);
    inside(INSTALL);
    expectSaid(
      inside('NODE_DEBUG=ringlet node lines.mjs'),
      /^127\.0\.0\.1 says hello$/m,
      /default: epoll, .*because io_uring_setup failed with EPERM: a seccomp filter is active/,
    );
    // Its status says that there is no io_uring.
    expectSaid(
      inside('! node npm/bin/npx-cli.js ringlet doctor'),
      /io_uring.*does not work/,
      /on epoll/,
      /npx ringlet seccomp-profile/,
    );
    return understand(inside('node program.mjs'), 'epoll');
  });
}

/** As `userlandChecks`. */
export function containerChecks(context) {
  return [['a container', () => tellStory(userland('bookworm', context.cache), context)]];
}
