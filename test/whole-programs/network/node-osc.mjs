// node-osc over UDP
import { Client, Server } from 'node-osc';
import { freePort, host } from '../kit.mjs';
const port = await freePort();
const server = new Server(port, host);
await new Promise((resolve) => server.on('listening', resolve));
const client = new Client(host, port);
const told = new Promise((resolve) => server.on('message', (message) => resolve(message)));
await client.send('/oscillator', 440, 'text', 1.5);
console.log(await told);
await client.close();
await server.close();
