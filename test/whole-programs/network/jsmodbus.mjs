// jsmodbus over TCP
import { connect, createServer } from 'node:net';
import modbus from 'jsmodbus';
import { once } from 'node:events';
import { host, listening } from '../kit.mjs';
const server = createServer();
const holding = Buffer.alloc(100);
new modbus.server.TCP(server, { holding });
const socket = connect(await listening(server), host);
const client = new modbus.client.TCP(socket, 1);
await once(socket, 'connect');
await client.writeMultipleRegisters(2, [10, 20, 30]);
console.log((await client.readHoldingRegisters(2, 3)).response.body.valuesAsArray);
socket.end();
server.close();
