/**
 * Awaited file calls, and an abort of one that would never end.
 *
 *   node build/examples/read-file.js
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fs } from 'ringlet';

async function* endlessLines(): AsyncGenerator<string> {
  for (let number = 0; ; number++) {
    yield `line ${number}\n`;
    await delay(5);
  }
}

const directory = await mkdtemp(join(tmpdir(), 'ringlet-example-'));
try {
  const path = join(directory, 'notes.txt');

  // The calls, their results and their errors are those of node:fs/promises.
  await fs.writeFile(path, 'one\ntwo\nthree\n');
  const text = await fs.readFile(path, 'utf8');
  const { size } = await fs.stat(path);
  console.log(`${size} bytes, ${text.split('\n').length - 1} lines`);

  // A handle reads anywhere in the file; fewer bytes than asked for mean that the file ends there.
  const handle = await fs.open(path);
  try {
    const { bytesRead, buffer } = await handle.read(Buffer.alloc(16), { position: 4 });
    console.log(`from byte 4: ${JSON.stringify(buffer.toString('utf8', 0, bytesRead))}`);
  } finally {
    await handle.close();
  }

  // Every call takes a signal. The rejection carries the signal's reason as its cause.
  try {
    await fs.writeFile(path, endlessLines(), { signal: AbortSignal.timeout(50) });
  } catch (error) {
    const { name, cause } = error as Error;
    console.log(`the endless write ended with ${name} because of ${(cause as Error).name}`);
  }

  try {
    await fs.readFile(join(directory, 'missing.txt'));
  } catch (error) {
    console.log(`a missing file is ${(error as NodeJS.ErrnoException).code}`);
  }
} finally {
  await rm(directory, { recursive: true });
}
