// syslog-client over UDP and TCP
import dgram from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import syslog from 'syslog-client';
import { host, listening } from '../kit.mjs';
const udp = dgram.createSocket('udp4').bind(0, host);
await once(udp, 'listening');
const common = { syslogHostname: 'here', appName: 'app' };
const client = syslog.createClient(host, { ...common, port: udp.address().port });
client.log('over UDP');
console.log(`${(await once(udp, 'message'))[0]}`.replace(/^(<\d+>).*here/, '$1 here'));
client.close();
udp.close();
const tcp = createServer();
const other = syslog.createClient(host, {
  ...common,
  port: await listening(tcp),
  transport: syslog.Transport.Tcp,
});
const accepted = once(tcp, 'connection');
other.log('over TCP');
const [socket] = await accepted;
console.log(`${(await once(socket, 'data'))[0]}`.replace(/^(<\d+>).*here/, '$1 here'));
other.close();
tcp.close();
