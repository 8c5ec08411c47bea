//! Contacts over HTTP.

use muster::domain::access::Role;
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{Client, Reply, TestApp};

async fn add(client: &Client, info: Value) -> Value {
    client.post("/AddContact", json!({"userId": "u1", "contactInfo": info})).await.expect(201)["contact"].clone()
}

fn path_of(contact: &Value) -> String {
    format!("/Contacts/u1/contact/{}", contact["id"].as_str().unwrap())
}

#[tokio::test]
async fn adding_a_contact_answers_the_contact_and_the_newest_contacts() {
    let app = TestApp::start().await;
    let contributor = app.client(Role::Contributor).await;
    let info = json!({
        "name": "Grace", "surname": "Hopper", "email": "Grace@Contoso.example", "phone": "+1 555", "company": "Contoso",
        "position": "CTO", "website": "contoso.example", "howWeMet": "At a fair", "notes": "Two\nlines",
        "tags": ["fair", "vip"], "location": {"latitude": 52.5, "longitude": -13, "city": "Berlin"}
    });
    let body = contributor.post("/AddContact", json!({"userId": "u1", "contactInfo": info})).await.expect(201);
    assert_eq!(body["message"], "Contact added successfully");
    assert_eq!((&body["contactsCount"], &body["remainingContacts"]), (&json!(2), &json!("unlimited")));
    assert_eq!(body["contactList"].as_array().unwrap().len(), 2);
    assert_eq!(body["contactList"][0], body["contact"], "newest first");
    let mut contact = body["contact"].clone();
    assert_eq!(contact["id"], contact["contactId"]);
    for field in ["id", "contactId", "createdAt", "updatedAt"] {
        assert!(contact[field].take().is_string());
    }
    assert_eq!(
        contact,
        json!({
            "id": null, "contactId": null, "userId": "u1", "enterpriseId": "acme", "departmentId": "sales",
            "name": "Grace", "surname": "Hopper", "email": "Grace@Contoso.example", "phone": "+1 555",
            "company": "Contoso", "position": "CTO", "website": "contoso.example", "howWeMet": "At a fair",
            "notes": "Two\nlines", "tags": ["fair", "vip"],
            "location": {"latitude": 52.5, "longitude": -13.0, "city": "Berlin", "country": ""},
            "source": "AddContact", "createdAt": null, "updatedAt": null
        })
    );
}

#[tokio::test]
async fn saving_a_contact_answers_the_contact_and_the_count() {
    let app = TestApp::start().await;
    let contributor = app.client(Role::Contributor).await;
    let request = json!({"userId": "u1", "contactInfo": {"email": "x", "phone": null, "tags": null, "location": null}});
    let body = contributor.post("/saveContact", request).await.expect(200);
    assert_eq!((&body["message"], &body["emailSent"]), (&json!("Contact saved successfully"), &json!(false)));
    assert_eq!((&body["contactsCount"], &body["remainingContacts"]), (&json!(2), &json!("unlimited")));
    assert_eq!(body["contact"], body["savedContact"]);
    let contact = &body["contact"];
    assert_eq!((&contact["source"], &contact["phone"]), (&json!("saveContact"), &json!("")));
    assert_eq!((&contact["tags"], &contact["location"]), (&json!([]), &Value::Null));
}

#[tokio::test]
async fn user_and_contact_info_are_required() {
    let app = TestApp::start().await;
    let contributor = app.client(Role::Contributor).await;
    let check = async |request: Value, fields: &[&str]| {
        for path in ["/AddContact", "/saveContact"] {
            let (message, named) = contributor.post(path, request.clone()).await.invalid_fields();
            assert_eq!(
                (message.as_str(), named),
                ("User ID and contact info are required", fields.iter().map(|field| (*field).to_owned()).collect())
            );
        }
    };
    check(json!({}), &["userId", "contactInfo"]).await;
    check(json!({"userId": "u1"}), &["contactInfo"]).await;
    check(json!({"userId": "u1", "contactInfo": null}), &["contactInfo"]).await;
    check(json!({"userId": "", "contactInfo": {"name": "A"}}), &["userId"]).await;
    check(json!({"userId": null, "contactInfo": {"name": "A"}}), &["userId"]).await;
    for user in ["nobody", "a b", "🙂", "\u{0}", &"x".repeat(65)] {
        let request = json!({"userId": user, "contactInfo": {"name": "A"}});
        assert_eq!(contributor.post("/AddContact", request).await.problem(404), "User not found");
    }
}

