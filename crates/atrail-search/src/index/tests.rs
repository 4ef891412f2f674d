//! What an index file answers, against a reading of every line.

mod answers;
mod damage;
mod others;
mod world;
