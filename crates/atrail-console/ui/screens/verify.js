/** Verify: a download and its receipt, or the proof of an event, checked in this browser. No login is needed. */
import { html, useState, useEffect, useRef, useMemo } from '../vendor/preact.js';
import { V } from '../words-verify.js';
import { Icon } from '../icons.js';
import { Button, Tag, State, Command, Field, useId } from '../parts.js';
import { Marked } from '../text.js';
import { size, count } from '../fmt.js';
import { scopes } from '../state.js';
import { check, checkProof, createdOf, handed, isInlined, kindOf, pairUp, prepare, MAX_RECEIPT_BYTES } from '../verify.js';
import { pinned, readKey, shortKey } from '../pins.js';
import { verdictWord, verifyCommand } from '../claims.js';
import { Verdict, ProofVerdict } from './verdict.js';

const WORST = ['failed', 'usage', 'inconclusive', 'proven'];
let serial = 0;

async function entryOf(file) {
  const kind = await kindOf(file);
  const created = kind === 'receipt' ? await createdOf(file) : '';
  return { id: (serial += 1), file, name: file.name, size: file.size, kind, created };
}

/** What is to be checked, in order: `{name, download, receipt, since, acks}` or `{name, proof}`. */
function plan(entries) {
  const { pairs, since, acks, proofs } = pairUp(entries);
  return [
    ...pairs.filter(({ receipt }) => receipt).map(({ download, receipt }) => ({ name: download.name, download, receipt, since, acks })),
    ...proofs.map((proof) => ({ name: proof.name, proof })),
  ];
}

/** What is missing for a check, in words; '' when nothing is. */
function lack(entries) {
  const { pairs, proofs } = pairUp(entries);
  const alone = pairs.find(({ receipt }) => !receipt);
  if (alone) return V.noReceipt(alone.download.name);
  return pairs.length === 0 && proofs.length === 0 && entries.length ? V.noDownload : '';
}

const ICON = new Map([['receipt', 'seal'], ['since', 'seal'], ['proof', 'seal'], ['acks', 'check'], ['download', 'file']]);

