// Checks files in a worker: `atrail verify`, compiled to WASM. The page hands the worker the WASM and the files; the
// worker itself can connect nowhere.

/** Largest receipt that is checked here, in bytes; larger ones need the command line. */
export const MAX_RECEIPT_BYTES = 256 * 2 ** 20;

/** What a single file embeds in place of the server's assets: `{worker: text, wasm: Uint8Array}`. */
let inlined = null;
let wasmBytes = null;
let policy = null;

/** Files that another screen hands to the Verify screen. */
export const handed = [];

/** Uses an embedded worker and verifier, for a page that is opened from disk. Call it before the first check. */
export function inline(parts) {
  inlined = parts;
}

/** Whether this page is one file that was opened from disk. */
export const isInlined = () => inlined !== null;

/** Fetches the verifier once. */
function preload() {
  wasmBytes ??= readWasm().catch((error) => {
    wasmBytes = null;
    throw error;
  });
  return wasmBytes;
}

async function readWasm() {
  if (inlined) return inlined.wasm;
  const response = await fetch(new URL('wasm/verifier.wasm', import.meta.url));
  if (!response.ok) throw new Error(`the verifier could not be loaded: ${response.status}`);
  return response.arrayBuffer();
}

/** The worker's address, the same for every worker of this page. */
let address = null;

/** The one thing that this page's Trusted Types policy makes: the address of its own worker. */
function workerAddress() {
  address ??= inlined
    ? URL.createObjectURL(new Blob([inlined.worker], { type: 'text/javascript' }))
    : new URL('worker.js', import.meta.url).href;
  policy ??= globalThis.trustedTypes?.createPolicy('atrail', {
    createScriptURL: (url) => {
      if (url !== address) throw new TypeError('not the address of the worker');
      return url;
    },
  }) ?? { createScriptURL: (url) => url };
  return policy.createScriptURL(address);
}

/** A worker that answers one job after the other. */
export class Checker {
  constructor() {
    this.worker = null;
    this.next = 0;
    this.open = new Map();
    this.loaded = null;
  }

  start() {
    if (this.worker) return;
    const worker = new Worker(workerAddress());
    worker.onmessage = ({ data }) => this.answer(data);
    worker.onerror = (event) => this.fail(new Error(event.message || 'the worker did not start'));
    this.worker = worker;
  }

  answer({ id, progress, result, error }) {
    const job = this.open.get(id);
    if (!job) return;
    if (progress !== undefined) {
      job.onProgress?.(progress);
      return;
    }
    this.open.delete(id);
    if (error === undefined) job.resolve(result);
    else job.reject(new Error(error));
  }

  fail(error) {
    for (const job of this.open.values()) job.reject(error);
    this.open.clear();
    this.stop();
  }

  /** Ends the worker. What it was doing is rejected with an `AbortError`. */
  stop() {
    this.worker?.terminate();
    this.worker = null;
    this.loaded = null;
    for (const job of this.open.values()) job.reject(new DOMException('stopped', 'AbortError'));
    this.open.clear();
  }

  /**
   * Gives the worker a job, and resolves with its result.
   * @param {{onProgress?: (bytes: number) => void, transfer?: Transferable[]}} [options]
   */
  run(job, argument = {}, options = {}) {
    const { onProgress, transfer = [] } = options;
    this.start();
    this.next += 1;
    const id = this.next;
    return new Promise((resolve, reject) => {
      this.open.set(id, { resolve, reject, onProgress });
      this.worker.postMessage({ id, job, ...argument }, transfer);
    });
  }

  /** Has the worker compile the verifier, once. */
  ready() {
    if (this.loaded) return this.loaded;
    const loading = preload().then((wasm) => this.run('load', { wasm }));
    this.loaded = loading;
    loading.catch(() => { if (this.loaded === loading) this.loaded = null; });
    return loading;
  }
}

/** The worker that verifies. It starts when a screen that needs it opens, and stays, so that checks need no network. */
const shared = new Checker();

