// net-snmp: an agent and a session
import snmp from 'net-snmp';
import { freePort, host } from '../kit.mjs';
const port = await freePort();
const agent = snmp.createAgent(
  { port, address: host, disableAuthorization: true },
  (error) => error && console.log(error),
);
agent.getMib().registerProvider({
  name: 'x',
  type: snmp.MibProviderType.Scalar,
  oid: '1.3.6.1.4.1.9.1',
  scalarType: snmp.ObjectType.OctetString,
  maxAccess: snmp.MaxAccess['read-write'],
});
agent.getMib().setScalarValue('x', 'the value');
const session = snmp.createSession(host, 'public', { port });
console.log(
  await new Promise((resolve, reject) =>
    session.get(['1.3.6.1.4.1.9.1.0'], (error, [bind] = []) =>
      error ? reject(error) : resolve(`${bind.oid} ${bind.value}`),
    ),
  ),
);
session.close();
agent.close();
