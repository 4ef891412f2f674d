//! The Parquet table, with our own sections after each row group.

use std::io::{self, Write};
use std::sync::Arc;

use atrail_model::{Day, Domain};
use bytes::Bytes;
use parquet::basic::{Compression, Encoding, LogicalType, Repetition, TimeUnit, Type, ZstdLevel};
use parquet::data_type::{
    ByteArray, ByteArrayType, DataType, FixedLenByteArray, FixedLenByteArrayType, Int32Type,
    Int64Type,
};
use parquet::file::metadata::SortingColumn;
use parquet::file::properties::{EnabledStatistics, WriterProperties, WriterVersion};
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::types::{ColumnPath, Type as SchemaType, TypePtr};

use super::Settings;
use super::part::{Coded, Part};
use crate::index::blocks;
use crate::index::bytes::{checksum, narrow};
use crate::index::columns::{
    COLUMNS, ID_COLUMN, LEAF_COLUMN, LINE_COLUMN, OFFSET_COLUMN, SEGMENT_COLUMN, TIME_COLUMN,
};
use crate::index::directory::{
    BLOCKS, BLOOMS, ColumnEntry, Directory, Extent, PAIRS, PART_MAX_ROWS, PartEntry, UNUSUAL,
    WORDS, rules,
};
use crate::index::filter;
use crate::index::page::{Codec, NO_VALUE};
use crate::index::unusual;

/// Rows of a page.
const PAGE_ROWS: usize = 20_000;
/// Rows between two looks at whether a page is complete; pages end there.
const BATCH_ROWS: usize = 1000;
/// More bytes than a dictionary or a page ever has: neither is given up half-way.
const UNLIMITED_BYTES: usize = 256 << 20;
/// Chunks of fewer bytes are not compressed: nothing would be won.
const COMPRESSED_MIN_BYTES: usize = 512;
/// Errors of Parquet's Bloom filters.
const BLOOM_FPP: f64 = 0.01;
/// A file of fewer rows has none: a reader skips a page by them, and this is less than one.
const BLOOM_MIN_ROWS: usize = PAGE_ROWS;
const ZSTD_LEVEL: i32 = 3;

/// A table that is being written.
#[derive(Debug)]
pub(super) struct Table<W: Write + Send> {
    file: SerializedFileWriter<Sink<W>>,
    columns: Vec<ColumnEntry>,
    parts: Vec<PartEntry>,
    finer: bool,
    settings: Settings,
}

impl<W: Write + Send> Table<W> {
    /// Begins a table. `only` is its only part when there is no other: then small columns are not compressed, and few
    /// rows have no Bloom filters.
    pub(super) fn begin(out: W, settings: Settings, only: Option<&Part>) -> io::Result<Self> {
        let columns = entries(settings, only);
        let sink = Sink {
            out,
            held: Vec::new(),
            start: 0,
        };
        let properties = Arc::new(properties(
            &columns,
            only.is_none_or(|part| part.rows() >= BLOOM_MIN_ROWS),
        )?);
        Ok(Self {
            file: SerializedFileWriter::new(sink, schema(settings)?, properties)?,
            columns,
            parts: Vec::new(),
            finer: false,
            settings,
        })
    }

