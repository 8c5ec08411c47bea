//! Which file of `src` imports which names from which other. A name counts for the file that defines it, through any
//! number of re-exports. `mod x;` imports nothing, a re-export imports nothing for the file that hands the name on unless
//! that file uses the name itself, and tests are left out.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use proc_macro2::{TokenStream, TokenTree};
use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::{Attribute, ImplItem, Item, ItemUse, Meta, Token, TraitItem, UseTree, Visibility};

/// For each file the files it imports from, and which names from each.
pub type Imports = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

/// The imports among the files of a crate, whose root is `src/lib.rs`; files are found by their path.
pub fn imports(files: &BTreeMap<String, String>) -> Imports {
    let mut tree = Tree { files, modules: Vec::new() };
    tree.add_file("src/lib.rs", None, "src");
    tree.imports()
}

/// The modules of a crate, the root first.
struct Tree<'a> {
    files: &'a BTreeMap<String, String>,
    modules: Vec<Module>,
}

/// A module, in a file of its own or within another's.
#[derive(Default)]
struct Module {
    file: String,
    parent: Option<usize>,
    names: HashMap<String, Vec<Name>>,
    /// What is imported by `use …::*`.
    globs: Vec<Vec<String>>,
    /// What is imported for use here; re-exports are only among the names.
    uses: Vec<Vec<String>>,
    /// Every path that stands in the code.
    paths: BTreeSet<Vec<String>>,
}

/// What a name in a module stands for. One name may stand for a module and a function, say.
enum Name {
    Defined,
    Module(usize),
    Import(Vec<String>),
}

/// What a path leads to.
enum Target {
    Module(usize),
    Item { file: String, name: String },
}

impl Tree<'_> {
    /// Adds the module of a file, whose modules in other files are below `folder`.
    fn add_file(&mut self, file: &str, parent: Option<usize>, folder: &str) -> usize {
        let text = self.files.get(file).unwrap_or_else(|| panic!("{file} is missing"));
        let parsed = syn::parse_file(text).unwrap_or_else(|error| panic!("{file}: {error}"));
        self.add(file, parent, folder, &parsed.items)
    }

    fn add(&mut self, file: &str, parent: Option<usize>, folder: &str, items: &[Item]) -> usize {
        let index = self.modules.len();
        self.modules.push(Module { file: file.to_owned(), parent, ..Module::default() });
        for item in items.iter().filter(|item| !is_test(attributes(item))) {
            if let Item::Mod(module) = item {
                let name = module.ident.to_string();
                let below = format!("{folder}/{name}");
                let child = if let Some((_, items)) = &module.content {
                    self.add(file, Some(index), &below, items)
                } else {
                    let own = format!("{below}.rs");
                    let own = if self.files.contains_key(&own) { own } else { format!("{below}/mod.rs") };
                    self.add_file(&own, Some(index), &below)
                };
                self.modules[index].names.entry(name).or_default().push(Name::Module(child));
            } else {
                if let Some(name) = defined_name(item) {
                    self.modules[index].names.entry(name).or_default().push(Name::Defined);
                }
                self.modules[index].visit_item(item);
            }
        }
        index
    }

    fn imports(&self) -> Imports {
        let mut imports = Imports::new();
        for (index, module) in self.modules.iter().enumerate() {
            for path in module.uses.iter().chain(&module.paths) {
                for target in self.resolve(index, path, &mut Vec::new()) {
                    // A module that is imported by name counts where a path goes on from its name.
                    if let Target::Item { file, name } = target
                        && file != module.file
                    {
                        imports.entry(module.file.clone()).or_default().entry(file).or_default().insert(name);
                    }
                }
            }
        }
        imports
    }

    /// What a path leads to from within a module; nothing if it leads out of the crate.
    fn resolve(&self, from: usize, path: &[String], open: &mut Vec<(usize, String)>) -> Vec<Target> {
        match path[0].as_str() {
            "crate" => self.enter(0, &path[1..], open),
            "self" => self.enter(from, &path[1..], open),
            "super" => {
                let supers = path.iter().take_while(|segment| *segment == "super").count();
                let module = (0..supers).fold(from, |module, _| self.modules[module].parent.unwrap_or(0));
                self.enter(module, &path[supers..], open)
            }
            first => self.follow(self.named(from, first, open), &path[1..], open),
        }
    }

    /// What a path leads to that goes on within a module.
    fn enter(&self, module: usize, path: &[String], open: &mut Vec<(usize, String)>) -> Vec<Target> {
        let Some((first, rest)) = path.split_first() else { return vec![Target::Module(module)] };
        let mut found = self.named(module, first, open);
        if found.is_empty() && !self.modules[module].names.contains_key(first) {
            // It must be here, so a macro has defined it.
            found.push(Target::Item { file: self.modules[module].file.clone(), name: first.clone() });
        }
        self.follow(found, rest, open)
    }

    /// What the rest of a path leads to; behind an item are only parts of that item.
    fn follow(&self, found: Vec<Target>, rest: &[String], open: &mut Vec<(usize, String)>) -> Vec<Target> {
        let modules: Vec<usize> = found
            .iter()
            .filter_map(|target| match target {
                Target::Module(module) => Some(*module),
                Target::Item { .. } => None,
            })
            .collect();
        if rest.is_empty() || modules.is_empty() {
            return found;
        }
        modules.into_iter().flat_map(|module| self.enter(module, rest, open)).collect()
    }

    /// What a name stands for in a module. `open` are the names being looked up: an import that begins with its own name
    /// means what else has that name.
    fn named(&self, module: usize, name: &str, open: &mut Vec<(usize, String)>) -> Vec<Target> {
        let Module { file, names, globs, .. } = &self.modules[module];
        let lookup = (module, name.to_owned());
        let is_open = open.contains(&lookup);
        open.push(lookup);
        let mut found = Vec::new();
        for meaning in names.get(name).into_iter().flatten() {
            match meaning {
                Name::Defined => found.push(Target::Item { file: file.clone(), name: name.to_owned() }),
                Name::Module(child) => found.push(Target::Module(*child)),
                Name::Import(path) if !is_open => found.extend(self.resolve(module, path, open)),
                Name::Import(_) => {}
            }
        }
        if found.is_empty() && !is_open {
            for glob in globs {
                for target in self.resolve(module, glob, open) {
                    if let Target::Module(other) = target {
                        found.extend(self.named(other, name, open));
                    }
                }
            }
        }
        open.pop();
        found
    }
}

