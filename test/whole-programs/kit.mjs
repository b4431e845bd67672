/** What the programs beside this have in common; they run in an empty folder of their own. */
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const host = '127.0.0.1';

const PACKAGES = fileURLToPath(new URL('./node_modules', import.meta.url));

/** Writes files, with the folders that they are in. */
export function input(files) {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(name), { recursive: true });
    writeFileSync(name, content);
  }
}

/** `count` files, whose name and content are told by their index. */
export function numbered(count, describe) {
  return Object.fromEntries(Array.from({ length: count }, (_unused, index) => describe(index)));
}

/** Runs a program of a package's, as its command would. */
export async function command(file, ...argv) {
  const path = join(PACKAGES, file);
  process.argv = [process.argv[0], path, ...argv];
  if (path.endsWith('.mjs')) await import(path);
  else createRequire(import.meta.url)(path);
}

/** The port that a server listens on. */
export async function listening(server) {
  server.listen(0, host);
  if (!server.listening) await once(server, 'listening');
  return server.address().port;
}

/** A port that was free a moment ago, for what can't be asked which it has. */
export async function freePort() {
  const { createServer } = await import('node:net');
  const server = createServer();
  const port = await listening(server);
  server.close();
  await once(server, 'close');
  return port;
}

/** A key, and a certificate for localhost. */
export async function certificate() {
  const { execFileSync } = await import('node:child_process');
  const { readFileSync } = await import('node:fs');
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'];
  const files = ['-keyout', '../key.pem', '-out', '../cert.pem'];
  const how = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  execFileSync('openssl', ['req', '-x509', ...how, ...files, '-days', '2', ...subject], { stdio: 'ignore' });
  return { key: readFileSync('../key.pem'), cert: readFileSync('../cert.pem') };
}