#[tokio::test]
async fn an_invalid_contact_is_refused_with_the_field_name() {
    let app = TestApp::start().await;
    let contributor = app.client(Role::Contributor).await;
    let contact = add(&contributor, json!({"name": "Grace"})).await;
    let check = async |info: Value, field: &str, message: &str| {
        let request = json!({"userId": "u1", "contactInfo": info.clone()});
        let expected = format!("contactInfo.{field}: {message}");
        assert_eq!(contributor.post("/AddContact", request).await.invalid_fields().0, expected);
        let wrapped = contributor.patch(&path_of(&contact), json!({"contactInfo": info.clone()})).await;
        assert_eq!(wrapped.invalid_fields().0, expected);
        let bare = contributor.patch(&path_of(&contact), info).await;
        assert_eq!(bare.invalid_fields().0, format!("{field}: {message}"));
    };
    check(json!({"name": "A", "email": 7}), "email", "must be a string, not a number").await;
    check(json!({"name": "A", "tags": "a"}), "tags", "must be an array, not a string").await;
    check(json!({"name": "A", "tags": ["a", null]}), "tags[1]", "must be a string, not null").await;
    check(json!({"name": "A", "location": [1, 2]}), "location", "must be an object, not an array").await;
    let degrees = "must be a number, not a string";
    check(json!({"name": "A", "location": {"latitude": "1"}}), "location.latitude", degrees).await;
    let bounds = "must be a number from -180 to 180";
    check(json!({"name": "A", "location": {"longitude": 181}}), "location.longitude", bounds).await;
    check(json!({"name": "x".repeat(1_001)}), "name", "must be at most 1000 characters").await;
    check(json!({"name": "a\u{0}"}), "name", "must not contain a NUL character").await;
    let needed = "at least one of name, surname, email and phone is needed";
    check(json!({"name": " ", "company": "Contoso"}), "name", needed).await;
}

