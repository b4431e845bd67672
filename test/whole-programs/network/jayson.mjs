// jayson: JSON-RPC over TCP and HTTP
import jayson from 'jayson';
import { host, listening } from '../kit.mjs';
const server = new jayson.Server({
  add: ([a, b], done) => done(null, a + b),
  fails: (_all, done) => done({ code: 7, message: 'on purpose' }),
});
for (const kind of ['tcp', 'http']) {
  const listener = server[kind]();
  const port = await listening(listener);
  const client = jayson.Client[kind]({ host, port });
  for (const method of ['add', 'fails', 'none']) {
    console.log(
      kind,
      await new Promise((resolve) =>
        client.request(method, [1, 2], 1, (error, { result, error: failure }) =>
          resolve([error, result, failure?.code]),
        ),
      ),
    );
  }
  listener.close();
  listener.closeAllConnections?.();
}
