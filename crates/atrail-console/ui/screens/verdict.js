/** What a verification found: the verdict, where, claim by claim, per domain, and what to do. */
import { html } from '../vendor/preact.js';
import { V } from '../words-verify.js';
import { Icon } from '../icons.js';
import { Button, Tag, Table, Command } from '../parts.js';
import { Marked } from '../text.js';
import { count, many } from '../fmt.js';
import { claims, deletionsOf, domainName, label, merge, todo, verdictLine, verdictWord } from '../claims.js';

const DAY = 86400e3;
/** Most days that are drawn one by one. */
const MAX_DAYS = 124;
/** Most rows of a list. */
const MAX_ROWS = 200;

const LOOK = new Map([['proven', ['ok', 'verify']], ['failed', ['fail', 'shieldx']], ['inconclusive', ['warn', 'warn']], ['usage', ['warn', 'warn']]]);
const short = (text, head = 8, tail = 4) => (text.length > head + tail + 2 ? `${text.slice(0, head)}…${text.slice(-tail)}` : text);

/** The verdict with its two reports. */
export function Head({ result, line, onReport, onJson }) {
  const [kind, icon] = LOOK.get(result.outcome) ?? LOOK.get('usage');
  const word = result.findings ? verdictWord(result) : '';
  return html`<div class=${`verdict ${kind}`} role="status"><${Icon} name=${icon} size=${28}/>
    <div class="grow"><h2>${V.head[result.outcome]}${word && `: ${word}`}</h2><p><${Marked} text=${line}/></p></div>
    <div class="row"><${Button} icon="file" onClick=${onReport}>${V.report}<//><${Button} onClick=${onJson}>${V.json}<//></div></div>`;
}

const CLAIM = new Map([['yes', ['check', 't-ok']], ['no', ['fail', 't-fail']], ['open', ['minus', 'q2']], ['none', ['minus', 'q2']]]);

function Claims({ list }) {
  return html`<ul class="claims">${list.map(({ name, state, word, text }, i) => {
    const [icon, tone] = CLAIM.get(state);
    return html`<li key=${i}><span class=${tone}><${Icon} name=${icon}/></span>
      <div><h3 class=${state === 'no' ? 't-fail' : ''}>${name}${word && `: ${word}`}</h3><p><${Marked} text=${text}/></p></div></li>`;
  })}</ul>`;
}

/** Where lines are not those that were sealed: the file as a bar, places in red with their line numbers above. */
function Where({ result }) {
  const of = (isCut) => result.findings.filter(({ kind, location }) => location?.lines && (kind === 'truncated') === isCut).map(({ location }) => location.lines);
  const cut = Math.max(0, ...of(true).map(({ first }) => first));
  const spans = merge([...of(false), ...(cut && cut <= result.events ? [{ first: cut, last: result.events }] : [])]);
  const all = Math.max(result.events, spans.at(-1)?.last ?? 0);
  if (!spans.length || !all) return null;
  const at = (n) => ((n - 1) / all) * 1000;
  const marks = [1, ...[1, 2, 3].map((part) => nice((all * part) / 4)), all].filter((n, i, list) => i === 0 || n > list[i - 1]);
  return html`<section class="sec"><div class="near"><h2>${V.where}</h2><span class="small q3">${V.whereHint}</span></div>
    <svg class="where" role="img" aria-label=${V.stripText(all, V.lines({ first: spans[0].first, last: spans.at(-1).last }))}>
      ${spans.length <= 3 && spans.map((span, i) => {
    const x = at((span.first + span.last) / 2);
    return html`<text key=${i} class="bad" x=${`${x / 10}%`} y="10" text-anchor=${x < 120 ? 'start' : x > 880 ? 'end' : 'middle'}>${V.lines(span)}</text>`;
  })}
      <rect class="read" x="0" y="22" width="100%" height="16"/>
      ${spans.slice(0, 500).map((span, i) => html`<rect key=${`r${i}`} class=${span.first === cut ? 'cut' : 'bad'} x=${`${at(span.first) / 10}%`} y="16" height="28" width=${`${Math.max(((span.last - span.first + 1) / all) * 100, 0.4)}%`}/>`)}
      ${marks.map((n) => html`<g key=${`m${n}`}><line x1=${`${at(n) / 10}%`} x2=${`${at(n) / 10}%`} y1="40" y2="45"/><text x=${`${at(n) / 10}%`} y="57" text-anchor=${n === 1 ? 'start' : n === all ? 'end' : 'middle'}>${n === 1 ? `${V.line} 1` : count(n)}</text></g>`)}
    </svg></section>`;
}

