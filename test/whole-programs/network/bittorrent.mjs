// bittorrent-dht: two nodes that find each other
import { createHash } from 'node:crypto';
import DHT from 'bittorrent-dht';
import { host } from '../kit.mjs';
const [first, second] = [new DHT({ bootstrap: false, host }), new DHT({ bootstrap: false, host })];
await new Promise((resolve) => first.listen(0, host, resolve));
await new Promise((resolve) => second.listen(0, host, resolve));
second.addNode({ host, port: first.address().port });
await new Promise((resolve) => second.once('node', resolve));
const hash = createHash('sha1').update('x').digest();
await new Promise((resolve) => second.announce(hash, 1234, resolve));
const peer = new Promise((resolve) => first.once('peer', ({ port }) => resolve(port)));
first.lookup(hash);
console.log(await peer);
first.destroy();
second.destroy();
