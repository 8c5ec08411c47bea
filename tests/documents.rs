//! What is written about the repository, held against the repository: links lead somewhere, names exist, the lists in the
//! README are whole, and the layers of `docs/ARCHITECTURE.md` are those of the code.

mod circles;
mod imports;
pub mod markdown;
mod settings;
mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use clap::CommandFactory;
use serde_json::Value;

use circles::circles;
use imports::imports;
use markdown::{anchors, code_spans, links, rows_of_code, steps, table_rows};
use source::Source;

/// Imports that the layers forbid, each with the reason why it may stay.
const EXCEPTIONS: [(&str, &str, &str); 2] = [
    ("clock", "domain", "a clock tells its time as the domain's Timestamp"),
    ("telemetry", "config", "the log takes its own small struct of settings, like every module"),
];

/// Libraries that only some modules may name.
const LIBRARIES: [(&[&str], &[&str]); 8] = [
    (&["rusqlite", "r2d2", "r2d2_sqlite"], &["store"]),
    (&["axum", "tower", "tower_http", "utoipa_axum", "utoipa_swagger_ui"], &["http"]),
    // `muster health` and the traffic of `muster demo` are clients of this machine.
    (&["hyper", "hyper_util"], &["server", "outbound", "cli"]),
    (&["http_body_util"], &["server", "http", "cli", "outbound"]),
    (&["rustls", "tokio_rustls", "x509_cert"], &["server", "outbound"]),
    (&["hickory_resolver", "rustls_native_certs"], &["outbound"]),
    (&["clap", "clap_complete", "clap_mangen", "indicatif", "rlimit", "signal_hook"], &["cli"]),
    (&["ctor"], &["main"]),
];

/// What opens a connection to another machine, or finds one.
const CONNECTS: [&[&str]; 8] = [
    &["TcpStream", "connect"],
    &["TcpStream", "connect_timeout"],
    &["TcpSocket", "new_v4"],
    &["TcpSocket", "new_v6"],
    &["UdpSocket", "bind"],
    &["lookup_host"],
    &["hyper", "client"],
    &["hyper_util", "client"],
];

/// Who may connect outside of `outbound`, and to what.
const CONNECTING: [(&str, &str); 2] = [
    ("src/cli/health.rs", "to the server that its command line names, by default this machine's own"),
    ("src/cli/traffic.rs", "to the demonstration's own server, at the address that it listens on"),
];

/// What `docs/CONTRIBUTING.md` says how to add.
const GUIDES: [&str; 6] =
    ["Add a setting", "Add a route", "Add a table", "Add a metric", "Add a page", "Add a file format"];