/** A round number near n. */
function nice(n) {
  const step = 10 ** Math.max(Math.floor(Math.log10(n)) - 1, 0);
  return Math.max(Math.round(n / step) * step, 1);
}

function Findings({ result }) {
  const { findings, findings_left_out: more = 0 } = result;
  if (!findings.length) return null;
  const cols = [
    { key: 'kind', label: V.cols.finding }, { key: 'day', label: V.cols.day, mono: true }, { key: 'lines', label: V.cols.lines, mono: true },
    { key: 'events', label: V.cols.events, mono: true }, { key: 'segment', label: V.cols.segment, mono: true }, { key: 'what', label: V.cols.what },
  ];
  const shown = cols.filter(({ key }) => key === 'kind' || key === 'what' || findings.some(({ location }) => location?.[key] != null));
  const cell = ({ kind, location, detail }, key) => {
    if (key === 'kind') return kind === 'unpinned' || kind === 'unproven' ? html`<${Tag} kind="warn" icon="warn">${label(kind)}<//>` : html`<${Tag} kind="fail" icon="fail">${label(kind)}<//>`;
    if (key !== 'what' && key !== 'kind' && !location) return '';
    if (key === 'day') return `${location.day ?? ''}${location.hour == null ? '' : ` ${String(location.hour).padStart(2, '0')}`}`;
    if (key === 'lines' || key === 'events') return location[key] ? html`<span class="nowrap">${V.span(location[key])}</span>` : '';
    if (key === 'segment') return html`<span class="nowrap"><${Marked} text=${short(location.segment ?? '')}/></span>`;
    return html`<span class="wide-cell"><${Marked} text=${detail}/></span>`;
  };
  return html`<section class="sec"><${Table} name=${V.cols.finding} cols=${shown} rows=${findings} cell=${cell}/>
    ${more > 0 && html`<p class="small q3">${V.more(more)}</p>`}</section>`;
}

function Domains({ result, names }) {
  const facts = new Map((result.facts?.domains ?? []).map((domain) => [domain.domain, domain]));
  const isProven = result.outcome === 'proven';
  const cols = [
    { key: 'domain', label: V.domainCols.domain }, { key: 'days', label: V.domainCols.days, mono: true },
    { key: 'segments', label: V.domainCols.segments, num: true }, { key: 'events', label: V.domainCols.events, num: true },
    { key: 'checkpoint', label: V.domainCols.checkpoint, num: true }, { key: 'root', label: V.domainCols.root, mono: true }, { key: 'result', label: V.domainCols.result },
  ];
  const faulty = new Set(result.findings.map(({ location }) => location?.domain).filter(Boolean));
  const cell = (row, key) => {
    if (key === 'domain') return html`<b class="nowrap"><${Marked} text=${domainName(row.domain, names)}/></b>`;
    if (key === 'days') return html`<span class="nowrap">${V.days(result.start, result.end)}</span>`;
    if (key === 'segments') return count((facts.get(row.domain)?.days ?? []).reduce((sum, { segments }) => sum + segments, 0));
    if (key === 'events') return count(row.events);
    if (key === 'checkpoint') return count(row.checkpoint_size);
    if (key === 'root') return html`<span title=${row.checkpoint_root}>${short(row.checkpoint_root, 6, 4)}</span>`;
    if (isProven) return html`<${Tag} kind="ok" icon="check">OK<//>`;
    return faulty.has(row.domain) ? html`<${Tag} kind="fail" icon="fail">${verdictWord(result)}<//>` : '–';
  };
  if (!result.domains.length) return null;
  const proven = isProven ? result.domains.length : 0;
  return html`<section class="sec"><div class="near"><h2>${V.domains}</h2><span class="small q3">${V.domainsHint(proven, result.domains.length)}</span></div>
    <${Table} name=${V.domains} cols=${cols} rows=${result.domains} cell=${cell}/></section>`;
}