    /// Writes a part, and empties it.
    pub(super) fn part(&mut self, part: &mut Part) -> io::Result<()> {
        let mut order: Vec<u32> = (0..narrow(part.rows())).collect();
        order.sort_by_key(|row| part.micros[*row as usize]);
        // Made first, because they are small and what they are made of is not.
        let own = own_sections(part, &order);
        let rows = Rows {
            part,
            order: &order,
        };
        let mut group = self.file.next_row_group()?;
        rows.write(&mut group, self.settings)?;
        let group = group.close()?;
        let ranges: Vec<_> = group
            .columns()
            .iter()
            .map(|chunk| chunk.byte_range())
            .collect();
        let chunks_end = ranges.iter().map(|(from, length)| from + length).max();
        let end = self.file.bytes_written() as u64;
        let blooms = chunks_end.map(|from| (from, end - from));

        let mut sections = vec![(BLOOMS, blooms.unwrap_or_default())];
        for (kind, bytes) in own {
            sections.push((kind, (self.file.bytes_written() as u64, bytes.len() as u64)));
            self.file.write_all(&bytes)?;
        }
        self.file.flush()?;
        let sink = self.file.inner_mut();
        let time = |row: Option<&u32>| row.map_or(0, |row| part.micros[*row as usize]);
        self.parts.push(PartEntry {
            rows: narrow(part.rows()),
            first_micros: time(order.first()),
            last_micros: time(order.last()),
            chunks: ranges.iter().map(|range| sink.extent(*range)).collect(),
            sections: sections
                .into_iter()
                .filter(|(_, (_, length))| *length > 0)
                .map(|(kind, range)| (kind, sink.extent(range)))
                .collect(),
        });
        sink.pass_on()?;
        self.finer |= part.finer;
        part.clear();
        Ok(())
    }

    /// Writes the footer.
    pub(super) fn finish(mut self, domain: Domain, day: Day) -> io::Result<Finished<W>> {
        self.file.flush()?;
        self.file.inner_mut().pass_on()?;
        let first = self.parts.iter().map(|part| part.first_micros).min();
        let last = self.parts.iter().map(|part| part.last_micros).max();
        let directory = Directory {
            domain,
            day,
            finer: self.finer,
            rules: rules(),
            columns: self.columns,
            parts: self.parts,
        };
        self.file.write_all(&directory.write())?;
        let mut sink = self.file.into_inner()?;
        sink.out.write_all(&sink.held)?;
        let size_bytes = sink.start + sink.held.len() as u64;
        Ok(Finished {
            out: sink.out,
            footer: sink.held,
            size_bytes,
            times: first.zip(last),
        })
    }
}

/// A table that is complete.
pub(super) struct Finished<W> {
    pub(super) out: W,
    pub(super) footer: Vec<u8>,
    /// The length of the file.
    pub(super) size_bytes: u64,
    /// The first and the last time in microseconds.
    pub(super) times: Option<(i64, i64)>,
}

/// The bytes that were not passed on yet: those of the part, whose checksums are still to be made.
#[derive(Debug)]
struct Sink<W> {
    out: W,
    held: Vec<u8>,
    /// Where in the file the held bytes begin.
    start: u64,
}

impl<W: Write> Sink<W> {
    fn extent(&self, (offset, length): (u64, u64)) -> Extent {
        let from = usize::try_from(offset - self.start).expect("the part is held");
        let length = usize::try_from(length).expect("the part is held");
        Extent {
            offset,
            length: narrow(length),
            checksum: checksum(&self.held[from..from + length]),
        }
    }

    fn pass_on(&mut self) -> io::Result<()> {
        self.out.write_all(&self.held)?;
        self.start += self.held.len() as u64;
        self.held.clear();
        Ok(())
    }
}

impl<W: Write> Write for Sink<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.held.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Returns our own sections of a part.
fn own_sections(part: &mut Part, order: &[u32]) -> [(u8, Vec<u8>); 4] {
    let mut sections = [BLOCKS, WORDS, PAIRS, UNUSUAL].map(|kind| (kind, Vec::new()));
    let [blocks, words, pairs, unusual_rows] = &mut sections;
    blocks::write(&part.segments, &mut blocks.1);
    part.words.finish(&mut words.1);
    filter::write(&mut std::mem::take(&mut part.pairs).take(), &mut pairs.1);
    if part.unusual.iter().any(|rows| !rows.is_empty()) {
        let mut sorted = vec![0; order.len()];
        for (place, row) in (0..).zip(order) {
            sorted[*row as usize] = place;
        }
        for rows in &mut part.unusual {
            rows.iter_mut().for_each(|row| *row = sorted[*row as usize]);
            rows.sort_unstable();
        }
        unusual::write(&part.unusual, &mut unusual_rows.1);
    }
    sections
}

