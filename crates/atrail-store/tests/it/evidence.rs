//! Receipts of a real store, verified by the auditor's side, which shares only the formats with it.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use atrail_evidence::{
    DomainEvidence, Expectations, Finding, FindingKind, Outcome, Receipt, Report, VerifierKey,
    verify,
};
use atrail_model::{Clock, Domain, Hours, Requester, Retention, Scope, SessionId, Target};
use atrail_store::{EventsOfSpace, NewSession, Session};

use crate::support::{TestStore, days, event, files_below};

impl TestStore {
    async fn receipt(&self, id: SessionId) -> String {
        let bytes = self.store.receipt(self.user, id).await.unwrap();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    async fn verified(&self, session: &Session, expected: &Expectations) -> Report {
        let (receipt, file) = (self.receipt(session.id).await, self.gzip(session.id).await);
        verify(&receipt, expected, file.as_slice()).unwrap()
    }

    /// Verifies the downloaded file of a session.
    pub(crate) async fn prove(&self, session: &Session, file: &[u8]) {
        let receipt = self.receipt(session.id).await;
        let expected = pinned(self.store.verifier_key().await);
        let report = verify(&receipt, &expected, file).unwrap();
        assert_eq!(report.outcome, Outcome::Proven, "{report:#?}");
        assert_eq!(report.events, session.events);
    }

    /// Creates a session of the scope, downloads it, and verifies it.
    async fn proven(&self, scope: Scope) -> Report {
        let session = self.session(scope).await;
        let report = self
            .verified(&session, &pinned(self.store.verifier_key().await))
            .await;
        assert_eq!(report.outcome, Outcome::Proven, "{report:#?}");
        assert_eq!(report.events, session.events);
        report
    }

    async fn session_since(&self, scope: Scope, old: &Session) -> Session {
        let since = old.checkpoints.iter().map(|one| (one.domain, one.size));
        let new = NewSession {
            user: "ann".to_owned(),
            since: since.collect::<BTreeMap<_, _>>(),
            owner: self.user,
            space: Some(self.space),
            scope,
            id: None,
        };
        self.store.create_session(new).await.unwrap()
    }

    fn whole_account(&self) -> Scope {
        Scope {
            target: Target::Account(self.account),
            ..self.scope("2017-07-01", "2017-07-31")
        }
    }
}

fn pinned(key: VerifierKey) -> Expectations {
    Expectations {
        keys: vec![key],
        ..Expectations::default()
    }
}

fn some_days(retention: i64) -> Retention {
    Retention::try_from(retention).unwrap()
}

fn by(name: &'static str, reason: &'static str) -> Requester<'static> {
    Requester {
        name,
        request: "r-1",
        reason,
        warrant: None,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_sealed_is_proven_through_late_events_compaction_and_restarts() {
    let test = TestStore::new().await;
    let july = test.scope("2017-07-01", "2017-07-31");
    let empty = test.proven(july).await;
    assert_eq!(empty.events, 0);
    let many: Vec<_> = (0..2500)
        .map(|n| event("2017-07-24", 7, &format!("event {n}")))
        .collect();
    test.send(&many).await;
    test.send(&[
        event("2017-07-23", 1, "early"),
        event("2017-07-24", 8, "next"),
    ])
    .await;
    let first = test.session(july).await;
    assert_eq!(test.proven(july).await.events, 2502);
    for n in 0..5 {
        test.send(&[event("2017-07-24", 7, &format!("late {n}"))])
            .await;
        test.proven(test.scope("2017-07-24", "2017-07-24")).await;
    }
    test.clock.advance(Duration::from_secs(86_400));
    assert!(test.store.compact().await.unwrap().objects_out > 0);
    assert_eq!(test.proven(july).await.events, 2507);
    let hour = Scope {
        hours: "8".parse::<Hours>().unwrap(),
        ..july
    };
    assert_eq!(test.proven(hour).await.events, 1);
    // The proof of the first session is still valid after all that.
    let key = test.store.verifier_key().await;
    let old = test.verified(&first, &pinned(key.clone())).await;
    assert_eq!(
        (old.outcome, old.events),
        (Outcome::Proven, 2502),
        "{old:#?}"
    );
    let earlier = test.receipt(first.id).await;
    let test = test.crash_and_reopen().await;
    assert_eq!(test.store.verifier_key().await, key, "the key is kept");
    assert_eq!(
        test.receipt(first.id).await,
        earlier,
        "a receipt never changes"
    );
    let since = test.session_since(july, &first).await;
    let expected = Expectations {
        since: Some(earlier),
        ..pinned(key)
    };
    let report = test.verified(&since, &expected).await;
    assert_eq!(report.outcome, Outcome::Proven, "{report:#?}");
    // The control: without the proof, the auditor concludes nothing about earlier states.
    let without = test.session(july).await;
    let report = test.verified(&without, &expected).await;
    assert_eq!(report.outcome, Outcome::Inconclusive, "{report:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deletions_are_accounted_for_and_a_hold_forbids_them() {
    let test = TestStore::new().await;
    let july = test.scope("2017-07-01", "2017-07-31");
    let target = july.target;
    for day in 1..=24 {
        let day = format!("2017-07-{day:02}");
        test.send(&[event(&day, 3, "a"), event(&day, 4, "b")]).await;
    }
    test.proven(july).await;
    let one_hour = Scope {
        hours: "4".parse::<Hours>().unwrap(),
        ..test.scope("2017-07-24", "2017-07-24")
    };
    let account = Target::Account(test.account);
    test.store
        .set_hold(account, by("ann", "case 7"))
        .await
        .unwrap();
    let again = test
        .store
        .set_hold(account, by("bob", "x"))
        .await
        .unwrap_err();
    assert!(
        again.to_string().contains("case 7")
            && again.to_string().contains("release that hold first"),
        "{again}"
    );
    let refused = test
        .store
        .delete_events(one_hour, "ann", false)
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("case 7"), "{refused}");
    test.store
        .set_retention(target, some_days(10), "ann")
        .await
        .unwrap();
    assert_eq!(test.store.sweep().await.unwrap().count, 0, "held");
    test.store
        .release_hold(account, by("ann", "closed"))
        .await
        .unwrap();
    assert!(test.store.holds(account).await.unwrap().is_empty());

    let pinned_before = test.session(july).await;
    let file_before = test.gzip(pinned_before.id).await;
    // Today is the 25th: the 14th is eleven days old.
    let swept = test.store.sweep().await.unwrap();
    assert_eq!(swept.count, 28);
    assert_eq!(test.counts(target).await.len(), 10);
    assert_eq!(
        test.gzip(pinned_before.id).await,
        file_before,
        "retention takes nothing from a session that was there"
    );
    let report = test.proven(july).await;
    let facts = &report.domains[0];
    assert_eq!(
        (facts.by_retention.deletions, facts.by_retention.events),
        (14, 28)
    );
    assert_eq!(report.events, 20);

    let deleted = test
        .store
        .delete_events(one_hour, by("bob", "by mistake"), false);
    assert_eq!(deleted.await.unwrap().count, 1);
    let gone = test
        .store
        .receipt(test.user, pinned_before.id)
        .await
        .unwrap_err();
    assert!(gone.to_string().contains("bob"), "{gone}");
    let facts = &test.proven(july).await.domains[0];
    assert_eq!(
        (facts.by_request.deletions, facts.by_request.events),
        (1, 1)
    );
    // No session needs the bytes any longer.
    test.store
        .delete_session(test.user, pinned_before.id)
        .await
        .unwrap();
    test.clock.advance(Duration::from_secs(40 * 86_400));
    test.store.sweep().await.unwrap();
    let left = crate::support::files_below(&test.data_dir().join("archive"));
    assert_eq!(left.len(), 0, "{left:?}");
    assert_eq!(test.proven(july).await.events, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_session_holds_the_events_of_a_space_that_is_gone() {
    let test = TestStore::new().await;
    test.send(&[event("2017-07-24", 3, "of dev")]).await;
    let other = Domain::Space(test.other_space);
    let events = vec![event("2017-07-24", 3, "of prod")];
    test.store.append(other, events).await.unwrap();
    let own = Domain::Account(test.account);
    let events = vec![event("2017-07-24", 3, "of the account")];
    test.store.append(own, events).await.unwrap();
    assert_eq!(test.proven(test.whole_account()).await.domains.len(), 3);
    let held = test
        .store
        .delete_space(test.other_space, "ann", EventsOfSpace::Stay)
        .await
        .unwrap();
    assert_eq!(held.count, 1);
    let session = test.session(test.whole_account()).await;
    let key = test.store.verifier_key().await;
    let report = test.verified(&session, &pinned(key.clone())).await;
    assert_eq!((report.outcome, report.events), (Outcome::Proven, 3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_key_is_endorsed_by_the_one_before() {
    let test = TestStore::new().await;
    let july = test.scope("2017-07-01", "2017-07-31");
    test.send(&[event("2017-07-24", 3, "a")]).await;
    let first = test.store.verifier_key().await;
    let before = test.session(july).await;
    let second = test.store.rotate_key("admin").await.unwrap();
    assert_ne!(first, second);
    test.send(&[event("2017-07-24", 3, "b")]).await;
    let after = test.session_since(july, &before).await;
    let earlier = test.receipt(before.id).await;
    for key in [&first, &second] {
        let report = test.verified(&after, &pinned(key.clone())).await;
        assert_eq!(report.outcome, Outcome::Proven, "{key}: {report:#?}");
    }
    let since = Expectations {
        since: Some(earlier),
        ..pinned(first.clone())
    };
    let report = test.verified(&after, &since).await;
    assert_eq!(report.outcome, Outcome::Proven, "{report:#?}");
    // The control: a key that this server has never had.
    let stranger = TestStore::new().await;
    let report = test
        .verified(&after, &pinned(stranger.store.verifier_key().await))
        .await;
    assert_ne!(report.outcome, Outcome::Proven);
    let test = test.crash_and_reopen().await;
    assert_eq!(test.store.verifier_key().await, second);
    test.proven(july).await;
}

/// Events from after the copy of the catalog are in the archive under the signed id; or their objects were lost, and
/// they are sealed again from the log, under another id.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_catalog_gives_a_new_epoch_and_never_a_second_history() {
    for is_lost in [false, true] {
        older_catalog(is_lost).await;
    }
}

async fn older_catalog(is_lost: bool) {
    let test = TestStore::new().await;
    let july = test.scope("2017-07-01", "2017-07-31");
    test.send(&[event("2017-07-23", 3, "kept")]).await;
    test.proven(july).await;
    let older = tempfile::tempdir().unwrap();
    test.store.close().await.unwrap();
    let catalog = test.data_dir().join("catalog.sqlite");
    copy(&catalog, &older.path().join("catalog.sqlite"));
    let test = test.crash_and_reopen().await;
    test.send(&[event("2017-07-24", 3, "of a day that the copy lacks")])
        .await;
    let seen = test.session(july).await;
    let receipt = test.receipt(seen.id).await;
    test.store.close().await.unwrap();
    for suffix in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{suffix}", catalog.display()));
    }
    copy(&older.path().join("catalog.sqlite"), &catalog);
    if is_lost {
        let later = files_below(&test.data_dir().join("archive")).into_iter();
        let later = later.filter(|file| file.to_string_lossy().contains("date=2017-07-24"));
        later.for_each(|file| std::fs::remove_file(file).unwrap());
    }
    let test = test.crash_and_reopen().await;
    let key = test.store.verifier_key().await;
    test.send(&[event("2017-07-25", 3, "after")]).await;
    let session = test.session_since(july, &seen).await;
    let report = test.verified(&session, &pinned(key.clone())).await;
    assert_eq!(report.outcome, Outcome::Proven, "{report:#?}");
    let epoch = report.domains[0].epoch.as_ref().unwrap();
    assert!(epoch.reason.contains("was signed"), "{epoch:?}");
    assert_eq!(epoch.continues_size, Some(seen.checkpoints[0].size));
    let since = Expectations {
        since: Some(receipt),
        ..pinned(key)
    };
    // The holder of the earlier receipt sees that nothing is missing, or what the new history lacks.
    let report = test.verified(&session, &since).await;
    let (outcome, missing) = if is_lost {
        (Outcome::Failed, 1)
    } else {
        (Outcome::Proven, 0)
    };
    assert_eq!(report.outcome, outcome, "{report:#?}");
    let lacks = |finding: &&Finding| finding.kind == FindingKind::Missing;
    assert_eq!(report.findings.iter().filter(lacks).count(), missing);
    assert_eq!(report.findings.len(), missing, "{report:#?}");
    // The epoch stays the same from then on.
    let test = test.crash_and_reopen().await;
    let report = test.proven(july).await;
    assert_eq!(report.domains[0].epoch.as_ref(), Some(epoch));
}

#[tokio::test]
async fn a_receipt_that_would_be_too_large_is_refused_and_a_smaller_one_is_not() {
    let test = TestStore::with(|settings| settings.max_receipt_bytes = 3_000).await;
    let kept = |day: u32| event(&format!("2017-07-{day:02}"), 3, &format!("of day {day}"));
    test.send(&(1..=20).map(kept).collect::<Vec<_>>()).await;
    test.proven(test.scope("2017-07-01", "2017-07-01")).await;
    let new = test.new_session(test.scope("2017-07-01", "2017-07-31"));
    let error = test.store.create_session(new).await.unwrap_err();
    assert!(error.to_string().contains("choose fewer days"), "{error}");
    test.proven(test.scope("2017-07-02", "2017-07-02")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_that_is_served_begins_a_new_epoch() {
    let test = TestStore::new().await;
    test.send(&[event("2017-07-24", 3, "a")]).await;
    test.proven(test.scope("2017-07-01", "2017-07-31")).await;
    let copy = tempfile::tempdir().unwrap();
    let into = copy.path().join("copy");
    atrail_care::backup(test.data_dir(), &into, false, &mut |_| {})
        .await
        .unwrap();
    let copied = test.served_from(into).await;
    let report = copied
        .proven(copied.scope("2017-07-01", "2017-07-31"))
        .await;
    assert_eq!(report.events, 1);
    let epoch = report.domains[0].epoch.as_ref().unwrap();
    assert!(epoch.reason.contains("backup"), "{epoch:?}");
    assert!(
        test.proven(test.scope("2017-07-01", "2017-07-31"))
            .await
            .domains[0]
            .epoch
            .is_none()
    );
}

fn copy(from: &Path, to: &Path) {
    std::fs::copy(from, to).unwrap();
}

/// A segment of more than 1,024 events has the hashes of its runs of that size, and no other segment has any.
#[tokio::test]
async fn large_segments_come_with_the_hashes_of_their_runs() {
    let test = TestStore::new().await;
    test.clock.advance(Duration::from_secs(86_400));
    let send = async |domain, texts: std::ops::Range<u32>| {
        let events = texts.map(|nth| event("2017-07-24", 7, &nth.to_string()));
        test.store.append(domain, events.collect()).await.unwrap();
        test.session(test.whole_account()).await
    };
    let (large, small) = (Domain::Space(test.space), Domain::Space(test.other_space));
    let runs = async |session: &Session| {
        let text = test.receipt(session.id).await;
        let (receipt, _) = Receipt::parse(&text).unwrap();
        let of = |part: &DomainEvidence| part.subtrees.values().map(Vec::len).collect::<Vec<_>>();
        let domains = receipt.domains.iter();
        let runs = domains.map(|part| (part.domain.clone(), of(part)));
        runs.filter(|(_, runs)| !runs.is_empty())
            .collect::<Vec<_>>()
    };
    send(large, 0..1_025).await;
    let all = send(small, 0..1_024).await;
    assert_eq!(runs(&all).await, [(large.to_string(), vec![2])]);
    // Two segments of one object, which has more than 1,024 events.
    send(small, 2_000..2_600).await;
    assert_eq!(test.store.compact().await.unwrap().objects_in, 2);
    let all = test.session(test.whole_account()).await;
    assert_eq!(runs(&all).await, [(large.to_string(), vec![2])]);
    let file = test.gzip(all.id).await;
    test.prove(&all, &file).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn days_of_one_list_do_not_depend_on_other_days() {
    let test = TestStore::new().await;
    for month in 1..=6 {
        let day = format!("2017-{month:02}-15");
        test.send(&[event(&day, 3, "a")]).await;
        test.session(test.scope(&day, &day)).await;
    }
    // Across the parts of `days` in the catalog, and at their ends.
    for (first, last) in [
        ("1970-01-01", "2149-06-06"),
        ("2017-01-15", "2017-01-15"),
        ("2017-02-01", "2017-05-20"),
        ("1999-01-01", "1999-12-31"),
    ] {
        test.proven(Scope {
            days: days(first, last),
            ..test.scope("2017-07-01", "2017-07-01")
        })
        .await;
    }
}

/// Spaces are created at any moment, during operations on all of an account's logs.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spaces_that_are_made_meanwhile_are_left_out_of_nothing() {
    let test = TestStore::new().await;
    let account = Target::Account(test.account);
    let making = {
        let (tenancy, account, now) = (test.store.tenancy(), test.account, test.clock.now());
        tokio::spawn(async move {
            let organization = tenancy.create_organization(account, "more", now).await;
            let organization = organization.unwrap().id;
            for number in 0..60 {
                let name = format!("space-{number}");
                tenancy
                    .create_space(organization, &name, now)
                    .await
                    .unwrap();
            }
        })
    };
    while !making.is_finished() {
        test.store.rotate_key("admin").await.unwrap();
        test.proven(test.whole_account()).await;
        test.store
            .set_hold(account, by("ann", "case"))
            .await
            .unwrap();
        let held = test.store.holds(account).await.unwrap().len();
        assert!(held >= 3, "{held}");
        test.store
            .release_hold(account, by("ann", ""))
            .await
            .unwrap();
    }
    making.await.unwrap();
    test.store
        .set_hold(account, by("ann", "case"))
        .await
        .unwrap();
    let domains = test.proven(test.whole_account()).await.domains.len();
    assert_eq!(test.store.holds(account).await.unwrap().len(), domains);
    // No log names a key other than the signing one: so there is no new epoch.
    let test = test.crash_and_reopen().await;
    let report = test.proven(test.whole_account()).await;
    assert!(report.domains.iter().all(|domain| domain.epoch.is_none()));
}