function dayCells(domain, start, end) {
  const known = new Map(domain.days.map((day) => [day.day, day]));
  const cells = [];
  for (let at = Date.parse(start); at <= Date.parse(end); at += DAY) {
    const day = new Date(at).toISOString().slice(0, 10);
    const facts = known.get(day);
    cells.push({ day, kind: facts?.events ? 'ok' : facts?.removed ? 'gone' : 'todo', isCut: Boolean(facts?.events && facts.removed) });
  }
  return cells;
}

/** The days of each domain, in the strip's idiom. Only for a proven file: its receipt is then known to be right. */
function Days({ result, names }) {
  const { start, end } = result;
  const n = (Date.parse(end) - Date.parse(start)) / DAY + 1;
  const domains = (result.facts?.domains ?? []).slice(0, 40);
  if (result.outcome !== 'proven' || n < 2 || n > MAX_DAYS || !domains.length) return null;
  const step = n <= 31 ? 5 : 10;
  return html`<section class="sec"><div class="near"><h2>${V.dayStrip}</h2><span class="small q3">UTC, ${V.days(start, end)}</span>
    <span class="key-row tiny q2"><i class="sq ok"></i>${V.keyComplete}<i class="sq gone"></i>${V.keyDeleted}<i class="sq todo"></i>${V.keyEmpty}</span></div>
    <div class="days">${domains.map((domain) => {
    const cells = dayCells(domain, start, end);
    const of = (kind) => cells.filter((cell) => cell.kind === kind).length;
    const words = V.dayWords(of('ok'), of('gone') + cells.filter((cell) => cell.isCut).length, of('todo'));
    return html`<span class="small nowrap">${domainName(domain.domain, names)}</span>
      <svg viewBox=${`0 0 ${n * 21} 14`} preserveAspectRatio="none" role="img" aria-label=${`${domainName(domain.domain, names)}: ${words}`}>${cells.map((cell, i) => html`<g key=${i}><title>${cell.day}</title>
        <rect class=${cell.kind} x=${i * 21 + 0.5} y="0.5" width="13" height="13"/>${(cell.kind === 'gone' || cell.isCut) && html`<path class="slash" d=${`M${i * 21 + 1} 13 L${i * 21 + 13} 1`}/>`}</g>`)}</svg>
      <span class="small q3 num">${words}</span>`;
  })}
    <span></span><svg class="axis" viewBox=${`0 0 ${n * 21} 14`} aria-hidden="true">${dayCells(domains[0], start, end).map((cell, i) => (i === 0 || i === n - 1 || ((i + 1) % step === 0 && i < n - 3)) && html`<text key=${i} x=${i * 21 + 7} y="10" text-anchor="middle">${Number(cell.day.slice(8))}</text>`)}</svg><span></span></div></section>`;
}

/** Deletions, those by retention folded to one row a domain. */
function deletionRows(result) {
  const rows = [];
  for (const domain of result.facts?.domains ?? []) {
    const due = domain.deletions.filter(({ kind }) => kind !== 'request');
    for (const deletion of domain.deletions) if (deletion.kind === 'request') rows.push({ ...deletion, domain: domain.domain });
    if (due.length) {
      rows.push({
        domain: domain.domain, record: null, day: due[0].day, last: due.at(-1).day, events: due.reduce((sum, { events }) => sum + events, 0),
        actor: V.retention, kind: 'retention', time: due.at(-1).time, reason: many(due.length, 'deletion'),
      });
    }
  }
  return rows;
}