/// Folders that hold nothing that people wrote for others to read.
const SKIPPED: [&str; 4] = ["target", "dist", "muster-data", "node_modules"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every file of a folder with this extension, by its path from the top of the repository.
fn files(folder: &str, extension: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut folders = vec![PathBuf::from(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(root().join(&folder)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let path = folder.join(&name);
            let file = root().join(&path);
            if file.is_dir() {
                if !name.starts_with('.') && !SKIPPED.contains(&name.as_str()) {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|other| other == extension) {
                found.insert(path.to_str().unwrap().to_owned(), fs::read_to_string(file).unwrap());
            }
        }
    }
    found
}

fn documents() -> BTreeMap<String, String> {
    let documents = files("", "md");
    assert!(documents.contains_key("README.md") && documents.contains_key("docs/ARCHITECTURE.md"));
    documents
}

fn sources() -> Vec<Source> {
    files("src", "rs").iter().map(|(path, text)| Source::read(path, text)).collect()
}

/// The layer of each module, from the table in `docs/ARCHITECTURE.md`.
fn layers() -> BTreeMap<String, usize> {
    let text = &documents()["docs/ARCHITECTURE.md"];
    let mut layers = BTreeMap::new();
    for row in table_rows(text) {
        let Ok(layer) = row[0].parse() else { continue };
        for (_, module) in code_spans(row[1]) {
            assert_eq!(layers.insert(module.to_owned(), layer), None, "{module} stands in two layers");
        }
    }
    layers
}

fn assert_none(faults: &[String]) {
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn links_between_documents_lead_somewhere() {
    let mut faults = Vec::new();
    for (path, text) in &documents() {
        for (line, target) in links(text) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            let (file, anchor) = target.split_once('#').map_or((target.as_str(), None), |(file, a)| (file, Some(a)));
            let file = if file.is_empty() { root().join(path) } else { root().join(path).parent().unwrap().join(file) };
            let there = match anchor {
                None => file.exists(),
                Some(anchor) => fs::read_to_string(&file).is_ok_and(|text| anchors(&text).contains(anchor)),
            };
            if !there {
                faults.push(format!("{path}:{line}: {target} leads nowhere"));
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn files_functions_and_constants_that_are_named_exist() {
    let code: String = [files("src", "rs"), files("tests", "rs")].iter().flat_map(BTreeMap::values).cloned().collect();
    let words: BTreeSet<&str> = code.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
    let is_path = |span: &str| {
        ["src/", "tests/", "docs/", "assets/", "benches/"].iter().any(|folder| span.starts_with(folder))
            && !span.contains([' ', '<', '*', '…'])
    };
    let is_name = |span: &str, underscores: usize, is_letter: fn(&char) -> bool| {
        span.matches('_').count() >= underscores
            && span.chars().all(|c| c == '_' || c.is_ascii_digit() || is_letter(&c))
    };
    let mut faults = Vec::new();
    for (path, text) in &documents() {
        for (line, span) in code_spans(text) {
            let there = if is_path(span) {
                root().join(span).exists()
            // Metrics are held against a live server elsewhere.
            } else if is_name(span, 3, char::is_ascii_lowercase) && !span.starts_with("muster_") {
                code.contains(&format!("fn {span}("))
            } else if is_name(span, 1, char::is_ascii_uppercase)
                && !["MUSTER_", "SQLITE_"].iter().any(|start| span.starts_with(start))
            {
                words.contains(span)
            } else {
                true
            };
            if !there {
                faults.push(format!("{path}:{line}: there is no {span}"));
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn each_step_of_adding_something_names_the_files_to_touch() {
    let text = &documents()["docs/CONTRIBUTING.md"];
    let mut faults = Vec::new();
    for guide in GUIDES {
        let steps = steps(text, guide);
        if steps.is_empty() {
            faults.push(format!("there is no section \"{guide}\" with steps"));
        }
        for step in steps {
            let number = step.split('.').next().unwrap_or_default();
            // A path below a folder of the repository, or a file at its top.
            let is_path = |span: &str| match span.split_once('/') {
                Some((folder, _)) => !folder.is_empty() && root().join(folder).is_dir(),
                None => [".md", ".rs", ".sql", ".toml"].iter().any(|extension| span.ends_with(extension)),
            };
            let spans = code_spans(&step);
            let (there, missing): (Vec<&str>, Vec<&str>) = spans
                .iter()
                .map(|(_, span)| *span)
                .filter(|span| is_path(span))
                .partition(|span| root().join(span).exists());
            if there.is_empty() {
                faults.push(format!("{guide}: step {number} names no file"));
            }
            faults.extend(missing.iter().map(|path| format!("{guide}: step {number}: there is no {path}")));
        }
    }
    assert_none(&faults);
}

#[test]
fn the_readme_lists_every_command_and_operation() {
    let readme = &documents()["README.md"];
    let spans: BTreeSet<&str> = code_spans(readme).into_iter().map(|(_, span)| span).collect();
    let mut faults = Vec::new();
    for command in muster::cli::Cli::command().get_subcommands() {
        let start = format!("muster {}", command.get_name());
        if !spans
            .iter()
            .any(|span| span.strip_prefix(&start).is_some_and(|rest| !rest.starts_with(char::is_alphabetic)))
        {
            faults.push(format!("the command {start}"));
        }
    }
    assert_none(&faults);
    let mut listed = BTreeSet::new();
    for row in rows_of_code(readme).iter().filter(|row| row[0].starts_with('/')) {
        let methods = row[1..].iter().filter(|span| span.bytes().all(|b| b.is_ascii_uppercase()));
        listed.extend(methods.map(|method| format!("{method} {}", row[0])));
    }
    let document: Value = serde_json::from_str(&fs::read_to_string(root().join("docs/openapi.json")).unwrap()).unwrap();
    let mut operations = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        let methods = item.as_object().unwrap().keys();
        operations.extend(methods.map(|method| format!("{} {path}", method.to_uppercase())));
    }
    assert_eq!(listed, operations);
}

#[test]
fn a_module_imports_only_from_layers_below_its_own() {
    let layers = layers();
    let mut unused = EXCEPTIONS.to_vec();
    let mut faults = Vec::new();
    for source in sources() {
        let from = source.top();
        let Some(layer) = layers.get(from) else {
            faults.push(format!("{}: {from} stands in no layer of docs/ARCHITECTURE.md", source.path));
            continue;
        };
        for to in source.modules_named() {
            let is_below = layers.get(&to).is_some_and(|other| other < layer);
            if EXCEPTIONS.iter().any(|(a, b, _)| *a == from && *b == to) {
                unused.retain(|(a, b, _)| *a != from || *b != to);
            } else if to != from && !is_below {
                faults.push(format!("{}: {from} may not know {to}", source.path));
            }
        }
    }
    faults.extend(unused.iter().map(|(from, to, _)| format!("{from} no longer knows {to}: strike the exception")));
    assert_none(&faults);
}

#[test]
fn no_files_of_src_import_each_other_in_a_circle() {
    assert_none(&circles(&imports(&files("src", "rs"))));
}

#[test]
fn a_library_is_named_only_where_it_belongs() {
    let mut faults = Vec::new();
    for source in sources() {
        for (libraries, modules) in LIBRARIES {
            for library in libraries {
                if !modules.contains(&source.top()) && source.names_crate(library) {
                    faults.push(format!("{}: only {} may name {library}", source.path, modules.join(" and ")));
                }
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn nothing_connects_to_other_machines_outside_of_outbound() {
    let mut unused: Vec<&str> = CONNECTING.iter().map(|(path, _)| *path).collect();
    let mut faults = Vec::new();
    for source in sources().iter().filter(|source| source.top() != "outbound") {
        let source = source.without_tests();
        for names in CONNECTS.iter().filter(|names| source.names_path(names)) {
            if CONNECTING.iter().any(|(path, _)| *path == source.path) {
                unused.retain(|path| *path != source.path);
            } else {
                faults.push(format!("{}: {}; only src/outbound connects", source.path, names.join("::")));
            }
        }
    }
    faults.extend(unused.iter().map(|path| format!("{path} no longer connects: strike the exception")));
    assert_none(&faults);
}

#[test]
fn only_the_clock_asks_for_the_time() {
    let mut faults = Vec::new();
    for source in sources().iter().filter(|source| source.top() != "clock") {
        for kind in ["Instant", "SystemTime", "UtcDateTime", "Zoned"] {
            if source.names_path(&[kind, "now"]) {
                faults.push(format!("{}: {kind}::now; take the time from a Clock", source.path));
            }
        }
    }
    assert_none(&faults);
}

#[test]
fn the_map_in_lib_rs_shows_the_layers_of_the_document() {
    let text = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let mut shown = BTreeMap::new();
    let mut layer = None;
    for line in text.lines().filter_map(|line| line.strip_prefix("//! ")) {
        if let Some(heading) = line.strip_prefix("Layer ") {
            layer = heading.split(',').next().and_then(|number| number.parse().ok());
        }
        if let (Some(layer), Some((_, module))) = (layer, code_spans(line).first().filter(|_| line.starts_with("- [`")))
        {
            shown.insert((*module).to_owned(), layer);
        }
    }
    // The roots are in no map of theirs.
    let expected: BTreeMap<String, usize> =
        layers().into_iter().filter(|(module, _)| !matches!(module.as_str(), "lib" | "main")).collect();
    assert_eq!(shown, expected);
}
