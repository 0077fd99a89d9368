// A TCP proxy on a port of its own, whose connections a test can cut.
import { connect, createServer } from 'node:net';

export class Proxy {
  // `port`: where to; it may be changed.
  static async start(port) {
    const own = Object.assign(new Proxy(), { port, pairs: new Set(), accepted: 0, cutAmid: 0 });
    own.server = createServer((client) => own.join(client));
    await new Promise((resolve) => own.server.listen(0, '127.0.0.1', resolve));
    own.listening = own.server.address().port;
    return own;
  }

  join(client) {
    this.accepted++;
    const server = connect(this.port, '127.0.0.1'), pair = { client, server, left: Infinity };
    this.pairs.add(pair);
    const end = () => {
      client.destroy();
      server.destroy();
      this.pairs.delete(pair);
    };
    for (const socket of [client, server])
      socket.on('error', end).on('close', end);
    client.on('data', (data) => server.write(data));
    server.on('data', (data) => {
      if (!this.silent)
        client.write(data.subarray(0, pair.left));
      pair.left -= data.length;
      if (pair.left <= 0 && this.pairs.has(pair)) {
        this.cutAmid++;
        end();
      }
    });
  }

  // Cuts each connection when so many more bytes have come from the server.
  cutAfter(bytes) {
    for (const pair of this.pairs)
      pair.left = bytes;
  }

  cut() {
    for (const { client, server } of this.pairs) {
      client.destroy();
      server.destroy();
    }
  }

  async stop() {
    this.cut();
    await new Promise((resolve) => this.server.close(resolve));
  }
}
