/** Every screen, as the suites open it. */
import { all } from './world.mjs';

/**
 * `{fragment(server, space), asks, hasEmpty, says}`: `asks` is false for a screen that asks the server nothing, `hasEmpty` for one
 * that has no space without events; `says` has the words of a state that are its own.
 */
export const SCREENS = {
  overview: { fragment: (server, space) => `?${all(server, space)}` },
  explore: { fragment: (server, space) => `explore?${all(server, space)}` },
  'explore of an account': { hasEmpty: false, fragment: (server) => `explore?${all(server).replace(/^scope=[^&]+/, `scope=account-${server.account}`)}` },
  'explore with an event': { hasEmpty: false, fragment: (server, space) => `explore?${all(server, space)}&q=action:delete/bucket&at=${server.place.segment}.${server.place.index}` },
  event: { hasEmpty: false, fragment: (server, space) => `event?scope=space-${space}&segment=${server.place.segment}&index=${server.place.index}&leaf=${encodeURIComponent(server.place.leaf)}` },
  sessions: { fragment: (server, space) => `sessions?${all(server, space)}` },
  'a session': { hasEmpty: false, fragment: (server, space) => `sessions?scope=space-${space}&session=${server.session.id}` },
  'a new session': { fragment: (server, space) => `sessions?${all(server, space)}&new=1&q=action:delete/bucket` },
  verify: { fragment: () => 'verify', asks: false },
  retention: { fragment: (server, space) => `retention?scope=space-${space}` },
  'a shorter retention': { hasEmpty: false, fragment: (server, space) => `retention?scope=space-${space}&change=${space}` },
  'a hold': { hasEmpty: false, fragment: (server, space) => `retention?scope=space-${space}&hold=new` },
  people: { hasEmpty: false, fragment: (server, space) => `people?scope=space-${space}` },
  'a role': { hasEmpty: false, fragment: (server, space) => `people?scope=space-${space}&give=ann` },
  keys: { hasEmpty: false, fragment: (server, space) => `people?scope=space-${space}&tab=keys` },
  'a new key': { hasEmpty: false, fragment: (server, space) => `people?scope=space-${space}&tab=keys&make=1` },
  logins: { hasEmpty: false, fragment: (server, space) => `people?scope=space-${space}&tab=logins` },
  'the server’s keys': { hasEmpty: false, fragment: (server, space) => `people?scope=space-${space}&tab=server` },
  live: { hasEmpty: false, fragment: (server, space) => `live?scope=space-${space}`, says: { delayed: /connecting/ } },
};
