/** Everyday events, the same in each run but for their times. */

/** A generator of numbers below a bound, from a seed (mulberry32). */
export function numbers(seed) {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

const PEOPLE = ['anna.keller', 'b.ortiz', 'c.nakamura', 'ci-deployer', 'backup-agent', 'e.lindqvist', 'svc-billing'];
const HOSTS = ['10.0.4.17', '10.0.4.18', '192.0.2.44', '198.51.100.7', '2001:db8::17'];
const TARGETS = ['ledger-2026', 'photos', 'prod-db', 'vault/payments', 'web-7', 'billing-queue'];
const ACTIONS = [
  ['read/bucket', 'data/storage/bucket'], ['read/bucket', 'data/storage/bucket'], ['read/bucket', 'data/storage/bucket'],
  ['update/server', 'compute/server'], ['create/key', 'data/security/key'], ['authenticate', 'service/security/identity'],
];

/** One event as a line; `members` replace or add. */
export function event(time, members = {}) {
  return JSON.stringify({
    typeURI: 'http://schemas.dmtf.org/cloud/audit/1.0/event', eventType: 'activity', id: `e-${time}`, eventTime: time,
    action: 'read/bucket', outcome: 'success',
    initiator: { id: 'u-1', typeURI: 'service/security/account/user', name: 'anna.keller', host: { address: '10.0.4.17' } },
    target: { id: 't-1', typeURI: 'data/storage/bucket', name: 'photos' },
    observer: { id: 'o-1', typeURI: 'service/storage', name: 'object-storage' },
    ...members,
  });
}

/** `count` events between two times (ms), in their order. */
export function* everyday(count, from, to, seed = 1) {
  const below = numbers(seed);
  const pick = (list) => list[below(list.length)];
  for (let i = 0; i < count; i += 1) {
    const time = new Date(from + Math.floor(((to - from) * i) / count)).toISOString();
    const [action, typeURI] = pick(ACTIONS);
    const failed = below(40) === 0;
    const name = pick(PEOPLE);
    yield event(time, {
      id: `day-${seed}-${i}`, action, outcome: failed ? 'failure' : 'success',
      ...(failed && { reason: { reasonType: 'HTTP', reasonCode: pick(['401', '403', '409']) } }),
      initiator: { id: `u-${name}`, typeURI: 'service/security/account/user', name, host: { address: pick(HOSTS), agent: 'python-requests/2.31' } },
      target: { id: `t-${below(1000)}`, typeURI, name: pick(TARGETS) },
    });
  }
}

/** The event that the main job looks for. */
export const deletion = (time) => event(time, {
  id: 'the-deletion', action: 'delete/bucket', outcome: 'success',
  initiator: { id: 'u-m', typeURI: 'service/security/account/user', name: 'mallory', host: { address: '203.0.113.9' } },
  target: { id: 't-l', typeURI: 'data/storage/bucket', name: 'ledger-2025' },
});
