//! The search index: it follows the archive, and whatever happens to it, no answer changes.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use atrail_model::{Domain, Hours, Requester, Retention, Scope, Target};
use atrail_store::search::{Order, Searchable, Searched};

use crate::search::{at, budget, lines, paged, week};
use crate::support::{TestStore, days, files_below};

fn index_files(test: &TestStore) -> Vec<PathBuf> {
    let files = files_below(&test.data_dir().join("index")).into_iter();
    files
        .filter(|path| path.extension().is_some_and(|end| end == "parquet"))
        .collect()
}

/// Reports whether any file of the index has these bytes, compressed or not: names of values are in dictionaries.
async fn finds(test: &TestStore, query: &str) -> usize {
    let question = week(Target::Account(test.account), query);
    let hits = paged(test, &question, Order::Newest, 100).await.unwrap();
    lines(&hits).len()
}

async fn searched(test: &TestStore, query: &str) -> Searched {
    let question = week(Target::Account(test.account), query);
    let counting = atrail_store::search::Counting::default();
    let answer = test.store.aggregate(&question, &counting, &budget()).await;
    answer.unwrap().1
}

async fn searchable(test: &TestStore) -> BTreeMap<String, Searchable> {
    let scope = Scope {
        target: Target::Account(test.account),
        days: days("2017-07-01", "2017-07-31"),
        hours: Hours::ALL,
    };
    let days = test.store.searchable(scope).await.unwrap();
    days.into_iter()
        .map(|(day, found)| (day.to_string(), found))
        .collect()
}

async fn append(test: &TestStore, day: &str, hour: u8, n: u32) {
    let time = format!("{day}T{hour:02}:00:{:02}Z", n % 60);
    let event = at(&time, &format!("\"action\":\"act-{n}\",\"n\":{n}"));
    let domain = Domain::Space(test.space);
    test.store.append(domain, vec![event]).await.unwrap();
}

async fn seal(test: &TestStore) {
    test.session(test.scope("2017-07-01", "2017-07-31")).await;
}

/// A store whose background does nothing by itself.
async fn quiet() -> TestStore {
    TestStore::with(|settings| settings.tick = Duration::from_secs(3600)).await
}

