// sip over UDP
import sip from 'sip';
import { freePort, host } from '../kit.mjs';
const port = await freePort();
sip.start({ port, address: host, publicAddress: host, tcp: false }, (request) =>
  sip.send(sip.makeResponse(request, 200, 'OK')),
);
const answer = await new Promise((resolve) =>
  sip.send(
    {
      method: 'OPTIONS',
      uri: `sip:x@${host}:${port}`,
      headers: {
        to: { uri: 'sip:x@y' },
        from: { uri: 'sip:a@b', params: { tag: '1' } },
        'call-id': '1',
        cseq: { method: 'OPTIONS', seq: 1 },
      },
    },
    resolve,
  ),
);
console.log(answer.status, answer.reason);
sip.stop();