/** Loads the verifier and starts its worker: from then on, checks need no network. */
export const prepare = () => shared.ready();

/**
 * Has the worker do a job. An abort ends the worker, which cannot be interrupted otherwise, and starts the next one.
 * @param {{signal?: AbortSignal, onProgress?: (bytes: number) => void}} options
 */
async function inWorker(job, argument, options) {
  const { signal, onProgress } = options;
  signal?.throwIfAborted();
  await prepare();
  signal?.throwIfAborted();
  const stop = () => { shared.stop(); prepare().catch(() => {}); };
  signal?.addEventListener('abort', stop);
  try {
    return await shared.run(job, argument, { onProgress });
  } finally {
    signal?.removeEventListener('abort', stop);
  }
}

/**
 * Verifies a download. `file` is a Blob, `receipt`, `since` and `contains` are Blobs or texts, `keys` the server's
 * known verifier keys; `onProgress` is called with the bytes that were read. Resolves with the members that
 * `atrail verify --format json` prints, and `code` (0 proven, 1 wrong, 3 open), `text` (its words), `bytes` and `facts`.
 */
export async function check({ file, receipt, since = null, contains = null, keys = [], onProgress, signal }) {
  const size = receipt instanceof Blob ? receipt.size : receipt.length;
  if (size > MAX_RECEIPT_BYTES) throw new RangeError('receipt too large');
  return settle(await inWorker('verify', { file, receipt, since, contains, keys }, { signal, onProgress }));
}

/** Checks the proof of one event, a Blob or a text; resolves with the members of `atrail verify --proof`. */
export async function checkProof({ proof, event = null, keys = [], signal }) {
  return settle(await inWorker('prove', { proof, event, keys }, { signal }));
}

/** Names the outcome. A file that could not be read leaves the result open, unless a fault was found before. */
function settle(result) {
  const code = result.code ?? { proven: 0, failed: 1, inconclusive: 3 }[result.outcome] ?? 2;
  const outcome = result.outcome ?? { 0: 'proven', 1: 'failed', 3: 'inconclusive' }[code] ?? 'usage';
  return { findings: [], domains: [], text: '', ...result, code, outcome };
}

/** What a file is, by its first bytes: `receipt`, `proof`, `acks`, or `download`. */
export async function kindOf(file) {
  const head = await file.slice(0, 4096).arrayBuffer();
  const text = new TextDecoder().decode(head);
  if (text.startsWith('c2sp.org/tlog-proof@')) return 'proof';
  if (/^\s*\{\s*"type"\s*:\s*"atrail-receipt"/.test(text) || /\.receipt$/.test(file.name)) return 'receipt';
  if (/^\s*\{[^{}]*"value"\s*:\s*"[A-Za-z0-9+/]{43}="[^{}]*\}/.test(text)) return 'acks';
  return 'download';
}

/** What a check can be made of: downloads with their receipts, an earlier receipt, acknowledgements, or proofs. */
export function pairUp(files) {
  const of = (kind) => files.filter((file) => file.kind === kind);
  const downloads = of('download');
  const receipts = of('receipt');
  const free = new Set(receipts);
  const pairs = downloads.map((download) => {
    const receipt = receipts.find(({ name }) => name === `${download.name}.receipt`);
    free.delete(receipt);
    return { download, receipt: receipt ?? null };
  });
  const lone = pairs.filter((pair) => !pair.receipt);
  const spare = [...free].sort((a, b) => (a.created < b.created ? 1 : -1));
  if (lone.length === 1 && spare.length > 0) {
    lone[0].receipt = spare.shift();
  }
  return { pairs, since: spare[0] ?? null, unused: spare.slice(1), acks: of('acks')[0] ?? null, proofs: of('proof') };
}

/** The time at which a receipt says that it was made, from its first bytes; '' for none. */
export async function createdOf(file) {
  const text = await file.slice(0, 2048).text();
  return /"created"\s*:\s*"([^"\\]{1,40})"/.exec(text)?.[1] ?? '';
}
