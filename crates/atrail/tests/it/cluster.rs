//! Several nodes on one PostgreSQL and one bucket, as `ci/servers.sh` starts them: they are one server.

mod books;
mod cuts;
mod job;
mod lost;
mod nemeses;
mod nodes;
mod senders;
mod servers;
mod spaces;
mod starts;
