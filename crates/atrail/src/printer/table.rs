//! Tables as the original drew them; pure. `docs/decisions/0101-own-table-renderer.md` says why this is our own.

use unicode_width::UnicodeWidthStr;

use super::safe;

/// On which side of its column a cell stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// Which of the original's two layouts a table has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Headers upper case and centred, a rule after every row: `status`, `trail`.
    Ruled,
    /// Everything at the left, rules at the top, below the header and at the end: the others.
    Plain,
}

/// A column's header and the side that its cells stand on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    name: String,
    align: Align,
}

impl Column {
    /// A column of text.
    pub(crate) fn text(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            align: Align::Left,
        }
    }

    /// A column of numbers.
    pub(crate) fn number(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            align: Align::Right,
        }
    }

    /// The header as given.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }
}

/// Draws the rows of a table one by one, once the widths are known.
#[derive(Debug)]
pub(crate) struct Drawing<'a> {
    layout: Layout,
    columns: &'a [Column],
    widths: Vec<usize>,
}

impl<'a> Drawing<'a> {
    /// For widths that are known beforehand, as when rows are still to come. A wider cell is shown whole.
    pub(crate) fn with_widths(layout: Layout, columns: &'a [Column], widths: &[usize]) -> Self {
        let widths = columns
            .iter()
            .zip(widths)
            .map(|(column, width)| (*width).max(column.name.width()))
            .collect();
        Self {
            layout,
            columns,
            widths,
        }
    }

    /// For rows that are all there.
    pub(crate) fn for_rows(layout: Layout, columns: &'a [Column], rows: &[Vec<String>]) -> Self {
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

    /// The rule at the top, the header, and the rule below it.
    pub(crate) fn head(&self) -> String {
        let cells = self
            .columns
            .iter()
            .zip(&self.widths)
            .map(|(column, width)| match self.layout {
                Layout::Ruled => centre(&column.name.to_uppercase(), *width),
                Layout::Plain => pad(&column.name, *width, Align::Left),
            });
        format!("{}{}{}", self.rule(), line(cells), self.rule())
    }

    /// One row, with the rule after it where the layout has one.
    pub(crate) fn row(&self, row: &[String]) -> String {
        let cells =
            self.columns
                .iter()
                .zip(&self.widths)
                .enumerate()
                .map(|(index, (column, width))| {
                    let cell = row.get(index).map(String::as_str).unwrap_or_default();
                    let align = match self.layout {
                        Layout::Ruled => column.align,
                        Layout::Plain => Align::Left,
                    };
                    pad(&safe::for_terminal(cell), *width, align)
                });
        match self.layout {
            Layout::Ruled => format!("{}{}", line(cells), self.rule()),
            Layout::Plain => line(cells),
        }
    }

    /// What comes after the last row.
    pub(crate) fn foot(&self) -> String {
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

fn line(cells: impl Iterator<Item = String>) -> String {
    format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "))
}

fn pad(cell: &str, width: usize, align: Align) -> String {
    let gap = " ".repeat(width.saturating_sub(cell.width()));
    match align {
        Align::Left => format!("{cell}{gap}"),
        Align::Right => format!("{gap}{cell}"),
    }
}

fn centre(cell: &str, width: usize) -> String {
    let gap = width.saturating_sub(cell.width());
    let left = gap / 2;
    format!("{}{cell}{}", " ".repeat(left), " ".repeat(gap - left))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(layout: Layout, columns: &[Column], rows: &[&[&str]]) -> String {
        let rows: Vec<Vec<String>> = rows
            .iter()
            .map(|row| row.iter().map(|cell| (*cell).to_owned()).collect())
            .collect();
        let drawing = Drawing::for_rows(layout, columns, &rows);
        let body: String = rows.iter().map(|row| drawing.row(row)).collect();
        drawing.head() + &body + &drawing.foot()
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
}
