//! The OpenAPI document: complete, consistent, and equal to the reviewed snapshot.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use crate::support::TestApp;

/// The reviewed document, from the top of the repository.
const SNAPSHOT: &str = "docs/openapi.json";

/// The environment variable that makes the test write the snapshot instead of comparing with it.
const UPDATE_VARIABLE: &str = "UPDATE_SNAPSHOTS";

async fn document() -> (String, Value) {
    let reply = TestApp::start().await.anonymous().get("/openapi.json").await;
    (reply.text(), reply.json())
}

#[tokio::test]
async fn the_document_equals_the_reviewed_snapshot() {
    let (text, _) = document().await;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(SNAPSHOT);
    if std::env::var_os(UPDATE_VARIABLE).is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, format!("{text}\n")).unwrap();
    }
    let reviewed = std::fs::read_to_string(&path).unwrap_or_default();
    let differs = reviewed.lines().zip(text.lines()).position(|(one, other)| one != other);
    assert!(
        reviewed.trim_end() == text,
        "the API differs from {SNAPSHOT} from line {} on; if that is meant, run\n\
         {UPDATE_VARIABLE}=1 cargo test --test main routes::openapi\nand review what changes in that file",
        differs.unwrap_or(reviewed.lines().count()) + 1
    );
}

#[tokio::test]
async fn every_operation_documents_its_parameters_and_answers() {
    let (_, document) = document().await;
    let mut ids = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let name = format!("{method} {path}");
            assert!(operation["summary"].as_str().is_some_and(|summary| !summary.is_empty()), "{name}");
            assert!(operation["tags"].as_array().is_some_and(|tags| tags.len() == 1), "{name}");
            assert!(ids.insert(operation["operationId"].to_string()), "{name} has another's operationId");
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                assert!(parameter["description"].is_string(), "{name}: {parameter}");
                // Swagger UI fills examples in: useful for path parameters, wrong for optional ones.
                assert!(parameter["in"] != "path" || parameter.get("example").is_some(), "{name}: {parameter}");
            }
            let is_success = |status: &str| status.starts_with('2');
            let successes: Vec<&Value> = operation["responses"]
                .as_object()
                .unwrap()
                .iter()
                .filter_map(|(status, response)| is_success(status).then_some(response))
                .collect();
            assert!(!successes.is_empty(), "{name}");
            for response in successes {
                let content = response["content"].as_object().unwrap_or_else(|| panic!("{name} answers nothing"));
                assert!(content.values().all(|content| content["schema"].is_object()), "{name}");
            }
        }
    }
}

#[tokio::test]
async fn every_reference_resolves() {
    let (_, document) = document().await;
    let mut pending = vec![&document];
    while let Some(value) = pending.pop() {
        match value {
            Value::Object(fields) => {
                if let Some(Value::String(reference)) = fields.get("$ref") {
                    let place = reference.strip_prefix('#').and_then(|pointer| document.pointer(pointer));
                    assert!(place.is_some(), "{reference} leads nowhere");
                }
                pending.extend(fields.values());
            }
            Value::Array(items) => pending.extend(items),
            _ => {}
        }
    }
}

/// Every part of the document that has this field, with where it is.
fn parts_with<'a>(document: &'a Value, field: &str) -> Vec<(String, &'a Value)> {
    let (mut found, mut pending) = (Vec::new(), vec![(String::new(), document)]);
    while let Some((place, value)) = pending.pop() {
        match value {
            Value::Object(fields) => {
                found.extend(fields.get(field).map(|part| (place.clone(), part)));
                pending.extend(fields.iter().map(|(name, value)| (format!("{place}/{name}"), value)));
            }
            Value::Array(items) => {
                pending.extend(items.iter().enumerate().map(|(at, value)| (format!("{place}/{at}"), value)));
            }
            _ => {}
        }
    }
    found
}

#[tokio::test]
async fn generators_find_every_answer_as_one_object_and_no_alternatives_within_an_all_of() {
    let (_, document) = document().await;
    for (place, parts) in parts_with(&document, "allOf") {
        let parts = parts.as_array().unwrap();
        // What stays is a body whose fields are in one object, and which of them are needed.
        let [fields, needed] = &parts[..] else { panic!("{place}: {parts:?}") };
        let fields = document.pointer(&fields["$ref"].as_str().unwrap_or_default()[1..]).unwrap();
        assert!(fields["properties"].is_object(), "{place}");
        for needed in needed["anyOf"].as_array().unwrap_or_else(|| panic!("{place}: {needed}")) {
            let only = needed["required"].as_array().unwrap();
            assert!(only.len() == 1 && needed["properties"].as_object().unwrap().len() == 1, "{place}: {needed}");
            assert!(fields["properties"].get(only[0].as_str().unwrap()).is_some(), "{place}: {needed}");
        }
    }
    for details in ["EnterpriseDetails", "DepartmentDetails"] {
        let views = document["components"]["schemas"][details]["anyOf"].as_array().unwrap();
        assert_eq!(views.len(), 2, "{details}");
        for view in views {
            let view = document.pointer(&view["$ref"].as_str().unwrap()[1..]).unwrap();
            assert!(view["type"] == "object" && view["properties"]["totalContacts"].is_object(), "{details}: {view}");
        }
    }
}

#[tokio::test]
async fn every_schema_has_a_readable_name_and_a_user() {
    let (text, document) = document().await;
    for name in document["components"]["schemas"].as_object().unwrap().keys() {
        assert!(name.len() > 1 && name.chars().all(|character| character.is_ascii_alphanumeric()), "{name}");
        assert!(name.starts_with(|first: char| first.is_ascii_uppercase()), "{name}");
        assert!(!name.ends_with("Body") && !name.contains("Named") && !name.contains("Answer"), "{name}");
        assert!(text.contains(&format!("\"#/components/schemas/{name}\"")), "nothing refers to {name}");
    }
}

#[tokio::test]
async fn no_two_media_types_of_a_request_share_a_schema() {
    let (_, document) = document().await;
    for (place, body) in parts_with(&document, "requestBody") {
        let schemas: Vec<&Value> =
            body["content"].as_object().unwrap().values().map(|content| &content["schema"]).collect();
        for (at, schema) in schemas.iter().enumerate() {
            assert!(!schemas[..at].contains(schema), "{place}: a generated function takes {schema} twice");
        }
    }
}
