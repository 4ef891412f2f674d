/** What this browser keeps of downloads, in IndexedDB: the handles of the files, and how far they are checked. */

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
