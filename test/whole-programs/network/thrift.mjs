// thrift, by a service that is made by hand
import { once } from 'node:events';
import thrift from 'thrift';
import { host, listening } from '../kit.mjs';
class Processor {
  process(input, output) {
    const { fname, rseqid } = input.readMessageBegin();
    input.skip(thrift.Thrift.Type.STRUCT);
    input.readMessageEnd();
    output.writeMessageBegin(fname, thrift.Thrift.MessageType.REPLY, rseqid);
    output.writeStructBegin('r');
    output.writeFieldStop();
    output.writeStructEnd();
    output.writeMessageEnd();
    output.flush();
  }
}
const server = thrift.createServer({ Processor }, {});
const connection = thrift.createConnection(host, await listening(server), {
  transport: thrift.TFramedTransport,
});
await once(connection, 'connect');
console.log('connected');
connection.end();
server.close();
