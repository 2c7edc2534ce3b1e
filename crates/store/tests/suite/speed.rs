//! How fast rows go in: `cargo test --release -p store --test suite speed -- --ignored --nocapture --test-threads=1`.

use std::time::Instant;

use store::{BATCH, MessageRow};

use crate::base::{Base, DAY, row_at};
use crate::on_both;
use crate::testing::NOW;

const ROWS: u32 = 100_000;

async fn rows_per_second(base: Base) {
    let store = base.store().await;
    let row = |number: u32| MessageRow { deferral: None, ..row_at(NOW.0 + u64::from(number) % DAY, number) };
    let rows: Vec<MessageRow> = (0..ROWS).map(row).collect();
    let start = Instant::now();
    for batch in rows.chunks(BATCH) {
        store.insert(batch).await.unwrap();
    }
    let seconds = start.elapsed().as_secs_f64();
    println!("{ROWS} rows in {seconds:.2} s: {:.0} rows/s", f64::from(ROWS) / seconds);
    let (rows, bytes) = store.size().await.unwrap();
    println!("{} bytes a row are counted", bytes / rows);
    if base.postgres.is_none() {
        store.close().await;
        let size = std::fs::metadata(base.url()).unwrap().len();
        println!("{} bytes a row are in the file", size / rows);
    } else {
        let size = base.number("SELECT pg_total_relation_size('messages')").await;
        println!("{} bytes a row are in the table", size / i64::from(ROWS));
    }
}

on_both!(
    #[ignore = "takes a while, and says something in release only"]
    rows_per_second,
);
