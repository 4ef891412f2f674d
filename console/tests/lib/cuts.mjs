/** A connection that is cut: passes bytes to a server, and ends downloads after as many bytes as it is told. */
import net from 'node:net';

export class Cuts {
  /** Listens on a free port before the server at `url`. */
  static async before(url) {
    const cuts = new Cuts();
    const { hostname, port } = new URL(url);
    cuts.open = new Set();
    /** Bytes after which the next downloads end, in their order. */
    cuts.plan = [];
    /** The first byte that each download asked for. */
    cuts.starts = [];
    cuts.made = 0;
    cuts.listener = net.createServer((client) => cuts.pass(client, net.connect(Number(port), hostname)));
    await new Promise((done) => cuts.listener.listen(0, '127.0.0.1', done));
    cuts.url = `http://127.0.0.1:${cuts.listener.address().port}`;
    return cuts;
  }

  pass(client, server) {
    let left = Infinity;
    const end = () => { client.destroy(); server.destroy(); this.open.delete(end); };
    this.open.add(end);
    for (const side of [client, server]) side.on('error', end).on('close', end);
    client.on('data', (bytes) => {
      const head = bytes.toString('latin1');
      if (head.startsWith('GET /v3/events/download')) {
        this.starts.push(Number(/\r\nrange: bytes=(\d+)-/i.exec(head)?.[1] ?? 0));
        left = this.plan.shift() ?? Infinity;
      }
      server.write(bytes);
    });
    server.on('data', (bytes) => {
      if (bytes.length <= left) {
        left -= bytes.length;
        client.write(bytes);
        return;
      }
      if (client.writableEnded) return;
      this.made += 1;
      // What was sent before the cut arrives: the connection ends behind it.
      client.end(bytes.subarray(0, left), end);
      left = 0;
    });
  }

  stop() {
    for (const end of [...this.open]) end();
    this.listener.close();
  }
}
