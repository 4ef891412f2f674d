/**
 * Save and check: fetches a session into a file of the user's, checks each object of the manifest while it arrives, and
 * goes on from the last checked one after a cut, a reload, or a closed tab. Then it verifies the file with its receipt.
 */
import { signal } from './vendor/preact.js';
import { call } from './api.js';
import { Checker, check } from './verify.js';
import { pinned } from './pins.js';
import { Commits, Pace, keep, parts, pass, stored } from './flow.js';

/** By session: `{id, name, state, done, objects, bytes, total, left, error, retryIn, outcome, result}`. */
export const saves = signal(new Map());
/** Whether this browser can write into a file that the user chooses. */
export const canSave = () => typeof globalThis.showSaveFilePicker === 'function';

/** Seconds between two attempts to reach the server, at most. */
const MAX_WAIT_S = 30;

const running = new Map();

function show(id, change) {
  const all = new Map(saves.value);
  all.set(id, { ...all.get(id), ...change });
  saves.value = all;
}

/** Reads what this user began in earlier visits, of the sessions `ids`; what is of sessions that ended is forgotten. */
export async function restore(user, ids) {
  if (!canSave()) return;
  for (const record of await stored('readonly', (store) => store.getAll())) {
    if (record.user !== user || running.has(record.id)) continue;
    if (!ids.has(record.id)) {
      await forget(record.id);
      continue;
    }
    if (saves.value.has(record.id)) continue;
    const { id, name, done, objects, bytes, total, outcome } = record;
    show(id, { id, name, done, objects, bytes, total, outcome, state: outcome ? 'done' : 'paused' });
  }
}

/** Forgets a download. The file stays where it is. */
export async function forget(id) {
  pause(id);
  await stored('readwrite', (store) => store.delete(id));
  const all = new Map(saves.value);
  all.delete(id);
  saves.value = all;
}

/* Beginning and going on. Both need a click: the browser asks the user. */

/** Asks where to save, and begins. `name` is the name of the download, `user` whose session it is. */
export async function begin({ id, etag, total, name, user }) {
  const handle = await globalThis.showSaveFilePicker({ suggestedName: name });
  let receiptHandle = null;
  try {
    receiptHandle = await globalThis.showSaveFilePicker({ suggestedName: `${handle.name}.receipt`, startIn: handle });
  } catch {
    // Without a place for it, the receipt is still checked, and can be downloaded by its link.
  }
  const record = { id, user, etag, total, name: handle.name, handle, receiptHandle, done: 0, objects: 0, bytes: 0, inObject: 0, outcome: null };
  await keep(record);
  return run(record);
}

/** Goes on with a download of an earlier visit. */
export async function resume(id) {
  const record = await stored('readonly', (store) => store.get(id));
  for (const handle of [record.handle, record.receiptHandle].filter(Boolean)) {
    const granted = await handle.requestPermission?.({ mode: 'readwrite' }) ?? 'granted';
    if (granted !== 'granted') throw new DOMException('refused', 'NotAllowedError');
  }
  return run({ ...record, inObject: 0 });
}

/** Returns the saved file and its receipt, as files. */
export async function filesOf(id) {
  const { handle, receiptHandle, name } = await stored('readonly', (store) => store.get(id));
  const file = await handle.getFile();
  if (receiptHandle) return [file, await receiptHandle.getFile()];
  return [file, new File([await receiptText({ id })], `${name}.receipt`)];
}

/** Stops a download; what is checked stays. */
export function pause(id) {
  running.get(id)?.abort();
}

async function run(record) {
  const { id } = record;
  if (running.has(id)) return;
  const control = new AbortController();
  running.set(id, control);
  try {
    await navigator.locks.request(`atrail-save-${id}`, { ifAvailable: true }, async (lock) => {
      if (!lock) throw new Error('elsewhere');
      await fetchAll(record, control.signal);
      await verifySaved(record, control.signal);
    });
  } catch (error) {
    if (error.name === 'AbortError') show(id, { state: 'paused', error: null, left: null });
    else show(id, { state: error.status === 410 ? 'gone' : 'stopped', error, left: null });
  } finally {
    running.delete(id);
  }
}

/** Reads the manifest, whose hash is the session's entity tag. */
async function manifestOf({ id, etag }, signal) {
  const response = await call('GET', `/v3/sessions/${id}/manifest`, null, { signal, raw: 'response' });
  const bytes = await response.arrayBuffer();
  const hash = [...new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))];
  if (hash.map((byte) => byte.toString(16).padStart(2, '0')).join('') !== etag) throw new Error('manifest');
  return JSON.parse(new TextDecoder().decode(bytes)).objects;
}

