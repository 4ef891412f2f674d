/** A server as an auditor finds it: a day of events with one deletion, hostile events, an empty space, and people. */
import { gunzipSync } from 'node:zlib';
import { deletion, everyday } from './events.mjs';
import { hostile } from './hostile.mjs';
import { Server } from './server.mjs';

const HOUR = 3600_000;
export const iso = (ms) => new Date(ms).toISOString().replace('.000Z', 'Z');

/**
 * Starts it. `events`: how many of the everyday events; `withHostile`: also the hostile ones, in a space of their own. The
 * server has `from` and `to`, the instants round all events, `deletedAt`, `empty` and `hostile`, the other spaces, and
 * `people`.
 */
export async function world({ events = 2000, withHostile = false, args = [] } = {}) {
  const server = await Server.start(args);
  // Whole hours that are over, so that everything can be sealed.
  server.to = Math.floor(Date.now() / HOUR) * HOUR;
  server.from = server.to - 20 * HOUR;
  server.deletedAt = new Date(server.to - 3 * HOUR + 123_456).toISOString();
  await server.send([...everyday(events, server.from, server.to), deletion(server.deletedAt)]);
  server.empty = await server.addSpace('empty');
  server.people = {
    auditor: await server.addUser('ann', [{ role: 'auditor', space: server.space }]),
    writer: await server.addUser('wil', [{ role: 'writer', space: server.space }]),
    stranger: await server.addUser('sam', []),
  };
  if (withHostile) {
    server.hostile = await server.addSpace('<img src=x onerror="globalThis.__xss=1">');
    await server.send(hostile(server.to - HOUR), { space: server.hostile });
  }
  await seal(server, server.space);
  if (withHostile) {
    const { id } = await seal(server, server.hostile);
    const file = await (await server.api('GET', `/v3/events/download?session=${id}`)).arrayBuffer();
    // As they are stored: the server replaces halves of surrogate pairs when it receives an event.
    server.lines = gunzipSync(Buffer.from(file)).toString().split('\n').filter((line) => /"id":"(hostile|odd)-/.test(line));
  }
  return server;
}

/** Makes a session of everything in a space, which seals it; returns the session. */
export async function seal(server, space) {
  const days = { start: iso(server.from).slice(0, 10), end: iso(server.to).slice(0, 10) };
  return server.json('POST', '/v3/sessions', days, { space });
}

/** The part of a fragment that names a space and the whole range of the events. */
export const all = (server, space = server.space) => `scope=space-${space}&from=${iso(server.from)}&to=${iso(server.to)}`;
