use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use atrail_catalog::outside::CatalogFile;
use atrail_disk::ErrorKind;
use atrail_evidence::leaf_hash;
use atrail_model::{Hour, ManualClock};
use atrail_wal::NewEvent;
use bytes::Bytes;

use super::*;
use crate::seal::scope::SealScope;
use crate::{Store, StoreSettings};

const NOW: &str = "2017-07-25T12:00:00Z";

async fn open(dir: &Path) -> Result<Store> {
    let settings = StoreSettings::new(dir.to_owned());
    // The last task of a dropped store releases the lock, perhaps a moment later.
    loop {
        let clock = Arc::new(ManualClock::new(NOW.parse().unwrap()));
        match Store::open_dir(settings.clone(), clock).await {
            Err(error) if error.kind() == ErrorKind::Conflict => {}
            opened => return opened,
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

async fn send(store: &Store, account: AccountId, hour: u8) {
    let line = Bytes::from(format!("{{\"eventTime\":\"2017-07-25T{hour:02}:00:00Z\"}}"));
    let event = NewEvent {
        day: "2017-07-25".parse().unwrap(),
        hour: Hour::new(hour).unwrap(),
        leaf: leaf_hash(&line),
        line,
    };
    let sent = store.append(Domain::Account(account), vec![event]);
    sent.await.unwrap();
    store.core.seal(SealScope::All).await.unwrap();
    store
        .core
        .signing
        .sign_all(&store.core.catalog)
        .await
        .unwrap();
}

/// A directory whose catalog lacks one event of the first of two accounts that the archive has.
struct Older {
    data: PathBuf,
    accounts: [AccountId; 2],
    _dir: tempfile::TempDir,
}

impl Older {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        let (catalog, copy) = (data.join("catalog.sqlite"), dir.path().join("copy"));
        let now = NOW.parse().unwrap();
        let store = open(&data).await.unwrap();
        let mut accounts = Vec::new();
        for name in ["a", "b"] {
            let account = store.tenancy().create_account(name, now).await.unwrap().id;
            send(&store, account, 1).await;
            accounts.push(account);
        }
        store.close().await.unwrap();
        drop(store);
        fs::copy(&catalog, &copy).unwrap();
        let store = open(&data).await.unwrap();
        send(&store, accounts[0], 2).await;
        store.close().await.unwrap();
        drop(store);
        fs::copy(&copy, &catalog).unwrap();
        Self {
            data,
            accounts: accounts.try_into().unwrap(),
            _dir: dir,
        }
    }

    async fn sql(&self, sql: &'static str) -> Vec<(String, Vec<u8>)> {
        let file = self.data.join("catalog.sqlite");
        let catalog = CatalogFile::open(&file).await;
        let rows = catalog.rows(sql).await;
        catalog.close().await;
        rows
    }

    /// Returns the epochs of the two accounts.
    async fn epochs(&self) -> [String; 2] {
        let rows = self
            .sql("SELECT l.epoch, d.account FROM logs l JOIN domains d ON d.domain = l.domain ORDER BY l.log")
            .await;
        self.accounts.map(|account| {
            let mut own = rows.iter().rev();
            let found = own.find(|(_, of)| of == account.as_bytes().as_slice());
            found.unwrap().0.clone()
        })
    }
}

#[tokio::test]
async fn the_accounts_that_got_something_begin_a_new_epoch() {
    let older = Older::new().await;
    let before = older.epochs().await;
    open(&older.data).await.unwrap().close().await.unwrap();
    let after = older.epochs().await;
    assert_ne!(after[0], before[0]);
    assert_eq!(after[1], before[1]);
    assert!(!older.data.join("new-epoch").exists());
}

#[tokio::test]
async fn a_start_that_broke_off_before_the_new_epochs_leaves_them_to_the_next() {
    let older = Older::new().await;
    let before = older.epochs().await;
    older
        .sql("CREATE TRIGGER refuse BEFORE INSERT ON logs BEGIN SELECT RAISE(ABORT, 'no'); END")
        .await;
    open(&older.data).await.unwrap_err();
    older.sql("DROP TRIGGER refuse").await;
    assert!(older.data.join("new-epoch").exists());
    open(&older.data).await.unwrap().close().await.unwrap();
    // It is no longer known which accounts were concerned.
    let after = older.epochs().await;
    assert!(after[0] != before[0] && after[1] != before[1]);
    assert!(!older.data.join("new-epoch").exists());
}
