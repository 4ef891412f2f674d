//! Tables in the original's layouts; pure. `docs/decisions/0101-own-table-renderer.md` gives the reasons for a renderer
//! of our own.

use unicode_width::UnicodeWidthStr;

use crate::{fit, safe};

/// The alignment of a cell in its column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
    /// Headers of the ruled layout.
    Centre,
}

/// The original's two layouts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// Headers upper case and centred, a rule after every row: `status`, `trail`.
    Ruled,
    /// Everything left-aligned, rules at the top, below the header and at the end: all other tables.
    Plain,
}

/// A column's header and the alignment of its cells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    name: String,
    align: Align,
    is_verbatim: bool,
    /// The narrowest that it becomes in a terminal.
    least: usize,
}

impl Column {
    /// Creates a column of text.
    pub fn text(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            align: Align::Left,
            is_verbatim: false,
            least: fit::WIDTH_MIN,
        }
    }

    /// Creates a column of numbers.
    pub fn number(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            align: Align::Right,
            is_verbatim: true,
            least: fit::WIDTH_MIN,
        }
    }

    /// Creates a column of text whose cells programs compare byte for byte, such as hashes: nothing ever precedes them.
    pub fn verbatim(name: &str) -> Self {
        Self {
            is_verbatim: true,
            ..Self::text(name)
        }
    }

    /// Lets a terminal narrow the column to this width.
    pub fn at_least(self, least: usize) -> Self {
        Self { least, ..self }
    }

    /// Returns whether programs compare its cells byte for byte.
    pub const fn is_verbatim(&self) -> bool {
        self.is_verbatim
    }

    /// Returns the header as it was passed in.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// What stands for a table without rows whose header does not fit.
const NO_ROWS: &str = "(no rows)\n";

/// Draws a complete set of rows, within the width of a terminal if there is one: it wraps cells, and where that does
/// not suffice, draws each row as a table of names and values.
pub fn draw(
    layout: Layout,
    columns: &[Column],
    rows: &[Vec<String>],
    terminal: Option<usize>,
) -> String {
    let drawing = Drawing::for_rows(layout, columns, rows);
    if let Some(terminal) = terminal {
        return match drawing.narrowed(terminal) {
            Some(drawing) => drawing.all(rows),
            None if rows.is_empty() => NO_ROWS.to_owned(),
            None => records(columns, rows, terminal),
        };
    }
    drawing.all(rows)
}

fn records(columns: &[Column], rows: &[Vec<String>], terminal: usize) -> String {
    let names_and_values = [Column::text("Name"), Column::text("Value")];
    let tables = rows.iter().map(|row| {
        let pairs: Vec<_> = columns
            .iter()
            .zip(row)
            .map(|(column, cell)| vec![column.name.clone(), cell.clone()])
            .collect();
        let drawing = Drawing::for_rows(Layout::Plain, &names_and_values, &pairs);
        match drawing.narrowed(terminal) {
            Some(narrow) => narrow.all(&pairs),
            None => drawing.all(&pairs),
        }
    });
    tables.collect()
}

/// Draws the rows of a table one by one, with known widths.
#[derive(Debug)]
pub struct Drawing<'a> {
    layout: Layout,
    columns: &'a [Column],
    widths: Vec<usize>,
    wraps: bool,
}

impl<'a> Drawing<'a> {
    /// Creates a drawing with these widths, for rows that are not yet known. A wider cell is shown whole.
    pub fn with_widths(layout: Layout, columns: &'a [Column], widths: &[usize]) -> Self {
        let widths = columns
            .iter()
            .zip(widths)
            .map(|(column, width)| (*width).max(column.name.width()))
            .collect();
        Self {
            layout,
            columns,
            widths,
            wraps: false,
        }
    }

    /// Creates a drawing that fits these rows.
    fn for_rows(layout: Layout, columns: &'a [Column], rows: &[Vec<String>]) -> Self {
        let widest = |index: usize| {
            let cells = rows.iter().filter_map(|row| row.get(index));
            cells
                .map(|cell| safe::for_terminal(cell).width())
                .max()
                .unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns.len()).map(widest).collect();
        Self::with_widths(layout, columns, &widths)
    }

