// The worker that verifies and hashes. A classic script without imports, so that it also runs from a Blob URL; its
// Content-Security-Policy lets it compile the verifier and lets it connect nowhere. Nothing that it reads can leave.
'use strict';

/** Bytes of one slice of a file. */
const SLICE = 1 << 20;
/** Milliseconds between two reports of progress. */
const BEAT = 50;

/** Reads files at once, which only workers can. */
const Reader = globalThis['FileReaderSync'];

let verifier = null;
let input = null;

/** The file that the verifier reads, one slice at a time. */
class Input {
  constructor(file, report) {
    this.file = file;
    this.report = report;
    this.position = 0;
    this.slice = new Uint8Array(0);
    this.at = 0;
    this.error = null;
    this.told = 0;
  }

  /** Copies at most `length` bytes to `target`; returns their number, 0 at the end, -1 when the file cannot be read. */
  read(target) {
    if (this.at === this.slice.length) {
      if (!this.file || this.position >= this.file.size || target.length === 0) return 0;
      try {
        const blob = this.file.slice(this.position, this.position + SLICE);
        this.slice = new Uint8Array(new Reader().readAsArrayBuffer(blob));
      } catch (error) {
        this.error = error;
        return -1;
      }
      this.at = 0;
      this.position += this.slice.length;
      if (this.slice.length === 0) return 0;
    }
    const part = this.slice.subarray(this.at, this.at + target.length);
    target.set(part);
    this.at += part.length;
    const now = Date.now();
    if (now - this.told > BEAT) {
      this.told = now;
      this.report(this.position - this.slice.length + this.at);
    }
    return part.length;
  }

  /** Returns how many bytes the verifier has read. */
  get bytes() {
    return this.position - this.slice.length + this.at;
  }
}

async function load(bytes) {
  const host = {
    read: (at, length) => input.read(new Uint8Array(verifier.memory.buffer, at, length)),
  };
  const { instance } = await WebAssembly.instantiate(bytes, { host });
  verifier = instance.exports;
}

/** Calls an export of the verifier that receives and returns JSON. */
function ask(name, argument) {
  const bytes = new TextEncoder().encode(JSON.stringify(argument));
  const at = verifier.alloc(bytes.length) >>> 0;
  new Uint8Array(verifier.memory.buffer, at, bytes.length).set(bytes);
  const result = verifier[name](at, bytes.length) >>> 0;
  verifier.free(at, bytes.length);
  const length = new DataView(verifier.memory.buffer).getUint32(result, true);
  const text = new TextDecoder().decode(new Uint8Array(verifier.memory.buffer, result + 4, length));
  verifier.free(result, length + 4);
  return JSON.parse(text);
}

/** Returns the text of a file. What is not UTF-8 is no evidence, like an empty file. */
function textOf(source) {
  if (source == null || typeof source === 'string') return source ?? null;
  const bytes = new Reader().readAsArrayBuffer(source);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return '';
  }
}

/** Verifies a file against its receipt. */
function verify({ file, receipt, since, contains, keys }, report) {
  input = new Input(file, report);
  const text = textOf(receipt);
  const argument = { receipt: text, keys, since: textOf(since), contains: textOf(contains) };
  const result = ask('verify', argument);
  result.bytes = input.bytes;
  if (input.error) result.unread = String(input.error.message || input.error);
  result.facts = factsOf(text);
  return result;
}

/** Checks the proof of one event. */
function prove({ proof, event, keys }) {
  input = new Input(null, () => {});
  return ask('prove', { proof: textOf(proof), event: event ?? null, keys });
}

/** Returns what a receipt states: who made it, its domains with their days, and the deletions and holds on record. */
function factsOf(text) {
  try {
    const body = JSON.parse(text.slice(0, text.lastIndexOf('\n\n')));
    const objects = JSON.parse(body.manifest).objects;
    return {
      session: body.session, user: body.user, created: body.created, scope: body.scope,
      objects: objects.length,
      bytes: objects.reduce((sum, object) => sum + object.length, 0),
      domains: body.domains.map((domain) => domainFacts(domain, body.scope.hours)),
    };
  } catch {
    return null;
  }
}

