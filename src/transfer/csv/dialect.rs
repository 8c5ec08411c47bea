//! The delimiter of a CSV file and its detection.

use std::fmt;

use serde::Serialize;

/// The character between two cells of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum Delimiter {
    /// `,`
    Comma,
    /// `;`, which Excel writes where the comma is the decimal sign.
    Semicolon,
    /// A tab, which spreadsheets put on the clipboard and Excel into its "Unicode text".
    Tab,
}

impl Delimiter {
    /// All delimiters; of two that occur equally often, the earlier one is chosen.
    const ALL: [Self; 3] = [Self::Comma, Self::Semicolon, Self::Tab];

    #[must_use]
    pub const fn byte(self) -> u8 {
        match self {
            Self::Comma => b',',
            Self::Semicolon => b';',
            Self::Tab => b'\t',
        }
    }

    /// The most frequent delimiter outside of quotes in the first line that is not blank.
    pub(super) fn sniff(beginning: &[u8]) -> Self {
        let mut counts = [0_usize; Self::ALL.len()];
        let mut in_quotes = false;
        for byte in beginning.iter().skip_while(|byte| matches!(byte, b'\r' | b'\n')) {
            match byte {
                b'"' => in_quotes = !in_quotes,
                b'\r' | b'\n' if !in_quotes => break,
                _ if in_quotes => {}
                _ => {
                    if let Some(index) = Self::ALL.iter().position(|delimiter| delimiter.byte() == *byte) {
                        counts[index] += 1;
                    }
                }
            }
        }
        let most = counts.iter().copied().max().unwrap_or(0);
        Self::ALL.into_iter().zip(counts).find(|(_, count)| *count == most).map_or(Self::Comma, |(found, _)| found)
    }

    /// The delimiter of a leading `sep=;` line, which Excel writes and reads, and the length of that line without its
    /// end.
    pub(super) fn named_by(beginning: &[u8]) -> Option<(Self, usize)> {
        let line = beginning.split(|byte| matches!(byte, b'\r' | b'\n')).next()?;
        let unquoted = line.strip_prefix(b"\"").and_then(|line| line.strip_suffix(b"\"")).unwrap_or(line);
        let (key, value) = unquoted.split_at_checked(b"sep=".len())?;
        let named = Self::ALL.into_iter().find(|delimiter| [delimiter.byte()] == *value)?;
        key.eq_ignore_ascii_case(b"sep=").then_some((named, line.len()))
    }
}

impl fmt::Display for Delimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Comma => "comma",
            Self::Semicolon => "semicolon",
            Self::Tab => "tab",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delimiter_is_the_commonest_outside_of_quotes_in_the_header() {
        let check =
            |beginning: &str, expected| assert_eq!(Delimiter::sniff(beginning.as_bytes()), expected, "{beginning:?}");
        check("name,surname\r\na;b;c;d", Delimiter::Comma);
        check("\r\nname;surname", Delimiter::Semicolon);
        check("name\temail\n", Delimiter::Tab);
        check("\"a,b,c\";\"d,e\"\"f,g\nh,i\";j\n,,,,,,", Delimiter::Semicolon);
        check("name", Delimiter::Comma);
        check("", Delimiter::Comma);
    }

    #[test]
    fn a_leading_sep_line_names_the_delimiter() {
        let check = |beginning: &[u8], expected| assert_eq!(Delimiter::named_by(beginning), expected, "{beginning:?}");
        check(b"sep=;\r\nname;email", Some((Delimiter::Semicolon, 5)));
        check(b"\"SEP=,\"\nname,email", Some((Delimiter::Comma, 7)));
        check(b"sep=\t", Some((Delimiter::Tab, 5)));
        check(b"sep=", None);
        check(b"sep=;;", None);
        check(b"set=;", None);
        check(b"name;sep=;", None);
        check(b"", None);
    }
}
