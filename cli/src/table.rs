//! Tables for people: aligned columns, no borders, nothing for machines.

use unicode_width::UnicodeWidthStr;

use crate::text::{Paint, clean_line, clean_words};

/// A cell: what it says and how it is painted. The text is cleaned.
pub(crate) struct Cell {
    text: String,
    paint: fn(Paint, &str) -> String,
}

impl Cell {
    pub(crate) fn painted(text: impl AsRef<str>, paint: fn(Paint, &str) -> String) -> Self {
        Self { text: clean_line(text.as_ref()), paint }
    }

    /// What somebody said, or the beginning of it.
    pub(crate) fn words(text: &str) -> Self {
        Self { text: clean_words(text), paint: |_, text| text.to_owned() }
    }
}

impl<T: AsRef<str>> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::painted(text, |_, text| text.to_owned())
    }
}

/// Rows under a header.
pub(crate) struct Table<const N: usize> {
    header: [&'static str; N],
    rows: Vec<[Cell; N]>,
}

impl<const N: usize> Table<N> {
    pub(crate) fn new(header: [&'static str; N]) -> Self {
        Self { header, rows: Vec::new() }
    }

    pub(crate) fn row(&mut self, cells: [Cell; N]) {
        self.rows.push(cells);
    }

    /// The lines, without trailing spaces.
    pub(crate) fn render(&self, paint: Paint) -> String {
        let mut widths = self.header.map(UnicodeWidthStr::width);
        for row in &self.rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.text.width());
            }
        }
        let header = self.header.map(|name| Cell::painted(name, Paint::dim));
        let lines: Vec<String> =
            std::iter::once(&header).chain(&self.rows).map(|row| render_row(row, &widths, paint)).collect();
        lines.join("\n")
    }
}

fn render_row<const N: usize>(row: &[Cell; N], widths: &[usize; N], paint: Paint) -> String {
    let mut line = String::new();
    let mut gap = 0;
    for (cell, width) in row.iter().zip(widths) {
        if !cell.text.is_empty() {
            line.push_str(&" ".repeat(gap));
            line.push_str(&(cell.paint)(paint, &cell.text));
            gap = 0;
        }
        gap += width - cell.text.width() + 2;
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_for_wide_characters_and_lines_end_clean() {
        let mut table = Table::new(["NAME", "STATE", "NOTE"]);
        table.row(["日本".into(), "paired".into(), "".into()]);
        table.row(["al\x1bice".into(), "pending".into(), "hi\nthere".into()]);
        let shown = table.render(Paint(false));
        assert_eq!(shown, "NAME    STATE    NOTE\n日本    paired\nal\u{fffd}ice  pending  hi there");
    }
}
