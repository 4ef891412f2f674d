//! Evidence that was made once and must verify for ever. `ATRAIL_WRITE_FIXTURES=1` makes it again: only before a
//! release of the format, never after.

use std::fs;
use std::path::Path;

use atrail_evidence::{DeletionKind, EventProof, Expectations, HourRange, Outcome, prove, verify};

use crate::key;
use crate::world::{ALL_DAY, World};

fn write(dir: &Path) {
    let mut world = World::new(key());
    let space = world.add_space("5bace1");
    let (today, yesterday) = (world.today, world.today.minus(1));
    world.seal(space, yesterday, &[(3, 12), (4, 9)]);
    world.seal(space, today, &[(0, 1030)]);
    let earlier = world.session(None, (yesterday, today), ALL_DAY, &[]);
    let sizes = world.sizes();
    world.policy(space, 400);
    let hours = HourRange { first: 4, last: 4 };
    world.delete(space, yesterday, hours, DeletionKind::Request, false);
    world.seal(space, yesterday, &[(3, 2)]);
    let later = world.session(None, (yesterday, today), ALL_DAY, &[sizes]);
    let put = |name: &str, bytes: &[u8]| fs::write(dir.join(name), bytes).unwrap();
    let receipt = later.receipt.sign(&world.key).unwrap();
    let proof = prove(&receipt, later.file.as_slice(), 1040).unwrap();
    put(
        "earlier.json.gz.receipt",
        earlier.receipt.sign(&world.key).unwrap().as_bytes(),
    );
    put("events.json.gz", &later.file);
    put("events.json.gz.receipt", receipt.as_bytes());
    put("event.proof", proof.to_text().as_bytes());
    put("key", world.key.verifier_key().to_string().as_bytes());
}

#[test]
fn what_was_made_once_verifies() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    if std::env::var_os("ATRAIL_WRITE_FIXTURES").is_some() {
        fs::create_dir_all(&dir).unwrap();
        write(&dir);
    }
    let text = |name: &str| fs::read_to_string(dir.join(name)).unwrap();
    let expected = Expectations {
        keys: vec![text("key").parse().unwrap()],
        since: Some(text("earlier.json.gz.receipt")),
        ..Expectations::default()
    };
    let file = fs::read(dir.join("events.json.gz")).unwrap();
    let report = verify(&text("events.json.gz.receipt"), &expected, file.as_slice()).unwrap();
    assert_eq!(report.outcome, Outcome::Proven, "{report:#?}");
    assert_eq!((report.events, report.is_recompressed), (1044, false));
    assert_eq!(report.domains[1].by_request.events, 9);
    let proof = EventProof::parse(&text("event.proof")).unwrap();
    let event = proof.verify(&expected.keys).unwrap();
    assert!(event.is_pinned);
    assert_eq!(event.domain, "space-5bace1");
}