/// The rows of a part in the order of the file.
struct Rows<'a> {
    part: &'a Part,
    order: &'a [u32],
}

impl Rows<'_> {
    fn write(
        &self,
        group: &mut SerializedRowGroupWriter<'_, impl Write + Send>,
        settings: Settings,
    ) -> io::Result<()> {
        let part = self.part;
        column::<Int64Type>(group, &self.each(|row| part.micros[row]), None)?;
        for Coded { codes, values } in &part.columns {
            let all = Bytes::copy_from_slice(values.texts());
            let texts: Vec<ByteArray> = (0..narrow(values.len()))
                .map(|code| all.slice(values.range(code)).into())
                .collect();
            let code = |row: &u32| codes[*row as usize];
            let value = |row: &u32| texts.get(code(row) as usize).cloned();
            let some: Vec<ByteArray> = self.order.iter().filter_map(value).collect();
            let levels = self.each(|row| i16::from(codes[row] != NO_VALUE));
            column::<ByteArrayType>(group, &some, Some(&levels))?;
        }
        if settings.with_ids {
            let text = |id: &str| ByteArray::from(id);
            let id = |row: &u32| part.ids[*row as usize].as_deref().map(text);
            let some: Vec<ByteArray> = self.order.iter().filter_map(id).collect();
            let levels = self.each(|row| i16::from(part.ids[row].is_some()));
            column::<ByteArrayType>(group, &some, Some(&levels))?;
        }
        if settings.with_leaf_hashes {
            let hash = |row: usize| FixedLenByteArray::from(part.leaf_hashes[row].to_vec());
            column::<FixedLenByteArrayType>(group, &self.each(hash), None)?;
        }
        let mut segments = Vec::new();
        let mut blocks = Vec::new();
        for segment in &part.segments {
            let id = ByteArray::from(&*segment.id.to_string());
            for block in &segment.blocks {
                segments.push(id.clone());
                blocks.push(block.offset.cast_signed());
            }
        }
        let block = |row: usize| part.places[row].0 as usize;
        column::<ByteArrayType>(group, &self.each(|row| segments[block(row)].clone()), None)?;
        column::<Int64Type>(group, &self.each(|row| blocks[block(row)]), None)?;
        column::<Int32Type>(
            group,
            &self.each(|row| part.places[row].1.cast_signed()),
            None,
        )
    }

    fn each<T>(&self, mut value: impl FnMut(usize) -> T) -> Vec<T> {
        self.order.iter().map(|row| value(*row as usize)).collect()
    }
}

fn column<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, impl Write + Send>,
    values: &[T::T],
    levels: Option<&[i16]>,
) -> io::Result<()> {
    let mut writer = group.next_column()?.expect("the schema has this column");
    writer.typed::<T>().write_batch(values, levels, None)?;
    Ok(writer.close()?)
}

/// Returns the columns, and how each is compressed.
fn entries(settings: Settings, only: Option<&Part>) -> Vec<ColumnEntry> {
    let rows = only.map_or(0, Part::rows);
    let entry = |name: &str, bytes: usize| ColumnEntry {
        name: name.to_owned(),
        codec: match only.is_some() && bytes < COMPRESSED_MIN_BYTES {
            true => Codec::Plain,
            false => Codec::Zstd,
        },
    };
    let coded = |values: usize, bytes: usize| {
        let width = values.next_power_of_two().trailing_zeros() as usize;
        bytes + rows * (width + 1) / 8
    };
    let mut entries = vec![entry(TIME_COLUMN, rows * 2)];
    for (number, column) in COLUMNS.iter().enumerate() {
        let bytes = only.map_or(0, |part| {
            let values = &part.columns[number].values;
            coded(values.len(), values.texts().len() + 4 * values.len())
        });
        entries.push(entry(column.name, bytes));
    }
    if settings.with_ids {
        entries.push(entry(ID_COLUMN, rows * 20));
    }
    if settings.with_leaf_hashes {
        entries.push(entry(LEAF_COLUMN, rows * 32));
    }
    let segments = only.map_or(0, |part| part.segments.len());
    let blocks = only.map_or(0, |part| {
        part.segments
            .iter()
            .map(|segment| segment.blocks.len())
            .sum()
    });
    entries.push(entry(SEGMENT_COLUMN, coded(segments, segments * 40)));
    entries.push(entry(OFFSET_COLUMN, coded(blocks, blocks * 8)));
    entries.push(entry(LINE_COLUMN, rows));
    entries
}

