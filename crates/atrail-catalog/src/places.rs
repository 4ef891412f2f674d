//! The order of objects within an hour: the catalog assigns each object a place, a number. Ids order nothing, so
//! generators of ids need not share a clock.

use std::collections::BTreeMap;

use atrail_disk::Result;
use atrail_model::{Day, Hour, ObjectId};

use super::failure::failed_to;
use super::row::{Columns, Id, signed};
use crate::sql::{self, Connection};

/// Reserves this many places of a domain, and returns the first.
pub(super) async fn next(
    connection: &mut Connection,
    domain: i64,
    count: u64,
    what: &'static str,
) -> Result<i64> {
    let row =
        sql::query("UPDATE domains SET places = places + ? WHERE domain = ? RETURNING places")
            .bind(signed(count))
            .bind(domain)
            .fetch_one(connection)
            .await
            .map_err(failed_to(what))?;
    Ok(row.integer("places")? - signed(count) + 1)
}

/// Reserves a place for each of several objects, given by their domains, and returns the places in the same order.
pub(super) async fn each(
    connection: &mut Connection,
    domains: impl Iterator<Item = i64> + Clone + Send,
    what: &'static str,
) -> Result<Vec<i64>> {
    let mut next_of: BTreeMap<i64, i64> = BTreeMap::new();
    for domain in domains.clone() {
        *next_of.entry(domain).or_default() += 1;
    }
    for (domain, count) in &mut next_of {
        *count = next(connection, *domain, count.unsigned_abs(), what).await?;
    }
    let places = domains.map(|domain| {
        let next = next_of.entry(domain).or_default();
        *next += 1;
        *next - 1
    });
    Ok(places.collect())
}

/// Returns the least place of these objects, which are all of one hour; `None` when the catalog has none of them.
pub(super) async fn first(
    connection: &mut Connection,
    objects: impl Iterator<Item = ObjectId> + Send,
    what: &'static str,
) -> Result<Option<i64>> {
    let mut first = None;
    for object in objects {
        let row = sql::query("SELECT place FROM objects WHERE object = ?")
            .bind(object.bytes())
            .fetch_optional(&mut *connection)
            .await
            .map_err(failed_to(what))?;
        let place = row.map(|row| row.integer("place")).transpose()?;
        first = first.into_iter().chain(place).min();
    }
    Ok(first)
}

/// Moves an object to a place that no other object has.
pub(super) async fn put(
    connection: &mut Connection,
    object: ObjectId,
    place: i64,
    what: &'static str,
) -> Result<()> {
    sql::query("UPDATE objects SET place = ? WHERE object = ?")
        .bind(place)
        .bind(object.bytes())
        .execute(connection)
        .await
        .map_err(failed_to(what))?;
    Ok(())
}

/// Moves objects that arrived without a place from the end of their hour to the position of their ids: each behind the
/// last of the others with a smaller id, and among themselves in the order of their ids. The others keep their order.
pub(super) async fn sort_in(
    connection: &mut Connection,
    domain: i64,
    (day, hour): (Day, Hour),
    mut strangers: Vec<ObjectId>,
    what: &'static str,
) -> Result<()> {
    let rows = sql::query(
        "SELECT object FROM objects WHERE domain = ? AND day = ? AND hour = ? ORDER BY place",
    )
    .bind(domain)
    .bind(day.number())
    .bind(hour.number())
    .fetch_all(&mut *connection)
    .await
    .map_err(failed_to(what))?;
    let now = rows.iter().map(|row| row.id("object"));
    let now = now.collect::<Result<Vec<ObjectId>>>()?;
    strangers.sort_unstable();
    let order = sorted_in(&now, &strangers);
    if order == now {
        return Ok(());
    }
    let mut place = next(connection, domain, order.len() as u64, what).await?;
    for object in order {
        put(connection, object, place, what).await?;
        place += 1;
    }
    Ok(())
}

fn sorted_in(now: &[ObjectId], strangers: &[ObjectId]) -> Vec<ObjectId> {
    let is_stranger = |id: &ObjectId| strangers.binary_search(id).is_ok();
    let mut order: Vec<_> = now.iter().copied().filter(|id| !is_stranger(id)).collect();
    for stranger in strangers {
        let behind = order.iter().rposition(|id| id < stranger);
        order.insert(behind.map_or(0, |behind| behind + 1), *stranger);
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_come_where_their_ids_belong_and_the_others_stay() {
        let ids = |names: &str| -> Vec<_> {
            let id = |name: u8| ObjectId::from_bytes([name; 16]);
            names.bytes().map(id).collect()
        };
        for (now, strangers, expected) in [
            ("bdac", "ac", "abcd"),
            ("bd", "", "bd"),
            ("ba", "ab", "ab"),
            // A clock was wrong: d and b keep the order that the catalog gave them.
            ("dbc", "c", "dbc"),
            ("dba", "a", "adb"),
            ("dbe", "e", "dbe"),
        ] {
            let order = sorted_in(&ids(now), &ids(strangers));
            assert_eq!(order, ids(expected), "{now} with {strangers}");
        }
    }
}
