/**
 * Tells systemd that a service is ready (sd_notify(3)): one datagram to the Unix socket that NOTIFY_SOCKET names.
 *
 *   NOTIFY_SOCKET=/run/systemd/notify node build/examples/sd-notify.js
 *
 * Without NOTIFY_SOCKET it plays both sides: a socket beside it receives what the service manager would.
 */
import { DatagramSocket, Ring } from 'ringlet';

/** @param state lines such as READY=1, STATUS=text, WATCHDOG=1. */
async function notify(ring: Ring, socketName: string, ...state: string[]): Promise<void> {
  // systemd writes an abstract name with @ in place of its NUL.
  const path = socketName.replace(/^@/, '\0');
  await using socket = await DatagramSocket.bind({ family: 'Unix', ring });
  await socket.send(state.join('\n'), { path });
}

// Node's own modules have no Unix datagram sockets, so there is nothing to fall back on.
await using ring = new Ring({ backend: 'io_uring' });
const { NOTIFY_SOCKET } = process.env;
if (NOTIFY_SOCKET) {
  await notify(ring, NOTIFY_SOCKET, 'READY=1', `MAINPID=${process.pid}`);
  console.log(`notified ${NOTIFY_SOCKET}`);
} else {
  const path = `\0ringlet-sd-notify-${process.pid}`;
  await using manager = await DatagramSocket.bind({ path, ancillary: ['credentials'], ring });
  await notify(ring, path, 'READY=1', 'STATUS=Serving');
  const message = await manager.receive({ signal: AbortSignal.timeout(2000) });
  // Any process can send here; the kernel says which it was.
  const isOurs = message.credentials?.pid === process.pid;
  console.log(
    `${message.data.toString().replace('\n', ', ')} from ${isOurs ? 'this process' : 'a stranger'}`,
  );
}
