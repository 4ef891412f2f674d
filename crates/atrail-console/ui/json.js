/**
 * Reads JSON and keeps its lexemes: numbers as they are written, members in their order, also repeated ones.
 * A node is `{t, ...}`: 'obj' has `members: [[key, node, raw key]]`, 'arr' `items`, 'str' `v` and `raw`,
 * 'num' and 'lit' `raw`. No value of an event becomes a key of a plain object.
 */
const SPACE = /[ \t\r\n]*/y;
const STRING = /"(?:[^"\\]|\\.)*"/ys;
const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const WORD = /true|false|null/y;
const DEPTH = 512;

export function parse(text) {
  let at = 0;
  const take = (re) => { re.lastIndex = at; const m = re.exec(text); if (!m) return null; at = re.lastIndex; return m[0]; };
  const fail = () => { throw new SyntaxError(`not JSON at character ${at + 1}`); };
  const want = (c) => { take(SPACE); if (text[at] !== c) fail(); at += 1; };
  const string = () => { const raw = take(STRING); if (raw === null) fail(); return { t: 'str', raw, v: decode(raw) }; };
  const value = (depth) => {
    if (depth > DEPTH) fail();
    take(SPACE);
    const c = text[at];
    if (c === '"') return string();
    if (c === '{') {
      at += 1; const members = [];
      take(SPACE); if (text[at] === '}') { at += 1; return { t: 'obj', members }; }
      for (;;) {
        take(SPACE); const k = string(); want(':');
        members.push([k.v, value(depth + 1), k.raw]);
        take(SPACE); if (text[at] === ',') { at += 1; continue; }
        want('}'); return { t: 'obj', members };
      }
    }
    if (c === '[') {
      at += 1; const items = [];
      take(SPACE); if (text[at] === ']') { at += 1; return { t: 'arr', items }; }
      for (;;) {
        items.push(value(depth + 1));
        take(SPACE); if (text[at] === ',') { at += 1; continue; }
        want(']'); return { t: 'arr', items };
      }
    }
    const n = take(NUMBER); if (n !== null) return { t: 'num', raw: n };
    const w = take(WORD); if (w !== null) return { t: 'lit', raw: w };
    return fail();
  };
  const root = value(0);
  take(SPACE); if (at !== text.length) fail();
  return root;
}

const decode = (raw) => { try { return JSON.parse(raw); } catch { return raw.slice(1, -1); } };

/** The node at a path of members; the last of repeated ones, as most readers take it. */
export function get(node, ...path) {
  let n = node;
  for (const p of path) {
    if (n?.t !== 'obj') return undefined;
    let found;
    for (const [k, v] of n.members) if (k === p) found = v;
    n = found;
  }
  return n;
}

/** The text of a scalar: a string decoded, a number as it is written; '' for anything else. */
export const scalar = (n) => (n === undefined ? '' : n.t === 'str' ? n.v : n.t === 'num' ? n.raw : n.t === 'lit' && n.raw !== 'null' ? n.raw : '');

/** The text at a path, or ''. */
export const textAt = (node, ...path) => scalar(get(node, ...path));

/** The fields of an event that a row shows. A line that is not JSON, or nested deeper than is read, has none. */
export function row(line) {
  let e; try { e = parse(line); } catch { return { time: '', outcome: '', who: '', action: '', target: '', kind: '', own: false, node: null }; }
  const or = (...all) => all.find((x) => x !== '') ?? '';
  const observer = textAt(e, 'observer', 'name');
  return {
    time: textAt(e, 'eventTime'), outcome: textAt(e, 'outcome'), action: textAt(e, 'action'),
    who: or(textAt(e, 'initiator', 'name'), textAt(e, 'initiator', 'id'), textAt(e, 'initiatorId')),
    target: or(textAt(e, 'target', 'name'), textAt(e, 'target', 'id'), textAt(e, 'targetId')),
    kind: textAt(e, 'target', 'typeURI'), own: observer === 'ActivityTracker', node: e,
  };
}

/**
 * The tokens of a text, re-indented: `[{k: 'key'|'str'|'num'|'lit'|'p'|'ws', s, repeat?}]`. Every token that is not 'ws'
 * stands in the text as it is. Takes text or UTF-8 bytes.
 */
export function pretty(bytes) {
  const text = typeof bytes === 'string' ? bytes : new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
  const out = [];
  const line = (d) => out.push({ k: 'ws', s: '\n' + '  '.repeat(d) });
  const walk = (n, d) => {
    if (n.t === 'obj' || n.t === 'arr') {
      const [open, close, list] = n.t === 'obj' ? ['{', '}', n.members] : ['[', ']', n.items];
      out.push({ k: 'p', s: open });
      const seen = new Set();
      list.forEach((m, i) => {
        line(d + 1);
        if (n.t === 'obj') {
          out.push({ k: 'key', s: m[2], repeat: seen.has(m[0]) }, { k: 'p', s: ':' }, { k: 'ws', s: ' ' });
          seen.add(m[0]); walk(m[1], d + 1);
        } else walk(m, d + 1);
        if (i < list.length - 1) out.push({ k: 'p', s: ',' });
      });
      if (list.length) line(d);
      out.push({ k: 'p', s: close });
    } else out.push({ k: n.t, s: n.raw });
  };
  walk(parse(text), 0);
  return out;
}

/** The lines of an answer as pairs: `{pairs: [{place, line}], end}`. Places and the end are the server's own, so plain JSON. */
export function hits(text) {
  const lines = text.split('\n');
  const pairs = [];
  let end = null;
  for (let i = 0; i < lines.length; i += 1) {
    if (lines[i] === '') continue;
    const place = JSON.parse(lines[i]);
    if (place.end) { end = place.end; break; }
    i += 1;
    pairs.push({ place, line: lines[i] });
  }
  return { pairs, end };
}

/** Base64 of an event's leaf hash (RFC 6962 §2.1): SHA-256 of a zero byte and the stored line. */
export async function leafOf(bytes) {
  const all = new Uint8Array(bytes.length + 1);
  all.set(bytes, 1);
  return btoa(String.fromCharCode(...new Uint8Array(await crypto.subtle.digest('SHA-256', all))));
}