function domainFacts(domain, hours) {
  const [origin, size, root] = domain.checkpoint.split('\n');
  const records = new Map();
  for (const { day, position, record } of domain.deletions) {
    records.set(`${day} ${position}`, JSON.parse(record).index);
  }
  const days = [];
  const deletions = [];
  for (const { day, entries } of domain.lists) {
    let standing = [];
    let removed = 0;
    entries.map((entry) => JSON.parse(entry)).forEach((entry, position) => {
      if (entry.type === 'seal') standing.push(...entry.segments);
      if (entry.type !== 'delete') return;
      standing = standing.filter(({ hour }) => hour < entry.hours.first || hour > entry.hours.last);
      removed += entry.events;
      deletions.push({
        record: records.get(`${day} ${position}`) ?? null, day, hours: entry.hours, events: entry.events,
        kind: entry.kind, actor: entry.actor, time: entry.time, reason: entry.reason,
      });
    });
    const inHours = standing.filter(({ hour }) => hour >= hours.first && hour <= hours.last);
    const events = inHours.reduce((sum, segment) => sum + segment.count, 0);
    days.push({ day, events, segments: inHours.length, removed });
  }
  const holds = new Map();
  for (const entry of domain.control.map((text) => JSON.parse(text))) {
    if (entry.type === 'hold') holds.set(entry.level, { actor: entry.actor, time: entry.time, reason: entry.reason });
    if (entry.type === 'release') holds.delete(entry.level);
  }
  return { domain: domain.domain, origin, size: Number(size), root, days, deletions, holds: [...holds.values()] };
}

/** SHA-256 (FIPS 180-4) of bytes that arrive one part after the other. */
class Sha256 {
  constructor() {
    this.state = new Int32Array(Sha256.START);
    this.words = new Int32Array(64);
    this.rest = new Uint8Array(64);
    this.held = 0;
    this.length = 0;
  }

  add(bytes) {
    this.length += bytes.length;
    let at = 0;
    if (this.held) {
      at = Math.min(64 - this.held, bytes.length);
      this.rest.set(bytes.subarray(0, at), this.held);
      this.held += at;
      if (this.held < 64) return this;
      this.block(this.rest, 0);
    }
    for (; at + 64 <= bytes.length; at += 64) this.block(bytes, at);
    this.rest.set(bytes.subarray(at));
    this.held = bytes.length - at;
    return this;
  }

  block(bytes, from) {
    const { state, words } = this;
    const ROUND = Sha256.ROUND;
    for (let i = 0, at = from; i < 16; i += 1, at += 4) {
      words[i] = (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
    }
    for (let i = 16; i < 64; i += 1) {
      const a = words[i - 15];
      const b = words[i - 2];
      const s0 = ((a >>> 7) | (a << 25)) ^ ((a >>> 18) | (a << 14)) ^ (a >>> 3);
      const s1 = ((b >>> 17) | (b << 15)) ^ ((b >>> 19) | (b << 13)) ^ (b >>> 10);
      words[i] = (words[i - 16] + s0 + words[i - 7] + s1) | 0;
    }
    let a = state[0];
    let b = state[1];
    let c = state[2];
    let d = state[3];
    let e = state[4];
    let f = state[5];
    let g = state[6];
    let h = state[7];
    for (let i = 0; i < 64; i += 1) {
      const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
      const one = (h + s1 + ((e & f) ^ (~e & g)) + ROUND[i] + words[i]) | 0;
      const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
      const two = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g; g = f; f = e; e = (d + one) | 0; d = c; c = b; b = a; a = (one + two) | 0;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
    state[5] += f;
    state[6] += g;
    state[7] += h;
  }

  /** Returns the hash in hexadecimal. */
  end() {
    const bits = this.length * 8;
    const tail = new Uint8Array(this.held < 56 ? 64 - this.held : 128 - this.held);
    tail[0] = 0x80;
    const view = new DataView(tail.buffer);
    view.setUint32(tail.length - 8, Math.floor(bits / 2 ** 32));
    view.setUint32(tail.length - 4, bits >>> 0);
    this.add(tail);
    return [...this.state].map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
  }
}

/** The first 32 bits behind the point of the `root`th roots of the first primes: what FIPS 180-4 §4.2.2, §5.3.3 list. */
function fractions(count, root) {
  const primes = [];
  for (let n = 2; primes.length < count; n += 1) if (primes.every((p) => n % p)) primes.push(n);
  return primes.map((p) => {
    const value = BigInt(p) << (32n * BigInt(root));
    let low = 0n;
    let high = 1n << 37n;
    while (high - low > 1n) {
      const middle = (low + high) >> 1n;
      if (middle ** BigInt(root) <= value) low = middle; else high = middle;
    }
    return Number(BigInt.asIntN(32, low));
  });
}
Sha256.START = fractions(8, 2);
Sha256.ROUND = new Int32Array(fractions(64, 3));

let hash = null;

const jobs = {
  load: ({ wasm }) => load(wasm),
  verify,
  prove,
  facts: ({ receipt }) => factsOf(textOf(receipt)),
  begin: () => { hash = new Sha256(); },
  add: ({ bytes }) => { hash.add(bytes); },
  end: () => hash.end(),
};

self.onmessage = async ({ data }) => {
  const { id, job } = data;
  const report = (bytes) => self.postMessage({ id, progress: bytes });
  try {
    self.postMessage({ id, result: (await jobs[job](data, report)) ?? null });
  } catch (error) {
    self.postMessage({ id, error: String(error?.message || error) });
  }
};
