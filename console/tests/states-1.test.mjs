/** Overview, Explore and the event in their states. */
import { all, suite } from './lib/states.mjs';

suite({
  overview: { fragment: (server, space) => `?scope=space-${space}` },
  explore: { fragment: (server, space) => `explore?${all(server, space)}` },
  'explore with an event': { fragment: (server, space) => `explore?${all(server, space)}&q=action:delete/bucket&at=${server.place.segment}.${server.place.index}` },
  event: { fragment: (server, space) => `event?scope=space-${space}&segment=${server.place.segment}&index=${server.place.index}&leaf=${encodeURIComponent(server.place.leaf)}` },
});
