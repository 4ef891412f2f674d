/** Parts of saving: what this browser keeps of downloads, the bytes of an answer, when they become permanent, and waiting. */

/** Bytes of an answer that may wait in memory. */
const MAX_WAITING = 8 * 2 ** 20;
/** Share of the time that may go into making the file's bytes permanent, as a divisor. */
const COMMIT_SHARE = 10;
const MIN_COMMIT_MS = 4000;

/** The chunks of a body. All that arrived before a cut come before the error: the browser's own stream drops them. */
export async function* parts(body) {
  const reader = body.getReader();
  const waiting = [];
  let [bytes, isOver, error] = [0, false, null];
  let [arrived, taken] = [() => {}, () => {}];
  const pump = async () => {
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        waiting.push(value);
        bytes += value.length;
        arrived();
        while (bytes > MAX_WAITING && !isOver) await new Promise((resolve) => { taken = () => resolve(null); });
        if (isOver) return;
      }
    } catch (problem) {
      error = problem;
    }
    isOver = true;
    arrived();
  };
  pump();
  try {
    for (;;) {
      const chunk = waiting.shift();
      if (chunk) {
        bytes -= chunk.length;
        taken();
        yield chunk;
      } else if (isOver) break;
      else await new Promise((resolve) => { arrived = () => resolve(null); });
    }
    if (error) throw error;
  } finally {
    isOver = true;
    taken();
    await reader.cancel().catch(() => {});
  }
}

/** Closing a writer makes the file permanent, and opening the next one may copy it: not too often. */
export class Commits {
  constructor() {
    this.last = Date.now();
    this.took = 0;
  }

  isDue() {
    return Date.now() - this.last > Math.max(MIN_COMMIT_MS, this.took * COMMIT_SHARE);
  }

  /** Closes the writer, and returns one that goes on at `written`. */
  async commit(writer, record, written) {
    const began = Date.now();
    await writer.close();
    await keep(record);
    const next = await record.handle.createWritable({ keepExistingData: true });
    await next.seek(written);
    this.last = Date.now();
    this.took = this.last - began;
    return next;
  }
}

/** How long the rest takes at the pace so far, in seconds; null in the first two. */
export class Pace {
  constructor(start, total) {
    this.start = start;
    this.total = total;
    this.began = Date.now();
  }

  left(position) {
    const seconds = (Date.now() - this.began) / 1000;
    return seconds < 2 || position === this.start ? null : Math.ceil((this.total - position) * seconds / (position - this.start));
  }
}

/** Waits, or until the signal ends it. */
export const pass = (ms, signal) => new Promise((resolve) => {
  const timer = setTimeout(resolve, ms, null);
  signal.addEventListener('abort', () => { clearTimeout(timer); resolve(null); }, { once: true });
});

/* What this browser keeps of downloads, in IndexedDB: the handles of the files, and how far they are checked. */

function database() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open('atrail', 1);
    request.onupgradeneeded = () => request.result.createObjectStore('saves', { keyPath: 'id' });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** Runs a request on the store of downloads, in a transaction of its own, and returns its result. */
export async function stored(mode, act) {
  const db = await database();
  try {
    return await new Promise((resolve, reject) => {
      const transaction = db.transaction('saves', mode);
      const request = act(transaction.objectStore('saves'));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onerror = () => reject(transaction.error);
      transaction.onabort = () => reject(transaction.error);
    });
  } finally {
    db.close();
  }
}

/** Keeps the record of a download. */
export const keep = (record) => stored('readwrite', (store) => store.put(record));
