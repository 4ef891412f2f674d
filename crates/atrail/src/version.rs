//! What `atrail --version` prints.

#[cfg(feature = "server")]
macro_rules! features {
    () => {
        "client server"
    };
}
#[cfg(not(feature = "server"))]
macro_rules! features {
    () => {
        "client"
    };
}

/// The version alone, as `-v` and the original's spelling print it after the program's name.
pub(crate) const SHORT: &str = env!("CARGO_PKG_VERSION");

/// The version, and lines with the commit, the target and the features. The first line is that of `-v`.
pub(crate) const LONG: &str = concat!(
    env!("CARGO_PKG_VERSION"),
    "\ncommit: ",
    env!("ATRAIL_COMMIT"),
    "\ntarget: ",
    env!("ATRAIL_TARGET"),
    "\nfeatures: ",
    features!()
);
