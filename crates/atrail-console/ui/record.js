/** The signed log, as people read it: deletions, policies, holds, keys, with the numbers of their records. */
import { html } from './vendor/preact.js';
import { R } from './words-more.js';
import { Tag } from './parts.js';
import { scopes } from './state.js';

/** Retention deletes day by day: entries within this many milliseconds are one act. */
const ONE_ACT_MS = 10 * 60e3;

/** Reads the answer of `GET /v3/log`: `[{domain, index, time, kind, entry}]`, newest last. */
export function readLog(text) {
  const rows = [];
  for (const line of text.split('\n')) {
    if (!line) continue;
    const row = JSON.parse(line);
    if (row.kind) rows.push({ domain: row.domain, index: row.index, time: row.time, kind: row.kind, entry: JSON.parse(row.entry) });
  }
  return rows;
}

/** By domain, the policy in force: `{days, time, actor}`. */
export function policies(rows) {
  const out = new Map();
  for (const { domain, kind, time, entry } of rows) {
    if (kind === 'policy') out.set(domain, { days: entry.retention_days, time, actor: entry.actor });
    else if (kind === 'genesis') out.set(domain, { days: -1, time, actor: '' });
  }
  return out;
}

/** `account default`, `space prod`, of the id of a domain. */
export function nameOf(id) {
  const known = scopes.value.find((s) => s.id === id);
  return known ? R[known.kind](known.name) : R.space(id);
}

const LOOK = new Map([['hold', ['hold', 'hold']], ['release', ['', 'release']], ['delete', ['', 'trash']], ['policy', ['', 'retention']], ['key', ['', 'key']],
  ['genesis', ['', 'seal']], ['space-added', ['', 'plus']], ['space-removed', ['', 'minus']]]);

/** What a row is, in a word with a shape. */
export function RecordTag({ row }) {
  const [kind, icon] = LOOK.get(row.kind) ?? ['', 'file'];
  return html`<${Tag} kind=${kind} icon=${icon}>${row.n > 1 ? R.deletions(row.n) : R.what[row.kind] ?? row.kind}<//>`;
}

const idOf = (key) => key.split('+')[1] ?? '';
const kept = (days) => (days < 0 ? R.forever : R.days(days));

/** The rows of the table, newest first: deletions by retention of one act are one row. */
export function onRecord(rows) {
  const out = [];
  const policy = new Map();
  const key = new Map();
  for (const row of rows) {
    const { domain, index, time, kind, entry } = row;
    const add = (subject, more = {}) => out.push({ domain, index, time, kind, subject, actor: entry.actor ?? '', ...more });
    if (kind === 'delete') {
      const last = out.at(-1);
      const isSame = entry.kind === 'retention' && last?.isRetention && last.domain === domain && Math.abs(Date.parse(time) - Date.parse(last.time)) < ONE_ACT_MS;
      if (isSame) {
        last.n += 1;
        last.events += entry.events;
        last.first = entry.day < last.first ? entry.day : last.first;
        last.last = entry.day > last.last ? entry.day : last.last;
        Object.assign(last, { index, time });
        last.subject = R.subjectDelete(last.first === last.last ? last.first : `${last.first} – ${last.last.slice(5)}`, '', last.events, '');
      } else {
        const hours = R.hours(entry.hours.first, entry.hours.last);
        add(R.subjectDelete(entry.day, hours, entry.events, entry.reason), { isRetention: entry.kind === 'retention', n: 1, events: entry.events, first: entry.day, last: entry.day });
      }
    } else if (kind === 'policy') {
      add(R.subjectPolicy(kept(entry.retention_days), kept(policy.get(domain) ?? -1)));
      policy.set(domain, entry.retention_days);
    } else if (kind === 'hold' || kind === 'release') add(entry.reason, { level: entry.level });
    else if (kind === 'key') {
      add(R.subjectKey(idOf(entry.key), idOf(key.get(domain) ?? '')));
      key.set(domain, entry.key);
    } else if (kind === 'genesis') {
      key.set(domain, entry.key);
      add(R.subjectGenesis(entry.reason));
    } else if (kind === 'space-added' || kind === 'space-removed') add(nameOf(entry.space));
  }
  return out.sort((a, b) => (a.time < b.time ? 1 : a.time > b.time ? -1 : b.index - a.index));
}
