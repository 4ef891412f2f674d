//! The console: the files that a browser loads, in `ui/`.
//!
//! `ui/vendor/preact.js` is the only code from others; `ci/vendor.sh` builds it from `console/vendor.js` and compares.
