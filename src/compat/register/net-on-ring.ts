/** What stands in for Node's sockets and servers, loaded when there is a call for one. */
export { connect, Socket } from '../net/index.js';
export { listenOn } from '../net/server.js';
