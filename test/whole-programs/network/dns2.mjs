// dns2: a server of UDP and TCP, a client, and Node's resolver
import dns from 'node:dns/promises';
import dns2 from 'dns2';
import { host } from '../kit.mjs';
const { Packet } = dns2;
const server = dns2.createServer({
  udp: true,
  tcp: true,
  handle(request, send) {
    const response = Packet.createResponseFromRequest(request);
    const [{ name }] = request.questions;
    response.answers.push({
      name,
      type: Packet.TYPE.A,
      class: Packet.CLASS.IN,
      ttl: 300,
      address: '10.1.2.3',
    });
    send(response);
  },
});
const { udp, tcp } = await server.listen({
  udp: { port: 0, address: host },
  tcp: { port: 0, address: host },
});
for (const client of [
  dns2.UDPClient({ dns: host, port: udp.port }),
  dns2.TCPClient({ dns: host, port: tcp.port }),
]) {
  const { answers } = await client('example.org', 'A');
  console.log(answers.map(({ name, address }) => `${name} ${address}`));
}
const resolver = new dns.Resolver();
resolver.setServers([`${host}:${udp.port}`]);
console.log(await resolver.resolve4('other.example'));
await server.close();