#[tokio::test]
async fn unusual_text_is_stored_unchanged() {
    let app = TestApp::start().await;
    let contributor = app.client(Role::Contributor).await;
    for text in [
        "مرحبا بالعالم",
        "👩‍👩‍👧‍👦 family",
        "\u{202e}RTL",
        "e\u{301}",
        "\u{feff}BOM",
        "tab\tnew\r\nline",
        &"長".repeat(1_000),
    ] {
        let contact = add(&contributor, json!({"name": text, "notes": text, "tags": ["🏷"]})).await;
        let read = contributor.get(&path_of(&contact)).await.expect(200)["contact"].clone();
        assert_eq!((&read["name"], &read["notes"]), (&json!(text), &json!(text)));
    }
    for surrogate in [r"\ud800", r"\udc00x", r"\ud800\u0041"] {
        let body = format!(r#"{{"userId":"u1","contactInfo":{{"name":"{surrogate}"}}}}"#);
        let message = contributor.post_text("/AddContact", body).await.problem(400);
        assert!(message.starts_with("The body is not valid JSON: "), "{message}");
    }
    let pair = r#"{"userId":"u1","contactInfo":{"name":"\ud83d\ude00"}}"#;
    assert_eq!(contributor.post_text("/AddContact", pair).await.expect(201)["contact"]["name"], "😀");
}

#[tokio::test]
async fn a_contact_patch_changes_only_the_fields_it_names_and_null_clears() {
    let app = TestApp::start().await;
    let contributor = app.client(Role::Contributor).await;
    let info = json!({
        "name": "Grace", "company": "Contoso", "notes": "old", "tags": ["a", "b"],
        "location": {"latitude": 1.5, "longitude": 2.5, "city": "Berlin", "country": "Germany"}
    });
    let contact = add(&contributor, info).await;
    let mut expected = contact.clone();
    let mut check = async |patch: Value, changed: Value| {
        expected.as_object_mut().unwrap().extend(changed.as_object().unwrap().clone());
        let body = contributor.patch(&path_of(&contact), patch.clone()).await.expect(200);
        assert_eq!(body["message"], "Contact updated successfully");
        expected["updatedAt"] = body["contact"]["updatedAt"].clone();
        assert_eq!(body["contact"], expected, "{patch}");
    };
    check(json!({}), json!({})).await;
    check(json!({"company": "Initech"}), json!({"company": "Initech"})).await;
    check(json!({"contactInfo": {"notes": null, "tags": ["c"]}}), json!({"notes": "", "tags": ["c"]})).await;
    check(json!({"contactInfo": {"phone": "1"}, "notes": "not read"}), json!({"phone": "1"})).await;
    let here = |latitude: Value, city: &str| json!({"location": {"latitude": latitude, "longitude": 2.5, "city": city, "country": "Germany"}});
    check(json!({"location": {"city": null}}), here(json!(1.5), "")).await;
    check(json!({"location": {"latitude": null, "city": "Bonn"}}), here(Value::Null, "Bonn")).await;
    check(json!({"location": null, "tags": null}), json!({"location": null, "tags": []})).await;
    check(json!({"source": "mine", "userId": "u2", "id": "x"}), json!({})).await;
    let request = contributor
        .request(Method::PATCH, &path_of(&contact))
        .header("content-type", "application/merge-patch+json")
        .body(r#"{"name":null,"phone":null}"#);
    let message = Reply::to(request).await.invalid_fields().0;
    assert_eq!(message, "name: at least one of name, surname, email and phone is needed");
}

#[tokio::test]
async fn a_deleted_contact_is_not_found() {
    let app = TestApp::start().await;
    let contributor = app.client(Role::Contributor).await;
    let contact = add(&contributor, json!({"name": "Grace"})).await;
    let body = contributor.delete(&path_of(&contact)).await.expect(200);
    assert_eq!((&body["message"], &body["contactsCount"]), (&json!("Contact deleted successfully"), &json!(1)));
    assert_eq!(body["contactId"], contact["id"]);
    for reply in [
        contributor.get(&path_of(&contact)).await,
        contributor.patch(&path_of(&contact), json!({"name": "X"})).await,
        contributor.delete(&path_of(&contact)).await,
    ] {
        assert_eq!(reply.problem(404), "Contact not found");
    }
    assert_eq!(app.store.contacts_of_acme(), 2);
}

#[tokio::test]
async fn an_employees_contacts_are_listed_newest_first() {
    let app = TestApp::start().await;
    let contributor = app.client(Role::Contributor).await;
    for number in 0..120 {
        add(&contributor, json!({"name": format!("n{number}")})).await;
    }
    let body = add_one_more(&contributor).await;
    assert_eq!(body["contactList"].as_array().unwrap().len(), 100, "AddContact answers the newest hundred");
    assert_eq!(body["contactsCount"], 122);
    let list = contributor.get("/Contacts/u1").await.expect(200);
    assert_eq!((&list["id"], &list["count"], &list["totalCount"]), (&json!("u1"), &json!(100), &json!(122)));
    assert_eq!(list["pagination"]["limit"], 100);
    assert_eq!(list["contactList"][0]["name"], "last");
    let cursor = list["pagination"]["nextCursor"].as_str().unwrap();
    let rest = contributor.get(&format!("/Contacts/u1?cursor={cursor}")).await.expect(200);
    assert_eq!((&rest["count"], &rest["pagination"]["nextCursor"]), (&json!(22), &Value::Null));
    assert_eq!(rest["contactList"][21]["name"], "friend of u1");
}

async fn add_one_more(client: &Client) -> Value {
    client.post("/AddContact", json!({"userId": "u1", "contactInfo": {"name": "last"}})).await.expect(201)
}