impl Module {
    fn add_use(&mut self, item: &ItemUse) {
        if item.leading_colon.is_some() {
            return;
        }
        let is_import = matches!(item.vis, Visibility::Inherited);
        let mut trees = vec![(Vec::new(), &item.tree)];
        while let Some((before, tree)) = trees.pop() {
            let mut import = |mut path: Vec<String>, name: &str, alias: String| {
                if name != "self" {
                    path.push(name.to_owned());
                }
                if is_import {
                    self.uses.push(path.clone());
                }
                self.names.entry(alias).or_default().push(Name::Import(path));
            };
            match tree {
                UseTree::Path(path) => trees.push(([before, vec![path.ident.to_string()]].concat(), &path.tree)),
                UseTree::Group(group) => trees.extend(group.items.iter().map(|tree| (before.clone(), tree))),
                UseTree::Name(name) => {
                    let name = name.ident.to_string();
                    let alias = if name == "self" { before.last().unwrap().clone() } else { name.clone() };
                    import(before, &name, alias);
                }
                UseTree::Rename(name) => import(before, &name.ident.to_string(), name.rename.to_string()),
                UseTree::Glob(_) => self.globs.push(before),
            }
        }
    }

    /// Adds each path among the tokens of a macro or an attribute.
    fn add_tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        // How many colons stand behind the path so far; a name behind a dot begins none.
        let (mut colons, mut behind_dot) = (0, false);
        for token in tokens {
            match token {
                TokenTree::Ident(name) => {
                    if colons != 2 {
                        self.paths.extend((!path.is_empty()).then(|| std::mem::take(&mut path)));
                    }
                    let leads_outside = colons == 2 && path.is_empty();
                    if !(behind_dot || leads_outside) {
                        path.push(name.to_string());
                    }
                    (colons, behind_dot) = (0, false);
                    continue;
                }
                TokenTree::Punct(punct) if punct.as_char() == ':' => {
                    colons += 1;
                    continue;
                }
                TokenTree::Punct(punct) => behind_dot = punct.as_char() == '.',
                TokenTree::Group(group) => self.add_tokens(group.stream()),
                TokenTree::Literal(_) => {}
            }
            self.paths.extend((!path.is_empty()).then(|| std::mem::take(&mut path)));
            colons = 0;
        }
        self.paths.extend((!path.is_empty()).then_some(path));
    }
}

