/** What follows from a verifier's result, claim by claim: no statement here goes beyond the verifier's. */
import { V } from './words-verify.js';
import { shortKey } from './pins.js';

const BROKEN = new Set(['log-invalid', 'other-scope']);
const CHANGED = new Set(['modified', 'damaged', 'extra', 'reordered']);
const LACKING = new Set(['missing', 'truncated']);
const OPEN = new Set(['unpinned', 'unproven']);

/** The kind in the verifier's capitals: `UNAUTHORISED DELETE`. */
export const label = (kind) => kind.toUpperCase().replaceAll('-', ' ');

/** `space 66fe…` of `space-66fe…`, with the name where the caller knows it. */
export function domainName(domain, names = new Map()) {
  const cut = domain.indexOf('-');
  const id = domain.slice(cut + 1);
  return `${domain.slice(0, cut)} ${names.get(id) ?? id}`;
}

const has = (result, kinds) => result.findings.filter(({ kind }) => kinds.has(kind));
const sum = (list, of) => list.reduce((total, item) => total + of(item), 0);

/** Whether a finding is about an acknowledged event, and not about the scope. */
const isUnacknowledged = ({ kind, location, detail }) => kind === 'missing' && !location?.segment && detail.startsWith('the acknowledged event');

/** The deletions in a result: `{asked, due, events}`. */
export function deletionsOf(result) {
  return {
    asked: sum(result.domains, (domain) => domain.by_request.deletions),
    due: sum(result.domains, (domain) => domain.by_retention.deletions),
    events: sum(result.domains, (domain) => domain.by_request.events + domain.by_retention.events),
  };
}

/** Whether a result proves that nothing was recorded, as opposed to nothing being left. */
export function isNothing(result) {
  const { asked, due } = deletionsOf(result);
  return result.outcome === 'proven' && result.events === 0 && asked + due === 0 && !result.domains.some((d) => d.epoch);
}

/** The line below the verdict. */
export function verdictLine(result) {
  if (result.error) return result.error;
  const { asked, due } = deletionsOf(result);
  if (result.outcome === 'proven') {
    if (isNothing(result)) return V.completeNothing;
    return V.provenLine(result.events, asked + due);
  }
  const worst = result.findings.find(({ kind }) => !OPEN.has(kind)) ?? result.findings[0];
  if (!worst) return '';
  const spans = has(result, CHANGED).filter(({ location }) => location.lines).map(({ location }) => location.lines);
  const faults = result.findings.filter(({ kind }) => !OPEN.has(kind));
  const isPlain = faults.length > 0 && faults.every(({ kind }) => kind === 'modified') && spans.length === faults.length
    && result.findings_left_out === 0;
  if (isPlain) {
    const lines = sum(spans, ({ first, last }) => last - first + 1);
    return V.modifiedLine(merge(spans), result.events - lines);
  }
  const last = result.findings.findLast(({ kind }) => kind === worst.kind);
  return worst.kind === 'truncated' || worst.kind === 'damaged' ? last.detail : worst.detail;
}

/** Joins spans that touch. */
export function merge(spans) {
  const out = [];
  for (const { first, last } of [...spans].sort((a, b) => a.first - b.first)) {
    const before = out.at(-1);
    if (before && first <= before.last + 1) before.last = Math.max(before.last, last);
    else out.push({ first, last });
  }
  return out;
}

/** The first word of the verdict: `MODIFIED`; '' where everything is proven. */
export function verdictWord(result) {
  const worst = result.findings.find(({ kind }) => !OPEN.has(kind)) ?? result.findings[0];
  return result.outcome === 'proven' || !worst ? '' : label(worst.kind);
}

/**
 * The claims, `[{name, state, word, text}]` with state `yes`, `no`, `open` or `none`. `key` is `{from, key, keys,
 * since, shown}`: where the key came from (`pinned`, `pasted`, `server`, `none`).
 */
