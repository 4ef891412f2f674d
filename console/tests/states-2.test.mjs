/** The other screens in their states. */
import { all, suite } from './lib/states.mjs';

suite({
  sessions: { fragment: (server, space) => `sessions?${all(server, space)}` },
  'a session': { fragment: (server, space) => `sessions?scope=space-${space}&session=${server.session}` },
  'a new session': { fragment: (server, space) => `sessions?${all(server, space)}&new=1&q=action:delete/bucket` },
  verify: { fragment: () => 'verify', asks: false },
  retention: { fragment: (server, space) => `retention?scope=space-${space}` },
  people: { fragment: (server, space) => `people?scope=space-${space}` },
  live: { fragment: (server, space) => `live?scope=space-${space}`, says: { 'a 503': /connecting again/, cut: /connecting again/ } },
});