impl<'ast> Visit<'ast> for Module {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_test(attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        let attributes = match item {
            ImplItem::Const(item) => &item.attrs,
            ImplItem::Fn(item) => &item.attrs,
            ImplItem::Type(item) => &item.attrs,
            ImplItem::Macro(item) => &item.attrs,
            _ => return,
        };
        if !is_test(attributes) {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_trait_item(&mut self, item: &'ast TraitItem) {
        if !matches!(item, TraitItem::Fn(item) if is_test(&item.attrs)) {
            visit::visit_trait_item(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        self.add_use(item);
    }

    fn visit_visibility(&mut self, _: &'ast Visibility) {}

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.leading_colon.is_none() {
            self.paths.insert(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, call: &'ast syn::Macro) {
        self.add_tokens(call.tokens.clone());
        visit::visit_macro(self, call);
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if let Meta::List(list) = &attribute.meta {
            self.add_tokens(list.tokens.clone());
            // serde's attributes name functions as texts.
            if list.path.is_ident("serde")
                && let Ok(arguments) = list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated)
            {
                for argument in arguments {
                    if let Meta::NameValue(pair) = argument
                        && let syn::Expr::Lit(text) = pair.value
                        && let syn::Lit::Str(text) = text.lit
                        && let Ok(path) = text.parse::<syn::Path>()
                    {
                        self.visit_path(&path);
                    }
                }
            }
        }
    }
}

/// Whether what has these attributes is compiled for tests alone.
fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("cfg") => {
            let condition = list.tokens.to_string();
            condition == "test" || condition.starts_with("all (test") || condition.starts_with("all(test")
        }
        meta => meta.path().is_ident("test"),
    })
}

fn attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// The name that an item gives to what it defines.
fn defined_name(item: &Item) -> Option<String> {
    let name = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        _ => return None,
    };
    Some(name.to_string())
}

#[test]
fn names_count_for_the_files_that_define_them() {
    let check = |texts: &[(&str, &str)], expected: &[&str]| {
        let files = texts.iter().map(|(path, text)| (format!("src/{path}"), (*text).to_owned())).collect();
        let found: Vec<String> = imports(&files)
            .into_iter()
            .flat_map(|(from, imported)| {
                let line = move |(to, names): (String, BTreeSet<String>)| {
                    let names: Vec<String> = names.into_iter().collect();
                    format!("{from} < {to}: {}", names.join(" ")).replace("src/", "")
                };
                imported.into_iter().map(line)
            })
            .collect();
        assert_eq!(found, expected, "{texts:?}");
    };
    let root = ("lib.rs", "mod a; mod b;");
    let three = ("lib.rs", "mod a; mod b; mod c;");
    let b = ("b.rs", "pub struct X; pub struct Y; pub fn f() {} pub const MAX: u8 = 1;");

    // Each way to write an import.
    check(&[root, ("a.rs", "use crate::b::X;"), b], &["a.rs < b.rs: X"]);
    check(&[root, ("a.rs", "use crate::{b::{X, Y as Z}};"), b], &["a.rs < b.rs: X Y"]);
    check(&[root, ("a.rs", "use super::b::X; fn g() { use super::b::Y; }"), b], &["a.rs < b.rs: X Y"]);
    check(&[root, ("a.rs", "use crate::b::{self, X};"), b], &["a.rs < b.rs: X"]);
    check(&[root, ("a.rs", "use crate::b; fn g() { b::f() }"), b], &["a.rs < b.rs: f"]);
    check(&[root, ("a.rs", "use crate::b as other; type T = Vec<other::X>;"), b], &["a.rs < b.rs: X"]);
    check(&[root, ("a.rs", "use crate::b::*; const TWO: u8 = MAX + 1;"), b], &["a.rs < b.rs: MAX"]);
    // A path without an import, in code, in a macro, in an attribute.
    check(&[root, ("a.rs", "fn g() { super::b::f() }"), b], &["a.rs < b.rs: f"]);
    check(&[root, ("a.rs", "fn g() { println!(\"{}\", super::b::MAX) }"), b], &["a.rs < b.rs: MAX"]);
    check(
        &[root, ("a.rs", "#[derive(T)] struct A { #[serde(with = \"crate::b::f\")] x: u8 }"), b],
        &["a.rs < b.rs: f"],
    );
    check(&[root, ("a.rs", "#[derive(T)] #[schema(value_type = crate::b::X)] struct A;"), b], &["a.rs < b.rs: X"]);
    check(&[root, ("a.rs", "mod inner { fn g() { super::super::b::f() } }"), b], &["a.rs < b.rs: f"]);
    // What a macro defines.
    check(&[root, ("a.rs", "use crate::b::Made;"), ("b.rs", "make! { Made }")], &["a.rs < b.rs: Made"]);

    // Names that are handed on, by name and all together, once and twice.
    let hands_on = ("b/mod.rs", "mod c; pub use c::{X, c};");
    let c = ("b/c.rs", "pub struct X; pub fn c() {} pub enum E { One }");
    check(&[root, ("a.rs", "use crate::b::X;"), hands_on, c], &["a.rs < b/c.rs: X"]);
    check(&[root, ("a.rs", "use crate::b::c;"), hands_on, c], &["a.rs < b/c.rs: c"]);
    check(&[root, ("a.rs", "use crate::b::{E};"), ("b/mod.rs", "mod c; pub use c::*;"), c], &["a.rs < b/c.rs: E"]);
    check(&[root, ("a.rs", "use crate::b::E::One;"), ("b/mod.rs", "mod c; pub use c::E;"), c], &["a.rs < b/c.rs: E"]);
    let twice = [three, ("a.rs", "use crate::b::Z;"), ("b.rs", "pub use crate::c::X as Z;"), ("c.rs", "pub struct X;")];
    check(&twice, &["a.rs < c.rs: X"]);
    // Who hands a name on imports it when it uses it as well.
    check(&[root, ("a.rs", ""), ("b/mod.rs", "mod c; pub use c::X; fn g(_: X) {}"), c], &["b/mod.rs < b/c.rs: X"]);
    // A child gets at what its parent imports.
    let child = ("b/d.rs", "use super::X;");
    check(
        &[root, ("a.rs", "pub struct X;"), ("b/mod.rs", "mod d; use crate::a::X;"), child],
        &["b/d.rs < a.rs: X", "b/mod.rs < a.rs: X"],
    );
    // A parent that uses its child, and a child that uses its parent.
    check(&[("lib.rs", "mod b; pub struct X;"), ("b.rs", "use super::X;")], &["b.rs < lib.rs: X"]);
    check(&[("lib.rs", "mod b; fn g() { b::f() }"), b], &["lib.rs < b.rs: f"]);

    // What is no import.
    check(&[root, ("a.rs", ""), b], &[]);
    check(&[root, ("a.rs", "// use crate::b::X;\nconst S: &str = \"crate::b::X\";"), b], &[]);
    check(&[root, ("a.rs", "use std::b::X; use ::b::Y; fn g() { b::f(); let MAX = 1; h(MAX) }"), b], &[]);
    check(&[root, ("a.rs", "#[cfg(test)] mod tests { use crate::b::X; } #[test] fn t() { crate::b::f() }"), b], &[]);
    check(&[root, ("a.rs", "#[cfg(all(test, unix))] mod tests;"), ("a/tests.rs", "use crate::b::X;"), b], &[]);
    check(&[root, ("a.rs", "struct A; impl A { #[cfg(test)] fn t() { crate::b::f() } }"), b], &[]);
    check(&[root, ("a.rs", ""), ("b/mod.rs", "mod c; pub use c::X;"), c], &[]);
    check(&[root, ("a.rs", "mod inner { pub struct X; } use inner::X; use self::inner::X as Y;"), b], &[]);
}