async function fetchAll(record, signal) {
  const { id } = record;
  show(id, { id, name: record.name, total: record.total, state: 'saving', error: null, done: record.done, objects: record.objects, bytes: record.bytes, outcome: null });
  const objects = await patiently(id, signal, () => manifestOf(record, signal));
  record.objects = objects.length;
  show(id, { objects: objects.length });
  await patiently(id, signal, () => saveReceipt(record, signal));
  const checker = new Checker();
  try {
    let twice = -1;
    while (record.done < objects.length) {
      try {
        await patiently(id, signal, () => stream(record, objects, checker, signal));
      } catch (error) {
        // Bytes that changed on their way are fetched once more; bytes that the server has wrong stay wrong.
        if (error.object === undefined || error.object === twice) throw error;
        twice = error.object;
      }
    }
  } finally {
    checker.stop();
  }
}

/** Repeats what failed for want of the server, until it succeeds or is stopped. */
async function patiently(id, signal, work) {
  for (let wait = 1; ; wait = Math.min(wait * 2, MAX_WAIT_S)) {
    signal.throwIfAborted();
    const before = saves.value.get(id)?.bytes;
    try {
      const result = await work();
      show(id, { state: 'saving', retryIn: null });
      return result;
    } catch (error) {
      signal.throwIfAborted();
      const isTransient = error.status === 0 || error.status === 429 || error.status >= 500 || error instanceof TypeError;
      if (!isTransient) throw error;
      // A connection that brought something is followed by the next one at once.
      const isMoving = saves.value.get(id)?.bytes !== before && !error.retryAfter;
      if (isMoving) wait = 0.5;
      const seconds = isMoving ? 0.2 : Math.max(wait, error.retryAfter ?? 0);
      if (!isMoving) show(id, { state: 'waiting', retryIn: seconds, left: null });
      await pass(seconds * 1000, signal);
    }
  }
}

const receiptText = ({ id }, signal) => call('GET', `/v3/sessions/${id}/receipt`, null, { signal, raw: true });

async function saveReceipt(record, signal) {
  if (!record.receiptHandle || record.isReceiptSaved) return;
  const text = await receiptText(record, signal);
  const writer = await record.receiptHandle.createWritable();
  await writer.write(text);
  await writer.close();
  record.isReceiptSaved = true;
  await keep(record);
}

/** Fetches from the first byte that is not hashed, until the end or a cut. After a reload, that is the beginning of an object. */
async function stream(record, objects, checker, signal) {
  const { id, etag, handle } = record;
  const reached = objects.slice(0, record.done).reduce((sum, { length }) => sum + length, 0);
  // A file that was cut or emptied meanwhile begins anew: no gap is ever filled with zeros.
  if ((await handle.getFile()).size < reached + record.inObject) Object.assign(record, { done: 0, inObject: 0 });
  const start = record.done ? reached + record.inObject : record.inObject;
  const headers = start ? { Range: `bytes=${start}-`, 'If-Range': `"${etag}"` } : {};
  // The file is open before the answer begins: nothing that arrives waits for it.
  let writer = await handle.createWritable({ keepExistingData: true });
  try {
    await writer.truncate(start);
    await writer.seek(start);
    const response = await call('GET', `/v3/events/download?session=${id}`, null, { signal, raw: 'response', headers });
    if (start && response.status !== 206) throw new Error('range');
    const commits = new Commits();
    const pace = new Pace(start, record.total);
    if (record.inObject === 0) await checker.run('begin');
    let [position, written] = [start, start];
    for await (const chunk of parts(response.body)) {
      await writer.write(chunk);
      written += chunk.length;
      let at = 0;
      while (at < chunk.length || (record.done < objects.length && objects[record.done].length === record.inObject)) {
        const object = objects[record.done];
        if (!object) throw new Error('extra');
        const part = chunk.slice(at, at + object.length - record.inObject);
        const { length } = part;
        at += length;
        await checker.run('add', { bytes: part }, { transfer: [part.buffer] });
        record.inObject += length;
        position += length;
        if (record.inObject < object.length) continue;
        record.inObject = 0;
        if (await checker.run('end') !== object.sha256) throw Object.assign(new Error('object'), { object: record.done });
        record.done += 1;
        record.bytes = position;
        await checker.run('begin');
        if (commits.isDue()) writer = await commits.commit(writer, record, written);
      }
      show(id, { state: 'saving', done: record.done, bytes: position, left: pace.left(position) });
    }
    if (record.done < objects.length) throw Object.assign(new Error('cut'), { status: 0 });
  } finally {
    // What is checked becomes permanent, whatever ended the answer.
    await writer.close().catch(() => {});
    await keep(record);
    show(id, { done: record.done, bytes: record.bytes + record.inObject });
  }
}

/** Verifies the saved file against its receipt with the pinned key. */
async function verifySaved(record, signal) {
  const { id } = record;
  show(id, { state: 'checking', done: record.objects, bytes: 0, left: null });
  const receipt = await patiently(id, signal, () => receiptText(record, signal));
  show(id, { state: 'checking', bytes: 0 });
  const file = await record.handle.getFile();
  const pin = pinned();
  const result = await check({
    file, receipt, keys: pin ? [pin.key, ...pin.earlier] : [], signal, onProgress: (bytes) => show(id, { bytes }),
  });
  record.outcome = result.outcome;
  record.bytes = file.size;
  await keep(record);
  show(id, { state: 'done', outcome: result.outcome, result, bytes: file.size });
}
