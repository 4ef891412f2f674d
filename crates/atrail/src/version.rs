//! What `atrail --version` prints.

/// Defines a macro with a feature's name after a space; it is empty where the program is built without the feature.
macro_rules! name_of {
    ($macro:ident, $feature:literal) => {
        #[cfg(feature = $feature)]
        macro_rules! $macro {
            () => {
                concat!(" ", $feature)
            };
        }
        #[cfg(not(feature = $feature))]
        macro_rules! $macro {
            () => {
                ""
            };
        }
    };
}
name_of!(server, "server");
name_of!(console, "console");
name_of!(cluster, "cluster");

/// The version alone, as `-v` and the original's spelling print it after the program's name.
pub(crate) const SHORT: &str = env!("CARGO_PKG_VERSION");

/// The version, and lines with the commit, the target and the features. The first line is that of `-v`.
pub(crate) const LONG: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    "\ncommit: ",
    env!("ATRAIL_COMMIT"),
    "\ntarget: ",
    env!("ATRAIL_TARGET"),
    "\nfeatures: client",
    server!(),
    console!(),
    cluster!()
);
