// OpenTelemetry's instrumentations of fs, net and http, with which one program traces itself
import { createRequire } from 'node:module';
import { registerInstrumentations } from '@opentelemetry/instrumentation';
import { FsInstrumentation } from '@opentelemetry/instrumentation-fs';
import { HttpInstrumentation } from '@opentelemetry/instrumentation-http';
import { NetInstrumentation } from '@opentelemetry/instrumentation-net';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { host, input, listening } from '../kit.mjs';
const exporter = new InMemorySpanExporter();
const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
registerInstrumentations({
  tracerProvider,
  instrumentations: [new FsInstrumentation(), new NetInstrumentation(), new HttpInstrumentation()],
});
const require = createRequire(import.meta.url);
const [fs, http] = ['fs', 'http', 'net'].map((name) => require(name));
input({ file: 'text' });
await new Promise((resolve) => fs.readFile('file', resolve));
await new Promise((resolve) => fs.stat('none', resolve));
console.log(await fs.promises.readFile('file', 'utf8'));
const server = http.createServer((_request, response) => response.end('hello'));
const port = await listening(server);
await new Promise((resolve) =>
  http.get({ host, port, agent: false }, (response) => response.resume().on('end', resolve)),
);
server.close();
await new Promise((resolve) => server.once('close', resolve));
// Without those of modules that are loaded meanwhile.
const spans = exporter.getFinishedSpans().filter(({ name }) => !name.endsWith('Sync'));
console.log(
  spans
    .map(({ name, status, kind }) => `${name} ${status.code} ${kind}`)
    .sort()
    .join('\n'),
);
