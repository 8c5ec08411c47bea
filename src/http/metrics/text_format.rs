//! Metrics in the text format of Prometheus, version 0.0.4, for scrapers that do not read `OpenMetrics`.
//!
//! The two differ in what stands above the samples: in the older one a type belongs to the name of the samples, so that of
//! a counter ends with `_total`; there are no units, no `info` and no end mark.

use std::fmt::Write as _;

/// What follows the name of a family in the names of its samples.
const COUNTER_SUFFIX: &str = "_total";
const INFO_SUFFIX: &str = "_info";

/// Rewrites metrics from the `OpenMetrics` format, as prometheus-client writes it.
pub(in crate::http) fn text_of(openmetrics: &str) -> String {
    let mut text = String::with_capacity(openmetrics.len());
    // The help comes before the type, on which its name depends.
    let mut help = None;
    for line in openmetrics.lines() {
        let mut words = line.splitn(4, ' ');
        match (words.next(), words.next(), words.next(), words.next()) {
            (Some("#"), Some("HELP"), Some(name), rest) => help = Some((name, rest.unwrap_or_default())),
            (Some("#"), Some("TYPE"), Some(name), Some(kind)) => {
                let (suffix, kind) = match kind {
                    "counter" => (COUNTER_SUFFIX, "counter"),
                    "info" => (INFO_SUFFIX, "gauge"),
                    "unknown" => ("", "untyped"),
                    kind => ("", kind),
                };
                if let Some((_, help)) = help.take().filter(|(of, _)| *of == name) {
                    // Quotation marks are escaped in labels only.
                    let help = help.replace("\\\"", "\"");
                    let _ = writeln!(text, "# HELP {name}{suffix} {help}");
                }
                let _ = writeln!(text, "# TYPE {name}{suffix} {kind}");
            }
            (Some("#"), ..) => {}
            _ => {
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_types_are_those_of_the_samples() {
        let openmetrics = "# HELP a_hits Hits \\\"x\\\".\n# TYPE a_hits counter\na_hits_total{b=\"c # d\"} 1\n\
            # HELP a_seconds Time.\n# TYPE a_seconds histogram\n# UNIT a_seconds seconds\na_seconds_sum 1.0\n\
            # HELP a Build.\n# TYPE a info\na_info{v=\"1\"} 1\n# TYPE b unknown\nb 2\n# EOF\n";
        let expected = "# HELP a_hits_total Hits \"x\".\n# TYPE a_hits_total counter\na_hits_total{b=\"c # d\"} 1\n\
            # HELP a_seconds Time.\n# TYPE a_seconds histogram\na_seconds_sum 1.0\n\
            # HELP a_info Build.\n# TYPE a_info gauge\na_info{v=\"1\"} 1\n# TYPE b untyped\nb 2\n";
        assert_eq!(text_of(openmetrics), expected);
    }
}