    /// Returns the drawing with wrapped cells within a terminal's width; `None` when the cells would be too narrow to
    /// read.
    pub fn narrowed(&self, terminal: usize) -> Option<Self> {
        let least: Vec<_> = self.columns.iter().map(|column| column.least).collect();
        let widths = fit::narrow(&self.widths, &least, terminal)?;
        Some(Self {
            layout: self.layout,
            columns: self.columns,
            wraps: widths != self.widths,
            widths,
        })
    }

    /// Returns the drawing with every cell wrapped that is wider than its column.
    #[must_use]
    pub fn wrapping(self) -> Self {
        Self {
            wraps: true,
            ..self
        }
    }

    fn all(&self, rows: &[Vec<String>]) -> String {
        let body: String = rows.iter().map(|row| self.row(row)).collect();
        self.head() + &body + &self.foot()
    }

    /// Returns the rule at the top, the header, and the rule below it.
    pub fn head(&self) -> String {
        let (align, names): (_, Vec<_>) = match self.layout {
            Layout::Ruled => {
                let upper = self.columns.iter().map(|column| column.name.to_uppercase());
                (Align::Centre, upper.collect())
            }
            Layout::Plain => {
                let names = self.columns.iter().map(|column| column.name.clone());
                (Align::Left, names.collect())
            }
        };
        let header = self.lines(&names, |_| align);
        format!("{}{header}{}", self.rule(), self.rule())
    }

    /// Returns one row, with a rule after it where the layout has one.
    pub fn row(&self, row: &[String]) -> String {
        let text = self.lines(row, |column| match self.layout {
            Layout::Ruled => column.align,
            Layout::Plain => Align::Left,
        });
        match self.layout {
            Layout::Ruled => text + &self.rule(),
            Layout::Plain => text,
        }
    }

    /// Returns cells side by side; wrapped cells continue below.
    fn lines(&self, cells: &[String], align: impl Fn(&Column) -> Align) -> String {
        let wrapped = self.widths.iter().enumerate().map(|(index, width)| {
            let cell = cells.get(index).map(String::as_str).unwrap_or_default();
            let cell = safe::for_terminal(cell);
            if self.wraps {
                fit::wrap(&cell, *width)
            } else {
                vec![cell.into_owned()]
            }
        });
        let wrapped: Vec<_> = wrapped.collect();
        let height = wrapped.iter().map(Vec::len).max().unwrap_or(0);
        let lines = (0..height).map(|number| {
            let cells = self.columns.iter().zip(&self.widths).zip(&wrapped);
            let padded = cells.map(|((column, width), lines)| {
                let text = lines.get(number).map(String::as_str).unwrap_or_default();
                pad(text, *width, align(column))
            });
            format!("| {} |\n", padded.collect::<Vec<_>>().join(" | "))
        });
        lines.collect()
    }

    /// Returns the end of the table, after the last row.
    pub fn foot(&self) -> String {
        match self.layout {
            Layout::Ruled => String::new(),
            Layout::Plain => self.rule(),
        }
    }

    fn rule(&self) -> String {
        let dashes = self.widths.iter().map(|width| "-".repeat(width + 2));
        format!("+{}+\n", dashes.collect::<Vec<_>>().join("+"))
    }
}

