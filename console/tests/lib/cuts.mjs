/** A connection that is cut: passes bytes to a server, and ends downloads after as many bytes as it is told. */
import net from 'node:net';

export class Cuts {
  /** Listens on a free port before the server at `url`. */
  static async before(url) {
    const cuts = new Cuts();
    const { hostname, port } = new URL(url);
    cuts.open = new Set();
    /**
     * What happens to the next downloads, in their order: `{after: bytes of the body, stall, taken}`. One that stalls stays open;
     * one that is `taken` breaks when `whenTaken(download)` has come true, and any other at once, with bytes on their way.
     */
    cuts.plan = [];
    cuts.whenTaken = async () => {};
    /** Of each download: `{start, passed}`, the first byte that it asked for, and how many of the body were passed on. */
    cuts.downloads = [];
    /** How many of the plan have happened, and how many of these stalled. */
    cuts.made = 0;
    cuts.stalled = 0;
    cuts.listener = net.createServer((client) => cuts.pass(client, net.connect(Number(port), hostname)));
    await new Promise((done) => cuts.listener.listen(0, '127.0.0.1', done));
    cuts.url = `http://127.0.0.1:${cuts.listener.address().port}`;
    return cuts;
  }

  pass(client, server) {
    let download = null;
    let planned = null;
    let inBody = false;
    let isCut = false;
    const end = () => {
      // A download that never began, because there was no server, does not count.
      if (download && !download.passed && !isCut) {
        this.downloads.splice(this.downloads.indexOf(download), 1);
        if (planned) this.plan.unshift(planned);
        download = null;
      }
      client.destroy();
      server.destroy();
      this.open.delete(end);
    };
    this.open.add(end);
    for (const side of [client, server]) side.on('error', end).on('close', end);
    client.on('data', (bytes) => {
      const head = bytes.toString('latin1');
      if (head.startsWith('GET /v3/events/download')) {
        download = { start: Number(/\r\nrange: bytes=(\d+)-/i.exec(head)?.[1] ?? 0), passed: 0 };
        this.downloads.push(download);
        planned = this.plan.shift() ?? null;
        inBody = false;
      } else if (/^(GET|POST|PUT|DELETE) /.test(head)) {
        download = null;
      }
      server.write(bytes);
    });
    server.on('data', (bytes) => {
      // What comes behind a cut is read all the same: so the end of the server is noticed.
      if (isCut) return;
      if (!download) { client.write(bytes); return; }
      let head = 0;
      if (!inBody) {
        const at = bytes.indexOf('\r\n\r\n');
        head = at < 0 ? bytes.length : at + 4;
        inBody = at >= 0;
      }
      const left = planned ? planned.after - download.passed : Infinity;
      const body = Math.min(bytes.length - head, left);
      download.passed += body;
      if (head + body === bytes.length) { client.write(bytes); return; }
      const { stall, taken } = planned;
      isCut = true;
      client.write(bytes.subarray(0, head + body));
      const cut = () => {
        this.made += 1;
        if (stall) this.stalled += 1;
        else client.end(end);
      };
      if (taken) this.whenTaken(download).then(cut, end);
      else cut();
    });
  }

  stop() {
    for (const end of [...this.open]) end();
    this.listener.close();
  }
}
