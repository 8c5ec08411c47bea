//! A setting is declared in the table of `src/config/settings.rs` and nowhere else: adding one touches the table and
//! the module that uses it. The README's table of settings is made from it.
//!
//! `UPDATE_SNAPSHOTS=1 cargo test --test main settings` rewrites the README's table.

use std::fs;

use muster::config::{SETTINGS, Setting};

use super::source::Source;
use super::{assert_none, root, sources};

/// The table.
const TABLE: &str = "src/config/settings.rs";

/// The files of `config` that may name single settings: what finds the settings file, and what one demands of another.
const RELATIONS: [&str; 2] = ["src/config/load.rs", "src/config/relations.rs"];

/// Set to rewrite the README's table.
const UPDATE_VARIABLE: &str = "UPDATE_SNAPSHOTS";

/// The head of the README's table.
const README_HEAD: &str = "| setting | default | meaning |\n|---|---|---|\n";

fn readme_row(setting: &Setting) -> String {
    let default = match setting.default {
        [] => setting.unset.to_owned(),
        texts => format!("`{}`", texts.join(",")),
    };
    let gap = if default.is_empty() { "" } else { " " };
    format!("| `{}` | {default}{gap}| {} |\n", setting.key, setting.readme)
}

#[test]
fn the_readme_shows_the_table_of_settings() {
    let path = root().join("README.md");
    let readme = fs::read_to_string(&path).unwrap();
    let from = readme.find(README_HEAD).unwrap() + README_HEAD.len();
    let to = from + readme[from..].find("\n\n").unwrap() + 1;
    let rows: String = SETTINGS.iter().map(readme_row).collect();
    if std::env::var_os(UPDATE_VARIABLE).is_some() {
        fs::write(&path, format!("{}{rows}{}", &readme[..from], &readme[to..])).unwrap();
    } else {
        assert_eq!(&readme[from..to], rows, "{UPDATE_VARIABLE}=1 rewrites it");
    }
}

#[test]
fn every_row_of_the_table_gives_a_reason() {
    let table = fs::read_to_string(root().join(TABLE)).unwrap();
    let mut faults = Vec::new();
    for setting in SETTINGS {
        let row = format!(" = \"{}\" <", setting.key);
        let rows: Vec<usize> =
            table.lines().enumerate().filter(|(_, line)| line.contains(&row)).map(|(at, _)| at).collect();
        match rows[..] {
            [at] if table.lines().nth(at - 1).unwrap().starts_with("    // ") => {}
            [_] => faults.push(format!("{}: no comment above its row says why", setting.key)),
            _ => faults.push(format!("{}: {} rows", setting.key, rows.len())),
        }
    }
    assert_none(&faults);
}

#[test]
fn a_setting_is_declared_in_the_table_alone_and_has_a_user() {
    let holds_settings = |name: &str| ["Settings", "Options", "Limits", "Config"].iter().any(|end| name.ends_with(end));
    let sources: Vec<Source> = sources().iter().map(Source::without_tests).collect();
    let others = || sources.iter().filter(|source| source.path != TABLE && !source.path.ends_with("/tests.rs"));
    let mut faults = Vec::new();
    for Setting { key, field, .. } in SETTINGS {
        let upper = field.to_uppercase();
        let defaults = [format!("{upper}_DEFAULT"), format!("DEFAULT_{upper}")];
        // Words such as `log` mean other things, too.
        let is_default =
            |name: &str| defaults.iter().any(|default| default == name) || (name == upper && upper.contains('_'));
        for source in others() {
            for (name, fields) in source.structs() {
                if holds_settings(name) && fields.contains(field) {
                    faults.push(format!("{}: {name} declares {field} again; take the struct of `config`", source.path));
                }
            }
            for name in source.constants().into_iter().filter(|name| is_default(name)) {
                faults.push(format!("{}: {name} is a second home of {key}", source.path));
            }
            if source.top() == "config" && !RELATIONS.contains(&&*source.path) && source.reads_field(field) {
                faults.push(format!("{}: {field} is the table's affair", source.path));
            }
        }
        if !others().any(|source| source.top() != "config" && source.reads_field(field)) {
            faults.push(format!("{key} has no user"));
        }
    }
    assert_none(&faults);
}
