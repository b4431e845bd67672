// @grpc/grpc-js: unary, a stream each way, a deadline
import grpc from '@grpc/grpc-js';
import loader from '@grpc/proto-loader';
import { host, input } from '../kit.mjs';
input({
  'a.proto': `syntax = "proto3";
message Text { string text = 1; }
service Echo { rpc One (Text) returns (Text); rpc Many (stream Text) returns (stream Text); rpc Never (Text) returns (Text); }`,
});
const { Echo } = grpc.loadPackageDefinition(loader.loadSync('a.proto'));
const server = new grpc.Server();
server.addService(Echo.service, {
  One: ({ request }, done) => done(null, { text: request.text.toUpperCase() }),
  Many: (call) => call.on('data', ({ text }) => call.write({ text: `${text}!` })).on('end', () => call.end()),
  Never: () => {},
});
const port = await new Promise((resolve, reject) =>
  server.bindAsync(`${host}:0`, grpc.ServerCredentials.createInsecure(), (error, bound) =>
    error ? reject(error) : resolve(bound),
  ),
);
const client = new Echo(`${host}:${port}`, grpc.credentials.createInsecure());
console.log(
  await new Promise((resolve, reject) =>
    client.One({ text: 'x'.repeat(100_000) }, (error, answer) =>
      error ? reject(error) : resolve(answer.text.length),
    ),
  ),
);
const call = client.Many();
const texts = [];
call.on('data', ({ text }) => texts.push(text));
for (let index = 0; index < 50; index++) call.write({ text: `${index}` });
call.end();
await new Promise((resolve) => call.on('end', resolve));
console.log(texts.join(' '));
console.log(
  await new Promise((resolve) =>
    client.Never({}, { deadline: Date.now() + 300 }, ({ code }) => resolve(code)),
  ),
);
client.close();
server.forceShutdown();
