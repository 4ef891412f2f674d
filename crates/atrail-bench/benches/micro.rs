//! Measures the duration of each hot path. `docs/PERFORMANCE.md` has the figures.

mod hot_paths;
mod index;

use atrail_store::benching::BlockWriter;
use atrail_table::{Column, Layout, draw};
use atrail_torture::Numbers;
use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};

fn main() {
    divan::main();
}

/// The work of a request for each event before it is stored: splitting, members, validation.
#[divan::bench]
fn check_events(bencher: Bencher) {
    let body = hot_paths::body();
    bencher
        .counter(ItemsCount::new(hot_paths::EVENTS))
        .counter(BytesCount::of_slice(&body))
        .bench(|| hot_paths::check_events(&body));
}

#[divan::bench]
fn hash_leaves(bencher: Bencher) {
    let events = hot_paths::events();
    let bytes: usize = events.iter().map(String::len).sum();
    bencher
        .counter(ItemsCount::new(hot_paths::EVENTS))
        .counter(BytesCount::new(bytes))
        .bench(|| hot_paths::hash_leaves(&events));
}

/// The gzip member of 256 KiB that sealing writes.
#[divan::bench]
fn compress_block(bencher: Bencher) {
    let block = hot_paths::block();
    let mut writer = BlockWriter::default();
    bencher
        .counter(BytesCount::of_slice(&block))
        .bench_local(|| writer.write(&block));
}

/// The index file of a day's events, from blocks that are already inflated.
#[divan::bench]
fn write_index(bencher: Bencher) {
    let blocks = index::blocks();
    bencher
        .counter(ItemsCount::new(index::EVENTS))
        .bench(|| index::write(&blocks));
}

/// The counts of a day's dashboard by its index file: a histogram and four facets.
#[divan::bench]
fn count_by_index(bencher: Bencher) {
    let (file, written) = index::write(&index::blocks());
    bencher
        .counter(ItemsCount::new(index::EVENTS))
        .bench(|| index::dashboard(&file, &written));
}

/// The first read of a range that begins at an arbitrary position.
#[divan::bench]
fn plan_begin_of_range(bencher: Bencher) {
    let (plan, total_bytes) = hot_paths::plan();
    let mut numbers = Numbers::new(2);
    bencher
        .with_inputs(|| numbers.below(total_bytes))
        .bench_local_values(|start| plan.first_pieces(start..total_bytes));
}

/// All reads of a whole download.
#[divan::bench]
fn plan_whole_download(bencher: Bencher) {
    let (plan, total_bytes) = hot_paths::plan();
    bencher
        .counter(ItemsCount::new(hot_paths::PARTS))
        .bench(|| plan.pieces(0..total_bytes));
}

#[divan::bench]
fn draw_table(bencher: Bencher) {
    const ROWS: u64 = 10_000;
    let columns = [
        Column::text("Date"),
        Column::number("Count"),
        Column::number("Size"),
        Column::text("Types"),
        Column::text("Searchable"),
    ];
    let mut numbers = Numbers::new(3);
    let rows: Vec<_> = (0..ROWS)
        .map(|_| {
            vec![
                "2017-07-24".to_owned(),
                numbers.below(1_000_000).to_string(),
                numbers.below(1_000_000_000).to_string(),
                "ActivityTracker".to_owned(),
                "None".to_owned(),
            ]
        })
        .collect();
    bencher
        .counter(ItemsCount::new(ROWS))
        .bench(|| draw(Layout::Ruled, &columns, &rows, None));
}