fn properties(columns: &[ColumnEntry], with_blooms: bool) -> io::Result<WriterProperties> {
    let level = ZstdLevel::try_new(ZSTD_LEVEL)?;
    let by_time = SortingColumn {
        column_idx: 0,
        descending: false,
        nulls_first: false,
    };
    let mut builder = WriterProperties::builder()
        .set_writer_version(WriterVersion::PARQUET_1_0)
        .set_compression(Compression::ZSTD(level))
        .set_dictionary_enabled(true)
        .set_dictionary_page_size_limit(UNLIMITED_BYTES)
        .set_data_page_size_limit(UNLIMITED_BYTES)
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_write_batch_size(BATCH_ROWS)
        .set_statistics_enabled(EnabledStatistics::None)
        .set_column_statistics_enabled(TIME_COLUMN.into(), EnabledStatistics::Page)
        .set_sorting_columns(Some(vec![by_time]));
    for ColumnEntry { name, codec } in columns {
        let path = || ColumnPath::from(&**name);
        if *codec == Codec::Plain {
            builder = builder.set_column_compression(path(), Compression::UNCOMPRESSED);
        }
        match &**name {
            TIME_COLUMN | LINE_COLUMN => {
                builder = builder
                    .set_column_dictionary_enabled(path(), false)
                    .set_column_encoding(path(), Encoding::DELTA_BINARY_PACKED);
            }
            ID_COLUMN | LEAF_COLUMN => {
                builder = builder.set_column_dictionary_enabled(path(), false);
            }
            _ => {}
        }
    }
    let blooms = COLUMNS.iter().filter(|column| column.bloom && with_blooms);
    for column in blooms {
        let path = || ColumnPath::from(column.name);
        builder = builder
            .set_column_bloom_filter_enabled(path(), true)
            .set_column_bloom_filter_fpp(path(), BLOOM_FPP)
            // Folded to the true number when a part is complete.
            .set_column_bloom_filter_max_ndv(path(), PART_MAX_ROWS as u64);
    }
    Ok(builder.build())
}

fn schema(settings: Settings) -> io::Result<TypePtr> {
    let field = |name: &str, kind, repetition, logical, length| {
        SchemaType::primitive_type_builder(name, kind)
            .with_repetition(repetition)
            .with_logical_type(logical)
            .with_length(length)
            .build()
            .map(Arc::new)
    };
    let (required, optional) = (Repetition::REQUIRED, Repetition::OPTIONAL);
    let time = LogicalType::timestamp(true, TimeUnit::MICROS);
    let text = || Some(LogicalType::String);
    let mut fields = vec![field(TIME_COLUMN, Type::INT64, required, Some(time), 0)?];
    for column in &COLUMNS {
        fields.push(field(column.name, Type::BYTE_ARRAY, optional, text(), 0)?);
    }
    if settings.with_ids {
        fields.push(field(ID_COLUMN, Type::BYTE_ARRAY, optional, text(), 0)?);
    }
    if settings.with_leaf_hashes {
        fields.push(field(
            LEAF_COLUMN,
            Type::FIXED_LEN_BYTE_ARRAY,
            required,
            None,
            32,
        )?);
    }
    fields.push(field(
        SEGMENT_COLUMN,
        Type::BYTE_ARRAY,
        required,
        text(),
        0,
    )?);
    fields.push(field(OFFSET_COLUMN, Type::INT64, required, None, 0)?);
    fields.push(field(LINE_COLUMN, Type::INT32, required, None, 0)?);
    let schema = SchemaType::group_type_builder("events")
        .with_fields(fields)
        .build()?;
    Ok(Arc::new(schema))
}
