//! Tables as docker prints them: columns at least ten wide, three spaces between them
//! ([tabwriter](https://pkg.go.dev/text/tabwriter) with minwidth 10 and padding 3).

use super::escape;

const MIN_WIDTH: usize = 10;
const PADDING: usize = 3;

/// `rows` whose cells are separated by tabs, aligned. Every cell is escaped.
pub(crate) fn aligned(rows: &[String]) -> String {
    let rows: Vec<Vec<_>> = rows.iter().map(|row| row.split('\t').map(escape::line).collect()).collect();
    let mut widths: Vec<usize> = Vec::new();
    for row in &rows {
        // A tab ends a cell: what follows the last one is no cell and widens nothing.
        for (column, cell) in row.iter().take(row.len() - 1).enumerate() {
            widths.resize(widths.len().max(column + 1), MIN_WIDTH);
            widths[column] = widths[column].max(cell.chars().count() + PADDING);
        }
    }
    let mut text = String::new();
    for row in &rows {
        for (column, cell) in row.iter().enumerate() {
            text.push_str(cell);
            if column + 1 < row.len() {
                text.extend(std::iter::repeat_n(' ', widths[column] - cell.chars().count()));
            }
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_dockers() {
        let rows = ["REPOSITORY\tTAG\tIMAGE ID\tSIZE", "debian\tlatest\t3f1d6c17773a\t72.9MB"].map(str::to_owned);
        assert_eq!(
            aligned(&rows),
            "REPOSITORY   TAG       IMAGE ID       SIZE\ndebian       latest    3f1d6c17773a   72.9MB\n"
        );
    }

    #[test]
    fn d11_cells_are_escaped() {
        assert_eq!(aligned(&["a\u{1b}[31m\tb".to_owned()]), "a\\u{1b}[31m   b\n");
    }
}
