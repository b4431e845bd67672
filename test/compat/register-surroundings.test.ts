/** Programs that do things to Node's modules, and processes in which ringlet has no say, under `ringlet/register`. */
import { expect } from 'chai';
import { join } from 'node:path';
import { expectCleanExit, PACKAGE_ROOT, runProgram } from '../support/child.js';
import { skip } from '../support/skip.js';
import { temporaryDirectory } from '../support/temporary.js';

const REGISTER = join(PACKAGE_ROOT, 'dist/compat/register/index.cjs');

/** Uses all of it, and prints what came of it. */
const USES = `
  const check = async () => {
    const [fs, net, dgram, { once }, { promisify }] = ['fs', 'net', 'dgram', 'events', 'util'].map((name) => require(name));
    const told = [(await promisify(fs.stat)(__filename)).isFile(), (await fs.promises.readFile(__filename)).length > 0];
    const fd = await promisify(fs.open)(__filename);
    told.push((await promisify(fs.read)(fd, Buffer.alloc(3), 0, 3, 0)).bytesRead);
    await promisify(fs.close)(fd);
    const server = net.createServer((socket) => socket.end('hello')).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const client = net.connect(server.address().port, '127.0.0.1');
    told.push(String((await once(client, 'data'))[0]));
    server.close();
    const socket = dgram.createSocket('udp4').bind(0, '127.0.0.1');
    await once(socket, 'listening');
    socket.send('x', socket.address().port, '127.0.0.1');
    told.push(String((await once(socket, 'message'))[0]));
    socket.close();
    return told.join(' ');
  };
`;
const FINE = 'true true 3 hello x';

describe('ringlet/register: surroundings', () => {
  const directory = temporaryDirectory();

  async function run(source: string, flags: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const path = directory.file('program.cjs', source);
    const outcome = await runProgram([process.execPath, ...flags, path], {
      env: { NODE_DEBUG: 'ringlet', ...env },
    });
    expectCleanExit(outcome);
    return outcome;
  }

  const programs: Readonly<Record<string, string>> = {
    'a worker thread': `
      const { Worker, isMainThread, parentPort } = require('worker_threads');
      ${USES}
      if (isMainThread) new Worker(__filename).on('message', console.log);
      else check().then((told) => parentPort.postMessage(told));`,
    'the process of a cluster': `
      const cluster = require('cluster');
      ${USES}
      if (cluster.isPrimary) cluster.fork().on('message', (told) => console.log(told));
      else check().then((told) => process.send(told, () => process.disconnect()));`,
    'a context of node:vm': `
      const vm = require('vm');
      ${USES}
      const inside = vm.runInNewContext('(' + check + ')', { require, Buffer, __filename });
      inside().then(console.log);`,
    'what wraps each call, as graceful-fs does': `
      const fs = require('fs');
      for (const name of ['stat', 'open', 'close', 'read', 'closeSync', 'readFile']) {
        const wrapped = fs[name];
        fs[name] = Object.assign(function (...all) { return wrapped.apply(this, all); }, wrapped);
        if (Object.setPrototypeOf) Object.setPrototypeOf(fs[name], wrapped);
      }
      ${USES}
      fs.read[require('util').promisify.custom] = undefined;
      check().then(console.log, (error) => console.log(error));`,
    'a spy that traces connections': `
      const net = require('net');
      let connects = 0;
      const { connect } = net.Socket.prototype;
      net.Socket.prototype.connect = function (...all) { connects++; return connect.apply(this, all); };
      ${USES}
      check().then((told) => console.log(connects === 1 ? told : connects));`,
  };
  for (const [title, source] of Object.entries(programs)) {
    it(`${title}: all works`, async () => {
      expect((await run(source, ['--require', REGISTER])).stdout.trim()).to.equal(FINE);
    });
  }

  it('a mock takes the place of a call, and gives it back', async () => {
    const source = `
      const { mock } = require('node:test');
      const fs = require('fs');
      const real = fs.stat;
      mock.method(fs, 'stat', (path, callback) => callback(null, 'mocked'));
      fs.stat('x', (error, told) => console.log(told));
      mock.restoreAll();
      console.log(fs.stat === real);`;
    expect((await run(source, ['--require', REGISTER])).stdout).to.equal('mocked\ntrue\n');
  });

  it('what took a call before keeps Node’s, and both work', async () => {
    const source = `
      const early = { ...require('fs') };
      const { connect } = require('net');
      require(${JSON.stringify(REGISTER)});
      ${USES}
      early.stat(__filename, (error, stats) => check().then((told) => console.log(stats.isFile(), connect === require('net').connect, told)));`;
    expect((await run(source, [])).stdout.trim()).to.equal(`true false ${FINE}`);
  });

  it('RINGLET_BACKEND=node and --no-addons: all is Node’s, and one line says so', async () => {
    const source = `${USES} check().then((told) => console.log(told, require('net').connect(1).on('error', () => {})._handle !== null));`;
    const asked = await run(source, ['--require', REGISTER], { RINGLET_BACKEND: 'node' });
    const without = await run(source, ['--no-addons', '--require', REGISTER]);
    for (const { stdout } of [asked, without]) expect(stdout.trim()).to.equal(`${FINE} true`);
    expect(asked.stderr).to.contain("register: everything left to Node: RINGLET_BACKEND is 'node'");
    expect(without.stderr).to.contain('register: everything left to Node: there is no ring');
  });

  it('under the permission model Node’s own calls refuse', async function () {
    const flag = ['--permission', '--experimental-permission'].find((each) =>
      process.allowedNodeEnvironmentFlags.has(each),
    );
    if (flag === undefined) skip(this, 'this Node has no permission model');
    const source = `
      const fs = require('fs');
      fs.stat('/etc/passwd', (error) => fs.promises.readFile('/etc/passwd').catch(({ code }) => console.log(error?.code, code)));`;
    const allowed = ['--allow-fs-read', PACKAGE_ROOT, '--allow-fs-read', directory.path];
    const flags = [
      flag,
      ...allowed.flatMap((each, index) => (index % 2 ? [] : [`${each}=${allowed[index + 1]}*`])),
    ];
    const { stdout, stderr } = await run(source, [...flags, '--require', REGISTER]);
    expect(stdout).to.equal('ERR_ACCESS_DENIED ERR_ACCESS_DENIED\n');
    expect(stderr).to.contain('register: everything left to Node: the permission model is on');
  });
});
