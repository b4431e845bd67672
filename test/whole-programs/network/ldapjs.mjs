// ldapjs: a server and a client
import ldap from 'ldapjs';
import { host } from '../kit.mjs';
const server = ldap.createServer();
server.bind('cn=root', (_request, response, next) => next(response.end()));
server.search('o=x', (_request, response, next) => {
  for (let index = 0; index < 5; index++)
    response.send({ dn: `cn=${index}, o=x`, attributes: { objectclass: ['person'], n: `${index}` } });
  response.end();
  return next();
});
await new Promise((resolve) => server.listen(0, host, resolve));
const client = ldap.createClient({ url: [`ldap://${host}:${server.address().port}`] });
await new Promise((resolve, reject) =>
  client.bind('cn=root', 'secret', (error) => (error ? reject(error) : resolve())),
);
const found = [];
await new Promise((resolve, reject) =>
  client.search('o=x', { scope: 'sub' }, (error, search) => {
    if (error) reject(error);
    search.on('searchEntry', (entry) => found.push(`${entry.dn}`)).on('end', resolve);
  }),
);
console.log(found);
client.destroy();
server.close();