export function claims(result, { key, isSince, names }) {
  const unacknowledged = result.findings.filter(isUnacknowledged);
  const broken = has(result, BROKEN).length > 0;
  const changed = has(result, CHANGED);
  const lacking = has(result, LACKING).filter((finding) => !isUnacknowledged(finding));
  const deleted = has(result, new Set(['unauthorised-delete'])).length > 0;
  // That acknowledged events are elsewhere says nothing about the scope of the receipt.
  const isProven = result.findings.length === unacknowledged.length && result.findings_left_out === 0 && result.domains.length > 0;
  const said = isProven || (!broken && result.findings.every(({ kind }) => kind === 'unpinned'));
  const list = [];
  const add = (name, state, text, word = '') => list.push({ name: V.claim[name], state, text, word });
  const unsaid = (name, text) => add(name, 'open', text, V.unsaid);
  const { asked, due } = deletionsOf(result);

  if (lacking.length) add('complete', 'no', V.completeNo(lacking.length + result.findings_left_out), V.no);
  else if (said && isNothing({ ...result, outcome: 'proven' })) add('complete', isProven ? 'yes' : 'open', V.completeNothing, isProven ? '' : V.open);
  else if (said) {
    const text = V.completeYes(domainName(result.scope, names), V.days(result.start, result.end), V.hours(result.hours), asked + due > 0);
    add('complete', isProven ? 'yes' : 'open', isProven ? text : V.ifKey, isProven ? '' : V.open);
  } else unsaid('complete', broken ? V.nothingSaid : changed.length ? V.completeUnsaid : V.openText);

  if (changed.length) add('unmodified', 'no', V.unmodifiedNo(changed.length), V.no);
  else if (said) add('unmodified', isProven ? 'yes' : 'open', isProven ? V.unmodifiedYes(result.events) : V.ifKey, isProven ? '' : V.open);
  else unsaid('unmodified', broken ? V.nothingSaid : lacking.length ? V.unmodifiedRest : V.openText);

  if (deleted) add('accounted', 'no', V.accountedNo, V.no);
  else if (broken || (!result.domains.length && !isProven)) unsaid('accounted', V.nothingSaid);
  else {
    const isOpen = key.from === 'none' || key.from === 'server';
    add('accounted', isOpen ? 'open' : 'yes', accountedText(result, asked, due), isOpen ? V.open : '');
  }

  genuine(result, key, broken, add);

  const kept = result.domains.filter((domain) => domain.kept);
  if (!isSince) {
    if (isProven) add('consistent', 'none', V.consistentNotAsked, V.notAsked);
  } else if (result.is_consistent) add('consistent', 'yes', V.consistentYes);
  else if (isProven && kept.length) {
    add('consistent', 'yes', V.consistentKept(sum(kept, (d) => d.kept.segments), sum(kept, (d) => d.kept.days)));
  } else unsaid('consistent', V.consistentNo);

  if (result.acknowledged != null) {
    const missing = unacknowledged.length;
    add('contains', missing ? 'no' : 'yes', missing ? V.containsNo(result.acknowledged, missing) : V.containsYes(result.acknowledged), missing ? V.no : '');
  }
  for (const { domain, epoch } of result.domains.filter((d) => d.epoch)) {
    add('anew', 'open', V.anew(domainName(domain, names), epoch.began, epoch.reason, epoch.continues_size));
  }
  if (result.is_recompressed) add('asMade', 'none', V.asMade);
  return list;
}

function accountedText(result, asked, due) {
  const facts = result.facts?.domains ?? [];
  const holds = sum(facts, (domain) => domain.holds.length);
  if (asked + due === 0) return V.accountedNone + V.holds(holds);
  const names = new Set(facts.flatMap((d) => d.deletions.filter(({ kind }) => kind === 'request').map(({ actor }) => actor)));
  return V.accountedSome(asked, [...names].slice(0, 5).join(', '), due) + (holds ? V.holds(holds) : '');
}

function genuine(result, key, broken, add) {
  const signer = result.signer ? shortKey(result.signer) : '';
  if (broken || !signer) {
    add('genuine', 'no', V.genuineNo, V.no);
  } else if (key.from === 'server') {
    const isShown = key.shown === result.signer;
    add('genuine', 'open', isShown ? V.genuineServer(signer) : V.genuineServerOther(signer), V.unpinned);
  } else if (key.from === 'none') {
    add('genuine', 'open', V.genuineUnpinned(signer), V.unpinned);
  } else {
    const how = key.key === result.signer ? V.how[key.from](key.since) : key.keys.includes(result.signer) ? V.how.earlier : V.how.led(shortKey(key.key));
    add('genuine', 'yes', V.genuineYes(signer, how));
  }
}

/** What to do about a result, as a list of texts; a text may be `[before, command, after]`. */
export function todo(result, fileName) {
  const kinds = new Set(result.findings.map(({ kind }) => kind));
  const list = [];
  if (result.outcome === 'failed') {
    list.push(V.todoKeep);
    if (kinds.has('truncated')) list.push(V.todoTruncated);
    const first = result.findings.find(({ location }) => location?.lines)?.location.lines;
    if (first) list.push([V.todoLines[0], linesCommand(fileName, first), '']);
    if ([...kinds].some((kind) => BROKEN.has(kind) || kind === 'unauthorised-delete') || result.error) list.push(V.todoReceipt);
    else list.push(V.todoAgain, V.todoScrub);
  } else if (kinds.has('unpinned')) list.push(V.todoKey);
  return list;
}

/** A word of a command line for a POSIX shell. */
export const quoted = (word) => (/^[A-Za-z0-9._/=:@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

const linesCommand = (name, { first, last }) => `${/gz$/.test(name) ? 'zcat' : 'cat'} ${quoted(name)} | sed -n '${first},${last}p'`;

/** The command that gives the same result. */
export function verifyCommand({ proof, file, receipt, since, acks, key }) {
  const parts = ['atrail verify'];
  if (proof) parts.push('--proof', quoted(proof));
  else parts.push(quoted(file));
  if (receipt && receipt !== `${file}.receipt`) parts.push('--receipt', quoted(receipt));
  if (since) parts.push('--since', quoted(since));
  if (acks) parts.push('--contains', quoted(acks));
  if (key) parts.push('--key', quoted(key));
  return parts.join(' ');
}
