// nodemailer to smtp-server, with STARTTLS
import nodemailer from 'nodemailer';
import { SMTPServer } from 'smtp-server';
import { certificate, freePort, host } from '../kit.mjs';
const got = [];
const server = new SMTPServer({
  ...(await certificate()),
  authOptional: true,
  disableReverseLookup: true,
  onData(stream, session, done) {
    let text = '';
    stream
      .on('data', (chunk) => (text += chunk))
      .on('end', () => {
        got.push(
          session.secure,
          session.envelope.rcptTo.map(({ address }) => address),
          text.split('\r\n\r\n')[1].length,
        );
        done();
      });
  },
});
const port = await freePort();
await new Promise((resolve) => server.listen(port, host, resolve));
const transport = nodemailer.createTransport({ host, port, tls: { rejectUnauthorized: false } });
const { accepted } = await transport.sendMail({
  from: 'a@example.org',
  to: ['b@example.org', 'c@example.org'],
  subject: 's',
  text: 'hello\n'.repeat(3000),
});
console.log(accepted, got);
transport.close();
server.close();
