//! The HTTP face of atrail: routes, authentication, byte ranges, configuration.
