// The server's evidence key, as this browser remembers it. Public data: the only thing about a server that stays here.

const PLACE = 'atrail.pin';

/** A verifier key: `NAME+HEX(key id)+BASE64(0x01 ‖ public key)`. */
const VKEY = /^[^+\s\p{Cc}]{1,255}\+[0-9a-f]{8}\+[A-Za-z0-9+/]{44}$/u;

const bytesOf = (base64) => Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));

/** Returns the pin of this server, `{key, name, since, earlier: [key…]}`, or null. */
export function pinned() {
  try {
    const pin = JSON.parse(localStorage.getItem(PLACE));
    return pin && VKEY.test(pin.key) ? { earlier: [], ...pin } : null;
  } catch {
    return null;
  }
}

/** Remembers a key, and the keys that led to it; the window gets the event `atrail-pin`. */
export function pin(key, earlier = [], since = new Date().toISOString().replace(/\.\d+Z$/, 'Z')) {
  const made = { key, name: key.slice(0, key.indexOf('+')), since, earlier };
  try {
    localStorage.setItem(PLACE, JSON.stringify(made));
  } catch {
    // A browser that keeps nothing asks again at the next login.
  }
  globalThis.dispatchEvent?.(new Event('atrail-pin'));
  return made;
}

/** Returns the name and the key id of a verifier key, which is how people compare keys. */
export function shortKey(key) {
  return key.split('+').slice(0, 2).join('+');
}

/** Returns the verifier key in a text that somebody pasted, or null: its id must be that of its name and bytes. */
export async function readKey(text) {
  const key = text.trim();
  if (!VKEY.test(key)) return null;
  const [name, id, base64] = splitKey(key);
  const publicKey = bytesOf(base64);
  if (publicKey.length !== 33 || publicKey[0] !== 1) return null;
  return (await keyId(name, publicKey)) === id ? key : null;
}

/** Splits a key into name, key id and base64, which may hold a `+`. */
function splitKey(key) {
  const first = key.indexOf('+');
  return [key.slice(0, first), key.slice(first + 1, first + 9), key.slice(first + 10)];
}

async function keyId(name, publicKey) {
  const head = new TextEncoder().encode(`${name}\n`);
  const hash = await crypto.subtle.digest('SHA-256', new Uint8Array([...head, ...publicKey]));
  return [...new Uint8Array(hash.slice(0, 4))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Returns the text of a signed note if the key signed it and every line of the key verifies; otherwise null. */
async function openNote(note, key) {
  const end = note.lastIndexOf('\n\n');
  if (end < 0) return null;
  const text = note.slice(0, end + 1);
  const [name, id, base64] = splitKey(key);
  const publicKey = await crypto.subtle.importKey('raw', bytesOf(base64).slice(1), 'Ed25519', false, ['verify']);
  let isSigned = false;
  for (const line of note.slice(end + 2).split('\n')) {
    const [, signer, blob] = /^— (\S+) (\S+)$/.exec(line) ?? [];
    if (signer !== name) continue;
    const bytes = bytesOf(blob);
    const hint = [...bytes.slice(0, 4)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
    if (hint !== id) continue;
    if (!await crypto.subtle.verify('Ed25519', publicKey, bytes.slice(4), new TextEncoder().encode(text))) return null;
    isSigned = true;
  }
  return isSigned ? text : null;
}

/**
 * Compares the key that a server shows (`GET /v3/keys`) with the remembered one. Returns `{state, pin, shown}`:
 * `first` (nothing was remembered, now it is), `same`, `endorsed` (the remembered key leads to this one, which is now
 * remembered), or `changed`: nothing leads to it, and only `pin` accepts it.
 */
export async function learn(shown) {
  const known = pinned();
  if (!known) return { state: 'first', pin: pin(shown.key), shown };
  if (known.key === shown.key) return { state: 'same', pin: known, shown };
  let key = known.key;
  const earlier = [...known.earlier];
  for (const note of shown.endorsements ?? []) {
    // Endorsements from before the remembered key have signatures of keys that are not known here.
    const text = await openNote(note, key).catch(() => null);
    const [title, name, next] = text?.split('\n') ?? [];
    if (title !== 'atrail key rotation' || name !== key.slice(0, key.indexOf('+'))) continue;
    if (await readKey(next ?? '') !== next) continue;
    earlier.push(key);
    key = next;
  }
  if (key !== shown.key) return { state: 'changed', pin: known, shown };
  return { state: 'endorsed', pin: pin(key, earlier, known.since), shown };
}
