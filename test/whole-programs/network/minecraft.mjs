// minecraft-protocol: the status of its server
import mc from 'minecraft-protocol';
import { freePort, host } from '../kit.mjs';
const port = await freePort();
const server = mc.createServer({ 'online-mode': false, host, port, version: '1.16.3', motd: 'hello' });
await new Promise((resolve) => server.on('listening', resolve));
const { version, players } = await mc.ping({ host, port, version: '1.16.3' });
console.log(version, players.max);
server.close();
