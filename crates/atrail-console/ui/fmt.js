/** Numbers, sizes and times: exact, grouped, with every digit that was sent. */
import { html } from './vendor/preact.js';
import { zone } from './state.js';

const GROUP = new Intl.NumberFormat('en-US', { maximumFractionDigits: 20 });
/** `1,284,113` */
export const count = (n) => (n == null ? '–' : typeof n === 'string' ? n : GROUP.format(n));
/** `1 event`, `2 events` */
export const many = (n, one, more = one + 's') => `${count(n)} ${Number(n) === 1 ? one : more}`;

/** `233.1 MiB`; below 1 KiB the bytes themselves. The exact number of bytes goes into a `title` beside it. */
export function size(bytes) {
  if (bytes == null) return '–';
  let v = bytes, u = 0;
  const units = ['bytes', 'KiB', 'MiB', 'GiB', 'TiB'];
  while (v >= 1024 && u < 4) { v /= 1024; u += 1; }
  return u === 0 ? `${count(v)} bytes` : `${v.toFixed(1)} ${units[u]}`;
}
/** A size with the bytes in its title. */
export const Size = ({ bytes }) => html`<span title=${`${count(bytes)} bytes`}>${size(bytes)}</span>`;

const two = (n) => String(n).padStart(2, '0');
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

/** `2026-11-25` of an instant (ms), UTC. */
export const day = (ms) => new Date(ms).toISOString().slice(0, 10);
/** `25 Nov`, `Wed 25`, of an instant, UTC. */
export const dayMonth = (ms) => { const d = new Date(ms); return `${d.getUTCDate()} ${MONTHS[d.getUTCMonth()]}`; };
export const weekday = (ms) => { const d = new Date(ms); return `${DAYS[d.getUTCDay()]} ${d.getUTCDate()}`; };
/** `02:00`, UTC. */
export const clock = (ms) => new Date(ms).toISOString().slice(11, 16);
/** The browser's zone, `Europe/Stockholm`. */
export const localZone = () => Intl.DateTimeFormat().resolvedOptions().timeZone;
/** What heads a column of times: the zone in use. */
export const zoneName = () => (zone.value === 'utc' ? 'UTC' : localZone());

const FORM = /^(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d(?::\d\d)?)([.,]\d+)?\s*([Zz]|[+-]\d\d:?\d\d)?$/;
/** The parts of an RFC 3339 time in the zone in use: `{date, time, end}` with all digits of the fraction; null if unreadable. */
export function split(value, local = zone.value === 'local') {
  const m = FORM.exec(value);
  if (!m) return null;
  const fraction = (m[3] ?? '').replace(',', '.');
  if (!local && (!m[4] || /^(z|[+-]00:?00)$/i.test(m[4]))) return { date: m[1] + 'T', time: m[2] + fraction, end: 'Z' };
  const z = !m[4] ? 'Z' : m[4].toUpperCase();
  const ms = Date.parse(`${m[1]}T${m[2].length === 5 ? m[2] + ':00' : m[2]}${z.length === 5 ? z.slice(0, 3) + ':' + z.slice(3) : z}`);
  if (Number.isNaN(ms)) return null;
  if (!local) { const s = new Date(ms).toISOString(); return { date: s.slice(0, 11), time: s.slice(11, 19) + fraction, end: 'Z' }; }
  const d = new Date(ms), off = -d.getTimezoneOffset();
  const sign = off < 0 ? '-' : '+', o = Math.abs(off);
  return {
    date: `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())}T`,
    time: `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}${fraction}`,
    end: `${sign}${two(Math.floor(o / 60))}:${two(o % 60)}`,
  };
}

/** A time, its quiet parts dimmed, never cut. An unreadable one is shown as it is. `short`: without the year and fraction. */
export function Time({ value, short }) {
  const p = split(String(value ?? ''));
  if (!p) return html`<span class="time">${String(value ?? '')}</span>`;
  if (short) return html`<span class="time" title=${`${p.date}${p.time}${p.end}`}><i>${p.date.slice(5)}</i>${p.time.slice(0, 5)}<i>${p.end}</i></span>`;
  return html`<span class="time"><i>${p.date}</i>${p.time}<i>${p.end}</i></span>`;
}

const LAST = new Map([['1h', 'Last hour'], ['24h', 'Last 24 h'], ['7d', 'Last 7 UTC days'], ['30d', 'Last 30 UTC days'], ['90d', 'Last 90 UTC days']]);
/** What a range is called: `Last 24 h`, `2026-11-19 – 11-25 · 7 UTC days`, `2026-11-25 02:00 – 06:00`. */
export function rangeName({ a, b, last }) {
  if (last) return LAST.get(last) ?? `Last ${last.slice(0, -1)} ${{ m: 'min', h: 'h', d: 'UTC days' }[last.at(-1)]}`;
  const D = 86400e3;
  if (a % D === 0 && b % D === 0) {
    const n = (b - a) / D, end = day(b - D);
    if (n === 1) return `${day(a)} · UTC day`;
    return `${day(a)} – ${end.slice(0, 4) === day(a).slice(0, 4) ? end.slice(5) : end} · ${n} UTC days`;
  }
  const t = (ms) => { const s = new Date(ms).toISOString(); return s.slice(11, ms % 60e3 ? 19 : 16); };
  return day(a) === day(b - 1) ? `${day(a)} ${t(a)} – ${b % D === 0 ? '24:00' : t(b)}` : `${day(a)} ${t(a)} – ${day(b).slice(5)} ${t(b)}`;
}
/** The bounds of a range in words: `24 Nov 18:00 – 25 Nov 18:00 UTC`. */
export const bounds = ({ a, b }) => `${dayMonth(a)} ${clock(a)} – ${dayMonth(a) === dayMonth(b) ? '' : dayMonth(b) + ' '}${clock(b)} UTC`;
/** The same where there is little room: `3 Jun 00:00 – 20:00`, and whole days as `19 – 25 Nov`. */
export function shortRange(r) {
  const { a, b } = r;
  if (a % 864e5 || b % 864e5) return bounds(r).replace(/ UTC$/, '');
  const [from, to] = [dayMonth(a), dayMonth(b - 1)];
  if (from === to) return from;
  return `${from.split(' ')[1] === to.split(' ')[1] ? from.split(' ')[0] : from} – ${to}`;
}
/** A stretch of seconds: `6 d 23 h`, `4 min`, `8 s`. */
export function span(s) {
  const d = Math.floor(s / 86400), h = Math.floor(s % 86400 / 3600), m = Math.floor(s % 3600 / 60);
  if (d) return `${d} d ${h} h`;
  if (h) return `${h} h ${m} min`;
  return m ? `${m} min` : `${Math.floor(s)} s`;
}
