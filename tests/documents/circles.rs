//! Files that import from each other in a circle.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::imports::Imports;

/// Each circle in words: a shortest way around, file by file with the names that are imported, then every other import
/// among the files that are reached from each other.
pub fn circles(imports: &Imports) -> Vec<String> {
    let mut left: BTreeSet<&str> = imports.keys().map(String::as_str).collect();
    let mut circles = Vec::new();
    while let Some(file) = left.pop_first() {
        let Some(way) = shortest_way_around(imports, file) else { continue };
        let together: BTreeSet<&str> =
            reached(imports, file).into_iter().filter(|other| reached(imports, other).contains(file)).collect();
        left.retain(|other| !together.contains(other));
        // The way around may be longer from one file than from another.
        let ways = together.iter().filter_map(|file| shortest_way_around(imports, file));
        let way = ways.min_by_key(Vec::len).unwrap_or(way);
        circles.push(describe(imports, &way, &together));
    }
    circles
}

/// The files from a file back to itself, which stands at both ends.
fn shortest_way_around<'a>(imports: &'a Imports, start: &'a str) -> Option<Vec<&'a str>> {
    let mut before: BTreeMap<&str, &str> = BTreeMap::new();
    let mut waiting = VecDeque::from([start]);
    while let Some(file) = waiting.pop_front() {
        for other in imported_from(imports, file) {
            if other == start {
                let mut way = vec![start, file];
                while way[way.len() - 1] != start {
                    way.push(before[way[way.len() - 1]]);
                }
                way.reverse();
                return Some(way);
            }
            before.entry(other).or_insert_with(|| {
                waiting.push_back(other);
                file
            });
        }
    }
    None
}

/// The files that a file imports from, however indirectly.
fn reached<'a>(imports: &'a Imports, start: &str) -> BTreeSet<&'a str> {
    let mut reached = BTreeSet::new();
    let mut waiting: Vec<&str> = imported_from(imports, start).collect();
    while let Some(file) = waiting.pop() {
        if reached.insert(file) {
            waiting.extend(imported_from(imports, file));
        }
    }
    reached
}

fn imported_from<'a>(imports: &'a Imports, file: &str) -> impl Iterator<Item = &'a str> {
    imports.get(file).into_iter().flat_map(|files| files.keys().map(String::as_str))
}

fn describe(imports: &Imports, way: &[&str], together: &BTreeSet<&str>) -> String {
    let line = |from: &str, to: &str| {
        let names: Vec<&str> = imports[from][to].iter().map(String::as_str).collect();
        format!("\n  {from} imports {} from {to}", names.join(", "))
    };
    let mut text = format!("{} files in a circle:", together.len());
    for step in way.windows(2) {
        text += &line(step[0], step[1]);
    }
    let mut others = String::new();
    for from in together {
        for to in imported_from(imports, from).filter(|to| together.contains(to)) {
            if !way.windows(2).any(|step| step == [*from, to]) {
                others += &line(from, to);
            }
        }
    }
    if !others.is_empty() {
        text += "\n and among the same files:";
        text += &others;
    }
    text
}

#[test]
fn circles_are_found_and_described() {
    let circles = |texts: &[(&str, &str)]| {
        let files = texts.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect();
        circles(&super::imports::imports(&files))
    };
    let root = ("src/lib.rs", "mod a; mod b; mod c;");
    let of_two = circles(&[
        root,
        ("src/a.rs", "use crate::b::{X, Y}; struct Z;"),
        ("src/b.rs", "use crate::a::Z; struct X; struct Y;"),
        ("src/c.rs", "use crate::a::Z;"),
    ]);
    assert_eq!(
        of_two,
        ["2 files in a circle:\n  src/a.rs imports X, Y from src/b.rs\n  src/b.rs imports Z from src/a.rs"]
    );
    let of_three = circles(&[
        root,
        ("src/a.rs", "use crate::b::Y; struct X;"),
        ("src/b.rs", "use crate::c::Z; struct Y;"),
        ("src/c.rs", "use crate::{a::X, b::Y}; struct Z;"),
    ]);
    assert_eq!(
        of_three,
        ["3 files in a circle:\n  src/b.rs imports Z from src/c.rs\n  src/c.rs imports Y from src/b.rs\n \
         and among the same files:\n  src/a.rs imports Y from src/b.rs\n  src/c.rs imports X from src/a.rs"]
    );
    // A parent that defines what its child takes, and takes from it.
    let of_parent_and_child = circles(&[
        ("src/lib.rs", "mod a;"),
        ("src/a/mod.rs", "mod child; pub struct X; fn f(_: child::Y) {}"),
        ("src/a/child.rs", "use super::X; pub struct Y(X);"),
    ]);
    assert_eq!(of_parent_and_child.len(), 1);
    // A parent that only hands on what its children share.
    let none = circles(&[
        ("src/lib.rs", "mod a;"),
        ("src/a/mod.rs", "mod child; mod shared; pub use child::Y; pub use shared::X;"),
        ("src/a/child.rs", "use super::X; pub struct Y(X);"),
        ("src/a/shared.rs", "pub struct X;"),
    ]);
    assert!(none.is_empty(), "{none:?}");
    // Two circles that have no file in common.
    let two = circles(&[
        ("src/lib.rs", "mod a; mod b; mod c; mod d;"),
        ("src/a.rs", "use crate::b::X; struct X;"),
        ("src/b.rs", "use crate::a::X; struct X;"),
        ("src/c.rs", "use crate::{a::X as _, d::X}; struct X;"),
        ("src/d.rs", "use crate::c::X; struct X;"),
    ]);
    assert_eq!(two.len(), 2);
}
