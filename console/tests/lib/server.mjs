/** A real server for the tests: `atrail serve` on loopback, in a directory of its own, with people of several roles. */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

export const ROOT = path.resolve(import.meta.dirname, '../../..');
export const BINARY = path.resolve(process.env.ATRAIL_BINARY ?? path.join(ROOT, 'target/debug/atrail'));
/** The password of everybody whom a test adds. */
export const PASSWORD = 'correct horse battery';

/** Waits until `look` returns something; fails after `seconds` and names what did not happen. */
export async function until(look, what, seconds = 90) {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const found = await look();
    if (found) return found;
    if (Date.now() > end) throw new Error(`not within ${seconds} s: ${what}`);
    await new Promise((done) => setTimeout(done, 50));
  }
}

export class Server {
  /** Starts a server and reads its first credentials. `args`: more arguments of `atrail serve`. */
  static async start(args = []) {
    const server = new Server();
    server.dir = mkdtempSync(path.join(tmpdir(), 'atrail-console-'));
    // A debug build serves the files from disk: what is being edited, without a build.
    const ui = process.env.ATRAIL_CONSOLE_DIR;
    server.args = ui ? ['--console-dir', ui, ...args] : args;
    await server.run('127.0.0.1:0');
    Object.assign(server, JSON.parse(readFileSync(path.join(server.dir, 'data/initial-credentials.json'))));
    server.url = server.listening;
    return server;
  }

  async run(listen) {
    const data = path.join(this.dir, 'data');
    this.process = spawn(BINARY, ['serve', '--data', data, '--listen', listen, ...this.args], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.ended = new Promise((done) => { this.process.once('exit', done); });
    this.log = '';
    let printed = '';
    this.process.stdout.on('data', (text) => { printed += text; });
    this.process.stderr.on('data', (text) => { this.log = (this.log + text).slice(-20_000); });
    this.process.once('error', (error) => { this.log += error; });
    this.listening = await until(() => {
      if (this.process.exitCode !== null || this.log.startsWith('Error')) throw new Error(`the server did not start: ${this.log}`);
      return /listening on (\S+)/.exec(printed)?.[1];
    }, `the server listens: ${this.log}`);
  }

  /** Ends the process, `signal` as the machine or the operator would, and starts it again at the same address. */
  async restart(signal = 'SIGTERM') {
    this.process.kill(signal);
    await this.ended;
    await this.run(new URL(this.url).host);
  }

  async stop() {
    this.process.kill('SIGTERM');
    await this.ended;
    rmSync(this.dir, { recursive: true, force: true });
  }

  /** Calls the API with the first API key; returns the answer, which must be a success. */
  async api(method, where, body, { space = this.space, key = this.api_key } = {}) {
    const headers = { Authorization: `Bearer ${key}`, 'X-Auth-Project-Id': space };
    if (body !== undefined && typeof body !== 'string' && !(body instanceof Uint8Array)) {
      headers['Content-Type'] = 'application/json';
      body = JSON.stringify(body);
    }
    const response = await fetch(this.url + where, { method, headers, body });
    if (!response.ok) throw new Error(`${method} ${where}: ${response.status} ${await response.text()}`);
    return response;
  }

  async json(...call) {
    return (await this.api(...call)).json();
  }

  /** Sends events, lines of JSON, in requests of at most 8 MiB; returns their acknowledgements. */
  async send(lines, how) {
    const answers = [];
    let body = [];
    let size = 0;
    const flush = async () => {
      if (body.length) answers.push(await (await this.api('POST', '/v3/events', body.join('\n') + '\n', how)).json());
      body = [];
      size = 0;
    };
    for (const line of lines) {
      body.push(line);
      size += line.length;
      if (size > 8 << 20) await flush();
    }
    await flush();
    return answers;
  }

  /** Adds a user with a password, and the roles `[{role, space | account}]`. */
  async addUser(name, roles) {
    await this.api('POST', '/v3/users', { name, password: PASSWORD });
    for (const role of roles) await this.api('POST', '/v3/roles', { user: name, ...role });
    return { name, password: PASSWORD };
  }

  /** Adds a space of the first organization; returns its GUID. */
  async addSpace(name) {
    const relationships = { organization: { data: { guid: this.organization } } };
    return (await this.json('POST', '/v3/spaces', { name, relationships })).guid;
  }
}
