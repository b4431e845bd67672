/**
 * Runs test files by mocha's own interface: its command line starts Node, or takes a runtime's arguments for its own.
 * Arguments: the compiled files.
 */
import { join } from 'node:path';
import Mocha from 'mocha';

const root = join(import.meta.dirname, '../..');
const mocha = new Mocha({
  timeout: 30_000,
  forbidOnly: true,
  reporter: join(root, 'test/support/reporter.cjs'),
});
for (const file of process.argv.slice(2)) mocha.addFile(join(root, file));
await mocha.loadFilesAsync();
mocha.run((failureCount) => process.exit(failureCount === 0 ? 0 : 1));
