/**
 * A static file server: Node's http.Server on connections of ringlet, files by `ring.fs`.
 *
 *   node build/examples/static-http.js DIRECTORY [PORT]
 *
 * It ends on SIGTERM or SIGINT: no new connections, then those that are open.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { extname, join, normalize, resolve } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type FileHandle, Listener, Ring, serveOn } from 'ringlet';

const TYPES: Record<string, string> = { '.html': 'text/html', '.css': 'text/css', '.js': 'text/javascript' };
const BLOCK_BYTES = 65_536;

const root = resolve(process.argv[2] ?? '.');
await using ring = new Ring();

/** A file's bytes, block by block. */
async function* blocksOf(file: FileHandle): AsyncGenerator<Buffer> {
  for (;;) {
    const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(BLOCK_BYTES));
    if (bytesRead === 0) return;
    yield buffer.subarray(0, bytesRead);
  }
}

async function respond(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname } = new URL(request.url ?? '/', 'http://localhost');
  const path = join(
    root,
    normalize(decodeURIComponent(pathname.endsWith('/') ? `${pathname}index.html` : pathname)),
  );
  await using file = await ring.fs.open(path);
  const { size } = await file.stat();
  response.writeHead(200, {
    'content-type': TYPES[extname(path)] ?? 'application/octet-stream',
    'content-length': size,
  });
  await pipeline(blocksOf(file), response);
}

const server = createServer((request, response) => {
  respond(request, response).catch((error: NodeJS.ErrnoException) => {
    if (response.headersSent) response.destroy();
    else response.writeHead(error.code === 'ENOENT' ? 404 : 500).end(`${error.code}\n`);
  });
});

const listener = await Listener.listen({
  host: '127.0.0.1',
  port: Number(process.argv[3] ?? 0),
  noDelay: true,
  ring,
});
console.log(`http://127.0.0.1:${listener.address.port}/`);

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void server.close());
}
await serveOn(server, listener);
