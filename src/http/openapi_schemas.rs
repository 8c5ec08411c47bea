//! The schemas of the OpenAPI document in the form that generators of clients read best.
//!
//! A flattened field of a struct becomes an `allOf` in what utoipa derives, and a generic type gets a name such as
//! `Answer_EnterpriseAnswer`. Generators make nested types and unreadable names of both, or fail. Here every `allOf` of
//! plain objects becomes one object, every generic type gets the name that the generated type shall have, and what is
//! then referred to by nothing is left out. The API's JSON is the same either way.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use utoipa::openapi::schema::{AllOf, Object, SchemaType, Type};
use utoipa::openapi::{OpenApi, Ref, RefOr, Schema};

use super::error::ApiError;

type Schemas = BTreeMap<String, RefOr<Schema>>;

/// What a reference to a schema begins with.
const REFERENCE: &str = "#/components/schemas/";

/// What utoipa puts between an answer's name and its body's.
const ANSWER: &str = "Answer_";

/// The field of an answer that has its body, where it is not spread over the answer.
const DATA: &str = "data";

/// The names of generic types other than answers.
const NAMES: [(&str, &str); 2] = [("Ttls_u64", "TtlMillis"), ("Ttls_String", "TtlTexts")];

/// The document as JSON, its schemas rewritten.
pub(super) fn json(mut document: OpenApi) -> Result<String, ApiError> {
    if let Some(components) = &mut document.components {
        let schemas = std::mem::take(&mut components.schemas);
        components.schemas =
            schemas.iter().map(|(name, schema)| (name.clone(), written_out(schema, &schemas))).collect();
        complete_answers(&mut components.schemas, &schemas);
    }
    let used = used_schemas(&document)?;
    if let Some(components) = &mut document.components {
        components.schemas.retain(|name, _| used.contains(name));
        let schemas = std::mem::take(&mut components.schemas);
        components.schemas =
            schemas.into_iter().map(|(name, schema)| (readable_name(&name).into_owned(), schema)).collect();
    }
    Ok(with_readable_references(&document.to_pretty_json().map_err(ApiError::internal)?))
}

/// A schema as one object, where it is an `allOf` of objects; else as it is.
fn written_out(schema: &RefOr<Schema>, schemas: &Schemas) -> RefOr<Schema> {
    match schema {
        RefOr::T(Schema::AllOf(all)) => merged(all, schemas).map_or_else(|| schema.clone(), RefOr::from),
        _ => schema.clone(),
    }
}

/// The object that has the properties of all parts; `None` if a part is no plain object.
fn merged(all: &AllOf, schemas: &Schemas) -> Option<Object> {
    let mut object = Object::default();
    object.description.clone_from(&all.description);
    for part in &all.items {
        let part = plain_object(part, schemas)?;
        object.properties.extend(part.properties);
        for name in part.required {
            if !object.required.contains(&name) {
                object.required.push(name);
            }
        }
    }
    Some(object)
}

fn plain_object(schema: &RefOr<Schema>, schemas: &Schemas) -> Option<Object> {
    match schema {
        RefOr::Ref(reference) => plain_object(schemas.get(reference.ref_location.strip_prefix(REFERENCE)?)?, schemas),
        RefOr::T(Schema::AllOf(all)) => merged(all, schemas),
        RefOr::T(Schema::Object(object)) => {
            let is_plain =
                object.schema_type == SchemaType::Type(Type::Object) && object.additional_properties.is_none();
            is_plain.then(|| object.clone())
        }
        RefOr::T(_) => None,
    }
}

/// An answer is described by what its body says of itself, and not by what all answers have in common. Data within an
/// answer has a name of its own.
fn complete_answers(written_out: &mut Schemas, schemas: &Schemas) {
    for (name, schema) in written_out {
        let Some((_, body_name)) = name.split_once(ANSWER) else { continue };
        let (RefOr::T(Schema::Object(answer)), Some(RefOr::T(body))) = (schema, schemas.get(body_name)) else {
            continue;
        };
        let description = match body {
            Schema::Object(body) => &body.description,
            Schema::AllOf(body) => &body.description,
            Schema::AnyOf(body) => &body.description,
            _ => &None,
        };
        if description.is_some() {
            answer.description.clone_from(description);
        }
        if let Some(data) = answer.properties.get_mut(DATA) {
            *data = Ref::from_schema_name(body_name).into();
        }
    }
}

/// The schemas that the paths refer to, directly or through others.
fn used_schemas(document: &OpenApi) -> Result<BTreeSet<String>, ApiError> {
    let text = |value: Result<String, serde_json::Error>| value.map_err(ApiError::internal);
    let components = document.components.as_ref();
    let mut pending = vec![
        text(serde_json::to_string(&document.paths))?,
        text(serde_json::to_string(&components.map(|components| &components.responses)))?,
    ];
    let mut used = BTreeSet::new();
    while let Some(json) = pending.pop() {
        for name in json.split(REFERENCE).skip(1).filter_map(|rest| rest.split('"').next()) {
            if used.insert(name.to_owned()) {
                pending.push(text(serde_json::to_string(&components.and_then(|all| all.schemas.get(name))))?);
            }
        }
    }
    Ok(used)
}

/// The name that a generated type shall have: `Answer_EnterpriseAnswer` is an `EnterpriseResponse`.
fn readable_name(name: &str) -> Cow<'_, str> {
    if let Some((_, body)) = name.split_once(ANSWER) {
        return Cow::Owned(format!("{}Response", body.strip_suffix("Answer").unwrap_or(body)));
    }
    let listed = NAMES.iter().find(|(generic, _)| *generic == name);
    Cow::Borrowed(listed.map_or(name, |(_, readable)| readable))
}

fn with_readable_references(json: &str) -> String {
    let mut pieces = json.split(REFERENCE);
    let mut text = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        let (name, rest) = piece.split_at(piece.find('"').unwrap_or(piece.len()));
        text.extend([REFERENCE, &readable_name(name), rest]);
    }
    text
}