function Files({ entries, add, drop, clear }) {
  const input = useRef(null);
  const [over, setOver] = useState(false);
  const since = pairUp(entries).since;
  const take = (list) => add([...list]);
  return html`<section class="box stack"><div class="row apart"><h2 class="label-2">${V.files}</h2>${entries.length > 0 && html`<${Button} kind="plain" small onClick=${clear}>${V.again}<//>`}</div>
    ${entries.length > 0 && html`<ul class="files">${entries.map((entry) => html`<li key=${entry.id}><${Icon} name=${ICON.get(entry.kind)}/>
      <div class="grow"><b><${Marked} text=${entry.name}/></b><p class="small q3"><span title=${`${count(entry.size)} bytes`}>${size(entry.size)}</span>, ${V.role[entry === since ? 'since' : entry.kind]}${entry.created && html`<br/>${entry.created.replace(/\.\d+Z$/, 'Z')}`}</p></div>
      <${Button} kind="plain" small icon="x" label=${V.remove(entry.name)} onClick=${() => drop(entry)}/></li>`)}</ul>`}
    <div class=${`drop ${over ? 'over' : ''}`} onDragOver=${(e) => { e.preventDefault(); setOver(true); }} onDragLeave=${() => setOver(false)}
      onDrop=${(e) => { e.preventDefault(); e.stopPropagation(); setOver(false); take(e.dataTransfer.files); }}>
      <p><button type="button" class="link under" onClick=${() => input.current.click()}>${V.choose}</button>${V.drop}</p><p class="small q3">${V.kinds}</p>
      <input ref=${input} type="file" multiple hidden aria-label=${V.choose} onChange=${(e) => { take(e.target.files); e.target.value = ''; }}/></div></section>`;
}

function Key({ choice, setChoice, pin, pasted, setPasted, error }) {
  const name = useId();
  const radio = (value, label, more) => html`<div class="radio"><label class="check"><input type="radio" name=${name} checked=${choice === value} onChange=${() => setChoice(value)}/><span>${label}</span></label>${more}</div>`;
  return html`<fieldset class="box stack"><legend class="legend"><h2 class="label-2">${V.key}</h2></legend>
    ${pin && radio('pinned', V.keyPinned(pin.since), html`<code class="in q2">${shortKey(pin.key)}</code>`)}
    ${radio('pasted', V.keyPaste, choice === 'pasted' && html`<div class="in"><${Field} label=${V.keyPasteLabel} error=${error}>${(a) => html`<textarea class="mono" rows="3" spellcheck="false" autocomplete="off" ...${a} value=${pasted} onInput=${(e) => setPasted(e.target.value)}></textarea>`}<//></div>`)}
    ${!isInlined() && radio('server', html`${V.keyServer} <${Tag} kind="warn" icon="warn">${V.unpinned}<//>`, choice === 'server' && html`<p class="in small q3">${V.keyServerHint}</p>`)}
    ${isInlined() && radio('none', html`${V.keyNone} <${Tag} kind="warn" icon="warn">${V.unpinned}<//>`)}</fieldset>`;
}

/** Returns the key to check with: `{from, key, since, shown, problem}`. */
async function keyFor(choice, pin, pasted) {
  if (choice === 'pinned' && pin) return { from: 'pinned', key: pin.key, keys: [pin.key, ...pin.earlier], since: pin.since };
  if (choice === 'pasted') {
    if (!pasted.trim()) return { from: 'none', key: null };
    const key = await readKey(pasted);
    return key ? { from: 'pasted', key, keys: [key] } : { from: 'none', key: null, problem: V.keyWrong };
  }
  if (choice === 'server') {
    const shown = await fetch('/v3/keys').then((r) => r.json()).then(({ key }) => key).catch(() => null);
    return { from: 'server', key: null, shown, problem: shown ? '' : V.keyServerFailed };
  }
  return { from: 'none', key: null };
}

/** Runs the plan whenever files or key change; a newer run ends an older one. */
function useChecks(entries, choice, pin, pasted) {
  const [run, setRun] = useState({ items: [], keyInfo: { from: 'none', key: null }, now: null });
  useEffect(() => {
    const control = new AbortController();
    const { signal } = control;
    const put = (change) => { if (!signal.aborted) setRun((old) => ({ ...old, ...change })); };
    (async () => {
      const keyInfo = await keyFor(choice, pin, pasted);
      const items = plan(entries);
      put({ items, keyInfo, now: null });
      for (const item of items) {
        const started = Date.now();
        put({ now: { item, bytes: 0, shown: false }, items: [...items] });
        try {
          const report = (bytes) => put({ now: { item, bytes, shown: Date.now() - started > 200 } });
          if (item.proof) item.result = await checkProof({ proof: item.proof.file, keys: keyInfo.keys, signal });
          else if (item.receipt.size > MAX_RECEIPT_BYTES) item.isTooLarge = true;
          else item.result = await check({ file: item.download.file, receipt: item.receipt.file, since: item.since?.file, contains: item.acks?.file, keys: keyInfo.keys, onProgress: report, signal });
          item.at = new Date().toISOString().replace(/\.\d+Z$/, 'Z');
        } catch (error) {
          if (error.name === 'AbortError') return;
          item.error = error;
        }
      }
      put({ now: null, items: [...items] });
    })();
    return () => control.abort();
  }, [entries, choice, pasted]);
  return [run, () => setRun((old) => ({ ...old, now: null }))];
}

function save(name, text, type) {
  const address = URL.createObjectURL(new Blob([text], { type }));
  const a = document.createElement('a');
  a.href = address;
  a.download = name;
  a.click();
  setTimeout(() => URL.revokeObjectURL(address), 60e3);
}

const keyWords = ({ from, key, since, shown }) => (from === 'pinned' ? `${key} (${V.keyPinned(since)})` : from === 'pasted' ? `${key} (${V.pasted})` : from === 'server' ? `${V.unpinned}; ${V.keyServerShows(shown)}` : V.unpinned);

function reports(item, keyInfo, command) {
  const { result, at } = item;
  const files = [item.download, item.receipt, item.since, item.acks, item.proof].filter(Boolean);
  const text = [
    `${V.reportTitle}, ${V.reportWith}`, '', ...files.map((f) => `${f.name}  ${count(f.size)} bytes`), `${V.key}: ${keyWords(keyInfo)}`, `${V.checkedAt}: ${at}`, '',
    `${V.head[result.outcome]}${result.findings && verdictWord(result) ? `: ${verdictWord(result)}` : ''}`, '', result.text || result.error || '', '',
    `${V.notProven}: ${item.proof ? V.notProvenEvent : V.notProvenText}`, isInlined() ? '' : V.limitShort, '', `$ ${command}`, '',
  ].join('\n');
  const { facts, ...rest } = result;
  const json = { ...rest, files: files.map((f) => ({ name: f.name, bytes: f.size })), key: keyInfo.key, key_from: keyInfo.from, checked_at: at };
  return {
    onReport: () => save(`${item.name}.verification.txt`, text, 'text/plain'),
    onJson: () => save(`${item.name}.verification.json`, `${JSON.stringify(json, null, 2)}\n`, 'application/json'),
  };
}

function Item({ item, keyInfo, names }) {
  const command = verifyCommand({ proof: item.proof?.name, file: item.name, receipt: item.receipt?.name, since: item.since?.name, acks: item.acks?.name, key: keyInfo.keys?.includes(item.result?.signer) ? item.result.signer : keyInfo.key });
  if (item.isTooLarge) return html`<${State} icon="info" title=${V.head.usage}><p>${V.tooLarge(item.receipt.size)}</p><${Command} text=${command}/><//>`;
  if (item.error) return html`<${State} icon="fail" kind="fail" title=${V.failedToRun}><p>${String(item.error.message)}</p><${Command} text=${command}/><//>`;
  if (!item.result) return null;
  const props = { item, keyInfo, names, command, ...reports(item, keyInfo, command) };
  return item.proof ? html`<${ProofVerdict} ...${props}/>` : html`<${Verdict} ...${props}/>`;
}

