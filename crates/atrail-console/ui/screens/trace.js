/** The event that a change left in the archive. */
import { html, useEffect, useState } from '../vendor/preact.js';
import { T } from '../words-more.js';
import { Icon } from '../icons.js';
import { Button } from '../parts.js';
import { W } from '../words.js';
import { call } from '../api.js';
import { link, scopes } from '../state.js';
import { Marked } from '../text.js';
import { Time } from '../fmt.js';
import { parse } from '../json.js';

/** How often, and after how many milliseconds each time, the event is looked for. */
const LOOKS = [150, 600, 2000];

const member = (node, name) => (node?.t === 'obj' ? node.members.find(([key]) => key === name)?.[1] : undefined);
const text = (node) => (node?.t === 'str' ? node.v : '');

/** Finds the newest event of an action since an instant, in the account or, failing that, in a space. */
async function find({ action, since, account, space }) {
  const place = scopes.value.find((s) => s.kind === 'account' && s.id === account) ?? scopes.value.find((s) => s.id === space);
  if (!place) return null;
  const isAccount = place.kind === 'account';
  const body = { query: `action:${action}`, start: since, end: new Date(Date.now() + 60e3).toISOString(), limit: 1, ...(isAccount && { AtAccountLevel: true }) };
  const lines = (await call('POST', '/v3/search', body, { raw: true, ...(isAccount ? { account } : { space: place.id }) })).split('\n');
  if (lines.length < 4) return null;
  const event = parse(lines[1]);
  return {
    place, time: text(member(event, 'eventTime')), who: text(member(member(event, 'initiator'), 'name')), target: text(member(member(event, 'target'), 'name')),
  };
}

/** `trace`: `{said, action, since, account, space}`; the banner says what was done, and shows its event. */
export function Trace({ trace, onClose }) {
  const [found, put] = useState(undefined);
  useEffect(() => {
    let isOver = false;
    (async () => {
      for (const wait of LOOKS) {
        await new Promise((resolve) => { setTimeout(resolve, wait); });
        const event = await find(trace).catch(() => null);
        if (isOver) return;
        if (event) { put(event); return; }
      }
      put(null);
    })();
    return () => { isOver = true; };
  }, [trace]);
  const q = { q: `action:${trace.action}`, last: '1h', scope: found && `${found.place.kind}-${found.place.id}` };
  return html`<div class="banner info" role="status"><${Icon} name="check"/><div class="grow"><p><b>${trace.said}</b></p>
    ${found && html`<p>${T.left}: <${Time} value=${found.time}/> <code>${trace.action}</code> <${Marked} text=${found.who} tag/> → <${Marked} text=${found.target} tag/> · <a href=${link('explore', q)}>${T.show}</a></p>`}
    ${found === null && html`<p>${T.leftNone}</p>`}</div><${Button} class="close" kind="plain" small icon="x" label=${W.common.close} onClick=${onClose}/></div>`;
}
