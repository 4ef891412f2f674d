/** Another evidence key than the pinned one, without endorsement: a full page, before all else, the login included. */
import { html, useState } from '../vendor/preact.js';
import { W } from '../words.js';
import { Icon } from '../icons.js';
import { Button, Field } from '../parts.js';
import { evidence, replaceKey } from '../api.js';

const F = W.frame;

export function KeyStop() {
  const { pin, shown } = evidence.value;
  const [given, setGiven] = useState('');
  const isSame = given.trim() === shown.key;
  const submit = (e) => { e.preventDefault(); if (isSame) replaceKey(); };
  return html`<main class="stop" id="main"><div class="banner fail" role="alert"><${Icon} name="fail"/><div class="grow stack">
      <h1>${F.keyChanged(shown.name)}</h1><p>${F.keyChangedWhy(pin.since.slice(0, 10))}</p>
      <dl class="pairs"><div><dt>${F.keyPinnedOne}</dt><dd><code>${pin.key.split('+').slice(0, 2).join('+')}</code></dd></div><div><dt>${F.keyShownOne}</dt><dd><code>${shown.key.split('+').slice(0, 2).join('+')}</code></dd></div></dl></div></div>
    <form class="stack stop-form" onSubmit=${submit}><p class="q2">${F.keyReplaceHow}</p>
      <${Field} label=${F.keyGiven} error=${given.trim().length >= shown.key.length && !isSame ? F.keyOther : ''}>${(a) => html`<input type="text" class="mono" autocomplete="off" spellcheck="false" ...${a} value=${given} onInput=${(e) => setGiven(e.target.value)}/>`}<//>
      <div class="row"><${Button} type="submit" kind="danger" disabled=${!isSame}>${F.keyReplace}<//></div></form></main>`;
}