fn pad(cell: &str, width: usize, align: Align) -> String {
    let gap = width.saturating_sub(cell.width());
    let left = match align {
        Align::Left => 0,
        Align::Right => gap,
        Align::Centre => gap / 2,
    };
    format!("{}{cell}{}", " ".repeat(left), " ".repeat(gap - left))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(layout: Layout, columns: &[Column], rows: &[&[&str]]) -> String {
        draw_within(None, layout, columns, rows)
    }

    fn draw_within(
        terminal: Option<usize>,
        layout: Layout,
        columns: &[Column],
        rows: &[&[&str]],
    ) -> String {
        let rows: Vec<Vec<String>> = rows
            .iter()
            .map(|row| row.iter().map(|cell| (*cell).to_owned()).collect())
            .collect();
        super::draw(layout, columns, &rows, terminal)
    }

    #[test]
    fn status_is_ruled_off() {
        let columns = [
            Column::text("Date"),
            Column::number("Count"),
            Column::number("Size"),
            Column::text("Types"),
            Column::text("Searchable"),
        ];
        let rows: [&[&str]; 2] = [
            &["2017-07-24", "16", "3020", "ActivityTracker", "None"],
            &["2017-07-25", "123456", "7", "ActivityTracker", "All"],
        ];
        insta::assert_snapshot!(draw(Layout::Ruled, &columns, &rows), @r"
        +------------+--------+------+-----------------+------------+
        |    DATE    | COUNT  | SIZE |      TYPES      | SEARCHABLE |
        +------------+--------+------+-----------------+------------+
        | 2017-07-24 |     16 | 3020 | ActivityTracker | None       |
        +------------+--------+------+-----------------+------------+
        | 2017-07-25 | 123456 |    7 | ActivityTracker | All        |
        +------------+--------+------+-----------------+------------+
        ");
    }

    #[test]
    fn a_session_is_as_the_original_drew_it() {
        let columns = [Column::text("Name"), Column::text("Value")];
        let rows: [&[&str]; 7] = [
            &["username", "xxx@yyy.com"],
            &["create-time", "2017-07-25T10:29:28.541092735Z"],
            &["access-time", "2017-07-25T10:29:28.541092735Z"],
            &["date-range", r#"{"End":"2017-07-25","Start":"2017-07-25"}"#],
            &["type-account", r#"{"Type":"ActivityTracker"}"#],
            &["id", "32c657c5-31c0-4a3c-a139-b380871c737a"],
            &["space", "66fe4565-abab-46c9-cdcd-qf4565342345"],
        ];
        let expected = r#"+--------------+-------------------------------------------+
| Name         | Value                                     |
+--------------+-------------------------------------------+
| username     | xxx@yyy.com                               |
| create-time  | 2017-07-25T10:29:28.541092735Z            |
| access-time  | 2017-07-25T10:29:28.541092735Z            |
| date-range   | {"End":"2017-07-25","Start":"2017-07-25"} |
| type-account | {"Type":"ActivityTracker"}                |
| id           | 32c657c5-31c0-4a3c-a139-b380871c737a      |
| space        | 66fe4565-abab-46c9-cdcd-qf4565342345      |
+--------------+-------------------------------------------+
"#;
        assert_eq!(draw(Layout::Plain, &columns, &rows), expected);
    }

    #[test]
    fn width_is_what_a_terminal_shows() {
        let columns = [Column::text("N")];
        let rows: [&[&str]; 2] = [&["猫猫"], &["\u{1b}[1m"]];
        insta::assert_snapshot!(draw(Layout::Plain, &columns, &rows), @r"
        +-----------+
        | N         |
        +-----------+
        | 猫猫      |
        | \u{1b}[1m |
        +-----------+
        ");
    }

    #[test]
    fn a_table_fits_the_terminal() {
        let columns = ["Id", "Space", "User"].map(Column::text);
        let id = "32c657c5-31c0-4a3c-a139-b380871c737a";
        let rows: [&[&str]; 1] = [&[id, id, "alice"]];
        insta::assert_snapshot!(draw_within(Some(60), Layout::Plain, &columns, &rows), @r"
        +------------------------+-------------------------+-------+
        | Id                     | Space                   | User  |
        +------------------------+-------------------------+-------+
        | 32c657c5-31c0-4a3c-a13 | 32c657c5-31c0-4a3c-a139 | alice |
        | 9-b380871c737a         | -b380871c737a           |       |
        +------------------------+-------------------------+-------+
        ");
        insta::assert_snapshot!(draw_within(Some(36), Layout::Ruled, &columns, &rows), @r"
        +-------+--------------------------+
        | Name  | Value                    |
        +-------+--------------------------+
        | Id    | 32c657c5-31c0-4a3c-a139- |
        |       | b380871c737a             |
        | Space | 32c657c5-31c0-4a3c-a139- |
        |       | b380871c737a             |
        | User  | alice                    |
        +-------+--------------------------+
        ");
        assert_eq!(
            draw_within(Some(200), Layout::Plain, &columns, &rows),
            draw(Layout::Plain, &columns, &rows)
        );
        for width in 24..100 {
            let drawn = draw_within(Some(width), Layout::Plain, &columns, &rows);
            // Narrower than this, not even names and values fit.
            let fits = drawn.lines().all(|line| line.len() <= width);
            assert!(fits, "{width}\n{drawn}");
        }
    }
}