function Deletions({ result, names }) {
  const { asked, due } = deletionsOf(result);
  const rows = deletionRows(result);
  if (asked + due === 0 || !rows.length) return null;
  const c = V.deletionCols;
  const cols = [
    { key: 'record', label: c.record, mono: true }, { key: 'domain', label: c.domain }, { key: 'day', label: c.day, mono: true },
    { key: 'events', label: c.events, num: true }, { key: 'who', label: c.who }, { key: 'when', label: c.when, mono: true }, { key: 'reason', label: c.reason },
  ];
  const cell = (row, key) => {
    if (key === 'record') return row.record == null ? '' : `#${count(row.record)}`;
    if (key === 'domain') return html`<span class="nowrap"><${Marked} text=${domainName(row.domain, names)}/></span>`;
    if (key === 'day') return html`<span class="nowrap">${row.last && row.last !== row.day ? `${row.day} – ${row.last}` : row.day}${row.hours ? `, ${row.hours.first} – ${row.hours.last}` : ''}</span>`;
    if (key === 'events') return count(row.events);
    if (key === 'who') return html`<${Marked} text=${row.actor} tag/>`;
    if (key === 'when') return html`<span class="nowrap">${row.time.replace(/\.\d+Z$/, 'Z')}</span>`;
    return html`<${Marked} text=${row.reason}/>`;
  };
  return html`<section class="sec"><div class="near"><h2>${V.deletions}</h2><span class="small q3">${count(asked + due)}</span></div>
    <${Table} name=${V.deletions} cols=${cols} rows=${rows.slice(0, MAX_ROWS)} cell=${cell}/>
    ${rows.length > MAX_ROWS && html`<p class="small q3">${V.more(rows.length - MAX_ROWS)}</p>`}</section>`;
}

function ToDo({ list }) {
  if (!list.length) return null;
  return html`<section class="sec"><h2>${V.todo}</h2><ol class="steps">${list.map((step, i) => html`<li key=${i}>${typeof step === 'string' ? step : html`${step[0]}<code>${step[1]}</code>${step[2]}`}</li>`)}</ol></section>`;
}

/** The whole result about one download. */
export function Verdict({ item, keyInfo, names, command, onReport, onJson }) {
  const { result } = item;
  const isRight = result.outcome === 'proven' || result.outcome === 'inconclusive';
  const list = result.error ? [] : claims(result, { key: keyInfo, isSince: Boolean(item.since), names });
  return html`<div class="stack loose">
    <${Head} result=${result} line=${verdictLine(result)} onReport=${onReport} onJson=${onJson}/>
    <${Where} result=${result}/><${Findings} result=${result}/><${Claims} list=${list}/>
    ${isRight && html`<${Domains} result=${result} names=${names}/><${Days} result=${result} names=${names}/>`}
    ${isRight && html`<${Deletions} result=${result} names=${names}/>`}
    <${ToDo} list=${todo(result, item.name)}/>
    ${result.outcome === 'proven' && html`<section class="sec"><h2>${V.notProven}</h2><p class="prose">${V.notProvenText}</p></section>`}
    <details class="fold"><summary>${V.words}</summary><pre class="cmd" tabindex="0" role="region" aria-label=${V.words}><${Marked} text=${result.text || result.error || ''} lines/></pre></details>
    <${Command} text=${command}/></div>`;
}

/** The result about the proof of one event. */
export function ProofVerdict({ item, command, onReport, onJson }) {
  const { result } = item;
  const isKnown = result.domain !== undefined;
  const line = isKnown ? V.proofLine(domainName(result.domain), result.day, String(result.hour).padStart(2, '0'), result.index, result.segment) : result.error ?? '';
  return html`<div class="stack loose"><${Head} result=${result} line=${line} onReport=${onReport} onJson=${onJson}/>
    ${isKnown && html`<p class="prose"><${Marked} text=${V.proofYes(result.checkpoint_size, result.signer)}/></p>
      <section class="sec"><h2>${V.event}</h2><pre class="cmd" tabindex="0" role="region" aria-label=${V.event}><${Marked} text=${result.event} lines/></pre></section>
      <section class="sec"><h2>${V.notProven}</h2><p class="prose">${V.notProvenEvent}</p></section>`}
    ${result.outcome === 'inconclusive' && html`<${ToDo} list=${[V.todoKey]}/>`}
    <details class="fold"><summary>${V.words}</summary><pre class="cmd" tabindex="0" role="region" aria-label=${V.words}><${Marked} text=${result.text || result.error || ''} lines/></pre></details>
    <${Command} text=${command}/></div>`;
}
