// mysql2: its server and its client
import mysql from 'mysql2';
import { host } from '../kit.mjs';
const server = mysql.createServer();
server.listen(0, host);
server.on('connection', (connection) => {
  connection.serverHandshake({
    protocolVersion: 10,
    serverVersion: '8',
    connectionId: 1,
    statusFlags: 2,
    characterSet: 8,
    capabilityFlags: 0xffffff ^ 0x800,
  });
  connection.on('query', (sql) =>
    connection.writeTextResult(
      [{ a: sql.length }, { a: 2 }],
      [
        {
          catalog: 'def',
          schema: 's',
          table: 't',
          orgTable: 't',
          name: 'a',
          orgName: 'a',
          characterSet: 33,
          columnLength: 10,
          columnType: 3,
          flags: 0,
          decimals: 0,
        },
      ],
    ),
  );
  connection.on('error', () => {});
});
await new Promise((resolve) => server._server.on('listening', resolve));
const client = mysql.createConnection({ host, port: server._server.address().port, user: 'u' });
console.log(
  await new Promise((resolve, reject) =>
    client.query('select 1', (error, rows) => (error ? reject(error) : resolve(rows))),
  ),
);
client.destroy();
server.close();
