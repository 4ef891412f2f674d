//! Who reported an event.
//!
//! An observer may be written as one of the words `target` and `initiator`: the event was reported by its own target or
//! initiator (DMTF DSP0262, the Event entity). OpenStack's audit middleware writes `"observer": {"id": "target"}`, and
//! `service:neutron` means these events too.

use super::{Expr, Field, Path, Test};

/// The short name that follows these words.
const SERVICE: &str = "service";

/// Returns the condition that one of the field's values passes the test; for `service` also where the observer is the
/// event's target or initiator, and one of its values passes.
pub(super) fn is(field: &Field, test: Test) -> Expr {
    if field.name != SERVICE {
        return Expr::Is(field.clone(), test);
    }
    let passes = |path: &Path| Expr::Is(single(path), test.clone());
    let itself = Expr::any_of(field.paths.iter().map(passes));
    let referred = ["target", "initiator"].map(|word| {
        let refers = |path: &Path| Expr::Is(single(path), Test::Equals(word.to_owned()));
        let ids = &field.paths[1..];
        let resource = [
            Path::of(&format!("{word}.name")),
            Path::of(&format!("{word}.id")),
            Path::of(&format!("{word}Id")),
        ];
        Expr::all_of([
            Expr::any_of(ids.iter().map(refers)),
            Expr::any_of(resource.iter().map(passes)),
        ])
    });
    Expr::any_of([itself].into_iter().chain(referred))
}

fn single(path: &Path) -> Field {
    Field {
        name: path.0.join("."),
        paths: vec![path.clone()],
    }
}