function Running({ now, stop }) {
  const all = now.item.download?.size ?? 0;
  return html`<div class="box stack" role="status"><h2><${Marked} text=${V.running(now.item.name)}/></h2>
    <progress max=${all || 1} value=${now.bytes} aria-label=${V.running(now.item.name)}></progress>
    <div class="row apart"><span class="small q2">${V.read(now.bytes, all)}</span><${Button} onClick=${stop}>${V.stop}<//></div></div>`;
}

function Several({ items, at, setAt }) {
  const word = (item) => (item.result ? `${V.head[item.result.outcome]}${item.result.findings && verdictWord(item.result) ? `: ${verdictWord(item.result)}` : ''}` : item.error ? V.failedToRun : '…');
  return html`<div class="row wrap" role="group" aria-label=${V.several}>${items.map((item, i) => html`<${Button} key=${i} aria-pressed=${String(i === at)} onClick=${() => setAt(i)}><${Marked} text=${item.name}/> <span class="q3">${word(item)}</span><//>`)}</div>`;
}

const Limit = () => html`<div class="banner info"><${Icon} name="info"/><div class="grow">${isInlined() ? V.limitFile : V.limit}<code>atrail verify</code>${isInlined() ? ', ' : ', '}<code>docs/verify.py</code>${!isInlined() && html`${V.limitOr}<code>atrail-verify.html</code>${V.limitEnd}`}</div></div>`;

export default function Verify() {
  const [entries, setEntries] = useState([]);
  const [pin, setPin] = useState(() => (isInlined() ? null : pinned()));
  const [chosen, setChoice] = useState('');
  const choice = chosen || (pin ? 'pinned' : 'pasted');
  const [pasted, setPasted] = useState('');
  const [at, setAt] = useState(0);
  const [loading, setLoading] = useState('…');
  const [run, forget] = useChecks(entries, choice, pin, pasted);
  const names = useMemo(() => new Map(scopes.value.map(({ id, name }) => [id, name])), [scopes.value]);
  const add = async (files) => {
    const made = await Promise.all(files.map(entryOf));
    setEntries((old) => [...old.filter(({ name }) => !made.some((entry) => entry.name === name)), ...made]);
    setAt(0);
  };
  useEffect(() => {
    prepare().then(() => setLoading(''), (error) => setLoading(String(error.message)));
    if (handed.length) add(handed.splice(0));
    const over = (e) => e.preventDefault();
    const drop = (e) => { e.preventDefault(); if (e.dataTransfer?.files.length) add([...e.dataTransfer.files]); };
    const learned = () => setPin(pinned());
    addEventListener('atrail-pin', learned);
    addEventListener('dragover', over);
    addEventListener('drop', drop);
    return () => { removeEventListener('atrail-pin', learned); removeEventListener('dragover', over); removeEventListener('drop', drop); };
  }, []);
  const { items, now, keyInfo } = run;
  const missing = lack(entries);
  const order = [...items.keys()].sort((a, b) => WORST.indexOf(items[a].result?.outcome) - WORST.indexOf(items[b].result?.outcome));
  const shown = items.length > 1 ? order[at] : 0;
  const stop = () => { setEntries((old) => old.filter((e) => e !== now.item.download && e !== now.item.proof)); forget(); };
  return html`<div class="page"><div class="head"><h1>${V.title}</h1></div><div class="verify">
    <div class="stack verify-in"><${Files} entries=${entries} add=${add} drop=${(entry) => setEntries(entries.filter((e) => e !== entry))} clear=${() => setEntries([])}/>
      <${Key} choice=${choice} setChoice=${setChoice} pin=${pin} pasted=${pasted} setPasted=${setPasted} error=${keyInfo.problem}/><${Limit}/></div>
    <div class="stack loose verify-out" aria-busy=${String(Boolean(now))}>
      ${loading.length > 1 && html`<${State} icon="fail" kind="fail" title=${V.notLoaded}><p>${loading}</p><//>`}
      ${missing && html`<div class="banner warn" role="status"><${Icon} name="warn"/><div class="grow"><${Marked} text=${missing}/></div></div>`}
      ${items.length > 1 && html`<${Several} items=${order.map((i) => items[i])} at=${at} setAt=${setAt}/>`}
      ${now?.shown && html`<${Running} now=${now} stop=${stop}/>`}
      ${!now && items[shown] && html`<${Item} item=${items[shown]} keyInfo=${keyInfo} names=${names}/>`}
      ${!entries.length && html`<${State} icon="verify" title=${V.nothing}><p>${V.nothingText}</p><//>`}
    </div></div></div>`;
}