#[tokio::test]
async fn an_archive_without_an_index_gets_one_and_searches_then_read_no_lines() {
    let test = TestStore::with(|settings| settings.search.is_on = false).await;
    for n in 0..20 {
        append(&test, ["2017-07-23", "2017-07-24"][n as usize % 2], 7, n).await;
    }
    seal(&test).await;
    let none = [
        ("2017-07-23", Searchable::None),
        ("2017-07-24", Searchable::None),
    ];
    let none = none.map(|(day, found)| (day.to_owned(), found));
    assert_eq!(searchable(&test).await, BTreeMap::from(none));
    let before = searched(&test, "action:act-7").await;
    assert_eq!(before.unindexed_days.len(), 2);
    assert!(before.bytes_scanned > 0 && before.files == 0);
    let test = test
        .reopened_with(|settings| settings.search.is_on = true)
        .await;
    let progress = test.store.update_index().await.unwrap();
    assert_eq!(progress.waiting_days, 0);
    assert!(
        searchable(&test)
            .await
            .values()
            .all(|found| *found == Searchable::All)
    );
    let after = searched(&test, "action:act-7").await;
    assert_eq!((after.unindexed_days.len(), after.bytes_scanned), (0, 0));
    assert_eq!((after.files, after.events), (2, 20));
    assert_eq!(finds(&test, "action:act-7").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_background_indexes_what_was_sealed() {
    let test = TestStore::with(|settings| settings.tick = Duration::from_millis(20)).await;
    append(&test, "2017-07-24", 7, 1).await;
    seal(&test).await;
    for _ in 0..500 {
        if searchable(&test).await["2017-07-24"] == Searchable::All {
            assert_eq!(index_files(&test).len(), 1);
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("it was never indexed: {:?}", test.store.stats().index);
}

#[tokio::test]
async fn an_open_day_has_pieces_and_a_closed_one_has_one_file() {
    let test = quiet().await;
    // It is 2017-07-25, half past ten.
    for n in 0..5 {
        append(&test, "2017-07-25", 7, n).await;
        seal(&test).await;
        test.store.update_index().await.unwrap();
    }
    assert_eq!(index_files(&test).len(), 5);
    test.clock.advance(Duration::from_secs(16 * 3600));
    test.store.update_index().await.unwrap();
    assert_eq!(index_files(&test).len(), 1);
    assert_eq!(finds(&test, "n:>=0").await, 5);
    // Late events lie beside.
    append(&test, "2017-07-25", 8, 5).await;
    seal(&test).await;
    let some = searchable(&test).await;
    assert_eq!(some["2017-07-25"], Searchable::Some);
    assert_eq!(finds(&test, "n:>=0").await, 6);
    test.store.update_index().await.unwrap();
    assert_eq!(index_files(&test).len(), 2);
    assert_eq!(searchable(&test).await["2017-07-25"], Searchable::All);
    assert_eq!(finds(&test, "n:>=0").await, 6);
    assert_eq!(searched(&test, "n:5").await.unindexed_days.len(), 0);
}

#[tokio::test]
async fn files_with_deleted_events_are_gone_when_the_deletion_returns() {
    let test = quiet().await;
    for (n, day) in ["2017-07-22", "2017-07-23", "2017-07-24"]
        .iter()
        .enumerate()
    {
        append(&test, day, 7, n as u32).await;
        append(&test, day, 9, 10 + n as u32).await;
    }
    seal(&test).await;
    test.store.update_index().await.unwrap();
    let before = index_files(&test);
    assert_eq!(before.len(), 3);
    let scope = Scope {
        target: Target::Space(test.space),
        days: days("2017-07-23", "2017-07-23"),
        hours: "7".parse().unwrap(),
    };
    let total = test
        .store
        .delete_events(scope, Requester::from("ann"), false)
        .await
        .unwrap();
    assert!(!total.is_owed);
    let left = index_files(&test);
    assert_eq!(left.len(), 2);
    assert!(
        left.iter()
            .all(|path| !path.to_string_lossy().contains("2017-07-23"))
    );
    let catalog = test.catalog().await;
    assert_eq!(catalog.number("SELECT COUNT(*) FROM waste").await, 0);
    assert_eq!(catalog.number("SELECT COUNT(*) FROM index_files").await, 2);
    catalog.close().await;
    assert_eq!(searchable(&test).await["2017-07-23"], Searchable::None);
    assert_eq!(finds(&test, "n:>=0").await, 5);
    // The rest of the day is indexed again.
    test.store.update_index().await.unwrap();
    assert_eq!(index_files(&test).len(), 3);
    assert_eq!(searchable(&test).await["2017-07-23"], Searchable::All);
    assert_eq!(
        (
            finds(&test, "n:>=0").await,
            finds(&test, "action:act-1").await
        ),
        (5, 0)
    );
}

#[tokio::test]
async fn many_hours_that_are_deleted_take_their_index_with_them() {
    let test = quiet().await;
    // More than one transaction removes.
    for day in 1..=13 {
        let events =
            (0..24).map(|hour| at(&format!("2017-07-{day:02}T{hour:02}:00:00Z"), "\"n\":1"));
        let domain = Domain::Space(test.space);
        test.store.append(domain, events.collect()).await.unwrap();
    }
    append(&test, "2017-07-20", 7, 2).await;
    seal(&test).await;
    test.store.update_index().await.unwrap();
    assert_eq!(index_files(&test).len(), 14);
    let scope = test.scope("2017-07-01", "2017-07-13");
    let total = test
        .store
        .delete_events(scope, Requester::from("ann"), false)
        .await
        .unwrap();
    assert_eq!((total.count, total.is_owed), (13 * 24, false));
    assert_eq!(index_files(&test).len(), 1);
    let catalog = test.catalog().await;
    assert_eq!(catalog.number("SELECT COUNT(*) FROM index_files").await, 1);
    catalog.close().await;
}

#[tokio::test]
async fn retention_takes_the_index_of_its_days_even_while_a_session_has_the_events() {
    let test = quiet().await;
    append(&test, "2017-07-10", 7, 1).await;
    append(&test, "2017-07-24", 7, 2).await;
    let session = test.session(test.scope("2017-07-01", "2017-07-31")).await;
    test.store.update_index().await.unwrap();
    assert_eq!(index_files(&test).len(), 2);
    let keep: Retention = 5.try_into().unwrap();
    let space = Target::Space(test.space);
    test.store.set_retention(space, keep, "ann").await.unwrap();
    assert_eq!(test.store.sweep().await.unwrap().count, 1);
    assert_eq!(index_files(&test).len(), 1);
    assert_eq!(finds(&test, "n:>=0").await, 1);
    assert_eq!(
        test.lines(session.id).await.len(),
        2,
        "the session has both"
    );
}

#[tokio::test]
async fn a_damaged_or_missing_file_costs_time_and_is_made_anew() {
    let test = quiet().await;
    for n in 0..30 {
        append(&test, "2017-07-24", 7, n).await;
    }
    seal(&test).await;
    test.store.update_index().await.unwrap();
    let damage: [fn(&mut Vec<u8>); 4] = [
        |bytes| bytes.truncate(bytes.len() - 1),
        |bytes| *bytes.last_mut().unwrap() ^= 1,
        |bytes| bytes[100] ^= 1,
        |bytes| bytes.clear(),
    ];
    for (nth, damage) in damage.iter().enumerate() {
        let [file] = &index_files(&test)[..] else {
            panic!("one file")
        };
        let mut bytes = std::fs::read(file).unwrap();
        damage(&mut bytes);
        std::fs::write(file, &bytes).unwrap();
        let (findings, report) = test.scrub().await;
        assert_eq!((report.findings, report.repairable), (0, 1), "{findings:?}");
        assert!(findings[0].is_repairable && findings[0].path.starts_with("index/"));
        for (query, count) in [("action:act-7", 1), ("n:7", 1), ("act", 30), ("acts", 0)] {
            assert_eq!(finds(&test, query).await, count, "{nth} {query}");
        }
        let check = test.store.verify_index().await.unwrap();
        assert_eq!((check.files, check.damaged.len()), (0, 1));
        let found = searched(&test, "action:act-7").await;
        assert_eq!((found.files, found.unindexed_days.len()), (0, 1));
        test.store.update_index().await.unwrap();
        let check = test.store.verify_index().await.unwrap();
        assert_eq!((check.files, check.events, check.damaged.len()), (1, 30, 0));
        assert_eq!(searched(&test, "action:act-7").await.files, 1);
        assert_eq!(test.scrub().await.1.repairable, 0);
    }
    let rebuilt = test.store.rebuild_index(None).await.unwrap();
    assert_eq!(rebuilt.waiting_days, 0);
    assert_eq!(index_files(&test).len(), 1);
}

#[tokio::test]
async fn a_directory_without_its_index_is_indexed_again() {
    let test = quiet().await;
    append(&test, "2017-07-24", 7, 1).await;
    seal(&test).await;
    test.store.update_index().await.unwrap();
    test.store.close().await.unwrap();
    std::fs::remove_dir_all(test.data_dir().join("index")).unwrap();
    let test = test.crash_and_reopen().await;
    assert_eq!(finds(&test, "n:1").await, 1);
    test.store.update_index().await.unwrap();
    assert_eq!(index_files(&test).len(), 1);
    assert_eq!(searched(&test, "n:1").await.files, 1);
    // A file that a crash left unfinished is erased by the next start.
    let catalog = test.catalog().await;
    let stray = "index/domain=space-02020202-0202-0202-0202-020202020202/date=2017-07-24/x.parquet";
    catalog
        .run_with_text("INSERT INTO waste VALUES (?)", stray)
        .await;
    catalog.close().await;
    let path = test.data_dir().join(stray);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, "half").unwrap();
    let test = test.crash_and_reopen().await;
    assert!(!path.exists());
    assert_eq!(index_files(&test).len(), 1);
}

#[tokio::test]
async fn compaction_changes_nothing_of_the_index() {
    let test = quiet().await;
    for n in 0..6 {
        append(&test, "2017-07-24", 7, n).await;
        seal(&test).await;
    }
    test.store.update_index().await.unwrap();
    let before = index_files(&test);
    assert_eq!(test.store.compact().await.unwrap().objects_out, 1);
    assert_eq!(index_files(&test), before);
    for n in 0..6 {
        assert_eq!(finds(&test, &format!("action:act-{n}")).await, 1);
        assert_eq!(
            searched(&test, &format!("action:act-{n}"))
                .await
                .bytes_scanned,
            0
        );
    }
}

#[tokio::test]
async fn an_object_that_cannot_be_read_keeps_no_other_from_the_index() {
    let test = quiet().await;
    append(&test, "2017-07-24", 7, 1).await;
    append(&test, "2017-07-24", 9, 2).await;
    append(&test, "2017-07-23", 9, 3).await;
    seal(&test).await;
    let objects = files_below(&test.data_dir().join("archive"));
    let bad = objects
        .iter()
        .find(|path| path.to_string_lossy().contains("hour=07"))
        .unwrap();
    let sound = std::fs::read(bad).unwrap();
    let mut bytes = sound.clone();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(bad, &bytes).unwrap();
    test.store.update_index().await.unwrap();
    let found = searchable(&test).await;
    assert_eq!(found["2017-07-24"], Searchable::Some);
    assert_eq!(found["2017-07-23"], Searchable::All);
    std::fs::write(bad, &sound).unwrap();
    test.store.update_index().await.unwrap();
    assert_eq!(searchable(&test).await["2017-07-24"], Searchable::All);
}
