//! Runs the console's verifier, the committed WebAssembly, in an interpreter: for what the tests verify, its answer must
//! be the native one, to the byte.

use std::fs;
use std::sync::LazyLock;

use atrail_evidence::{Expectations, Hash};
use serde_json::{Value, json};
use wasmi::{Caller, Engine, Extern, Linker, Module, Store};

use crate::{key, number, pinned, second};

const COMMITTED: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../atrail-console/ui/wasm/verifier.wasm"
);

/// Bytes of file and receipt of a small check. One small check in five is repeated, and one of the others in a hundred;
/// `ATRAIL_WASM_PERMILLE=1000` repeats all. The interpreter needs a hundred times as long as the machine.
const SMALL_BYTES: usize = 8_000;

static VERIFIER: LazyLock<Verifier> =
    LazyLock::new(|| Verifier::new(&fs::read(COMMITTED).unwrap()));

/// The module, and what the interpreter made of it.
struct Verifier {
    engine: Engine,
    module: Module,
}

/// The file that the module reads.
struct File {
    bytes: Vec<u8>,
    at: usize,
}

impl Verifier {
    fn new(wasm: &[u8]) -> Self {
        let engine = Engine::default();
        let module = Module::new(&engine, wasm).unwrap();
        Self { engine, module }
    }

    /// Calls an export as the console does: a JSON text in, a JSON text out.
    fn ask(&self, export: &str, argument: &str, file: &[u8]) -> String {
        let file = File {
            bytes: file.to_vec(),
            at: 0,
        };
        let mut store = Store::new(&self.engine, file);
        let mut linker = <Linker<File>>::new(&self.engine);
        linker.func_wrap("host", "read", read).unwrap();
        let instance = linker
            .instantiate_and_start(&mut store, &self.module)
            .unwrap();
        let memory = instance.get_memory(&store, "memory").unwrap();
        let alloc = instance
            .get_typed_func::<u32, u32>(&store, "alloc")
            .unwrap();
        let check = instance.get_typed_func::<(u32, u32), u32>(&store, export);
        let length = u32::try_from(argument.len()).unwrap();
        let at = alloc.call(&mut store, length).unwrap();
        memory
            .write(&mut store, at as usize, argument.as_bytes())
            .unwrap();
        let answer = check.unwrap().call(&mut store, (at, length)).unwrap() as usize;
        let mut length = [0; 4];
        memory.read(&store, answer, &mut length).unwrap();
        let mut text = vec![0; u32::from_le_bytes(length) as usize];
        memory.read(&store, answer + 4, &mut text).unwrap();
        let free = instance.get_typed_func::<(u32, u32), ()>(&store, "free");
        let block = u32::try_from(text.len() + 4).unwrap();
        let answer = u32::try_from(answer).unwrap();
        free.unwrap().call(&mut store, (answer, block)).unwrap();
        String::from_utf8(text).unwrap()
    }
}

/// Copies the next bytes of the file into the module's memory.
fn read(mut caller: Caller<'_, File>, pointer: u32, length: u32) -> i32 {
    let Some(Extern::Memory(memory)) = caller.get_export("memory") else {
        return -1;
    };
    let (memory, file) = memory.data_and_store_mut(&mut caller);
    let count = (length as usize).min(file.bytes.len() - file.at);
    let to = pointer as usize;
    memory[to..to + count].copy_from_slice(&file.bytes[file.at..file.at + count]);
    file.at += count;
    i32::try_from(count).unwrap()
}

fn argument(receipt: &str, expected: &Expectations) -> Value {
    let keys: Vec<String> = expected.keys.iter().map(ToString::to_string).collect();
    let line = |leaf| format!("{{\"value\":\"{}\"}}\n", Hash::from(leaf));
    let contains = expected.contains.as_ref();
    json!({
        "receipt": receipt,
        "keys": keys,
        "since": expected.since,
        "contains": contains.map(|leaves| leaves.iter().copied().map(line).collect::<String>()),
    })
}

/// Asserts that the console says about a file what the machine's own verifier says. It asks about a share of the files,
/// always the same ones.
pub(crate) fn agrees(receipt: &str, expected: &Expectations, file: &[u8]) {
    let bytes = receipt.len() + file.len();
    let sum = file
        .iter()
        .chain(receipt.as_bytes())
        .fold(0_u64, |sum, byte| {
            sum.wrapping_mul(31).wrapping_add(u64::from(*byte))
        });
    let share = if bytes <= SMALL_BYTES { 200 } else { 10 };
    if sum % 1000 < number("ATRAIL_WASM_PERMILLE", share) {
        let argument = argument(receipt, expected).to_string();
        let native = atrail_verifier::verify(&argument, file);
        assert_eq!(VERIFIER.ask("verify", &argument, file), native);
    }
}

fn fixture(name: &str) -> Vec<u8> {
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/");
    fs::read(format!("{dir}{name}")).unwrap()
}

fn text(name: &str) -> String {
    String::from_utf8(fixture(name)).unwrap()
}

#[test]
fn the_console_says_what_the_machine_says() {
    let file = fixture("events.json.gz");
    let receipt = text("events.json.gz.receipt");
    let since = Some(text("earlier.json.gz.receipt"));
    let keys = vec![text("key").parse().unwrap()];
    let expected = Expectations {
        keys,
        since,
        ..Expectations::default()
    };
    let mut changed = file.clone();
    changed[200] ^= 1;
    let cut = &file[..file.len() - 9];
    for expected in [expected, pinned(&second()), Expectations::default()] {
        let argument = argument(&receipt, &expected).to_string();
        for file in [file.as_slice(), &changed, cut, b""] {
            let native = atrail_verifier::verify(&argument, file);
            assert_eq!(VERIFIER.ask("verify", &argument, file), native);
        }
    }
    let proof = text("event.proof");
    for argument in [
        json!({"proof": proof, "key": text("key")}),
        json!({"proof": proof.replacen("index 1", "index 2", 1), "key": text("key")}),
        json!({"proof": proof, "event": "e30="}),
        json!({"proof": proof, "key": key().verifier_key().to_string()}),
        json!({"no": "proof"}),
    ] {
        let argument = argument.to_string();
        let native = atrail_verifier::prove(&argument);
        assert_eq!(VERIFIER.ask("prove", &argument, b""), native);
    }
}

/// The control: another verifier, which has one word wrong, does not pass for this one.
#[test]
fn a_verifier_that_differs_in_one_byte_is_noticed() {
    let mut wasm = fs::read(COMMITTED).unwrap();
    let word = b"TRUNCATED";
    let at = wasm.windows(word.len()).position(|part| part == word);
    wasm[at.unwrap()] = b'D';
    let other = Verifier::new(&wasm);
    let expected = pinned(&key());
    let argument = argument(&text("events.json.gz.receipt"), &expected).to_string();
    let native = atrail_verifier::verify(&argument, &b""[..]);
    assert_eq!(VERIFIER.ask("verify", &argument, b""), native);
    assert_ne!(other.ask("verify", &argument, b""), native);
}
