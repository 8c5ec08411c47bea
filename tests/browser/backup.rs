//! Backups on the dashboard: an administrator sees their state, makes one, and is alerted to a failed one.

use muster::config::{BackupSettings, InstallationName};
use muster::domain::access::Role;

use super::Page;
use crate::support::{Directory, TestApp, TestSettings, people};

/// A server that backs up into a folder of its data directory once a day.
async fn server() -> TestApp {
    let store = Directory::in_memory().open();
    let dir = store.data_dir().join("backups");
    let installation_name = InstallationName::parse("berlin");
    let settings = BackupSettings { backup_dir: Some(dir), installation_name, ..BackupSettings::default() };
    let app = TestApp::serve_backing_up(store, TestSettings::default(), &settings, None);
    app.write(people).await;
    app
}

#[tokio::test]
async fn an_administrator_makes_a_backup_and_sees_its_age() {
    let app = server().await;
    let admin = app.client(Role::Admin).await;
    let Some(page) = Page::signed_in(&app, &admin).await else { return };
    page.wait_for_text("#backup-status", "None yet").await;
    page.wait_for_text("#backup-text", "There is no good backup yet.").await;
    assert_eq!(page.count("#backup-alert > *").await, 0);
    page.click("#back-up-now").await;
    page.wait_for_text(".toast", "Backup created successfully").await;
    page.wait_for_text("#backup-status", "Good").await;
    page.wait_for_text("#backup-text", "Last good backup just now").await;
    page.wait_for_text("#backup-text", "3 contacts, made in ").await;
    page.wait_for_text("#backup-text", "Here are 1 of 7 that are kept of berlin").await;
    page.end().await;
}

#[tokio::test]
async fn the_backups_of_another_server_in_the_folder_are_shown_as_its_own() {
    let app = server().await;
    let theirs = app.store.data_dir().join("backups/hamburg");
    std::fs::create_dir_all(&theirs).unwrap();
    for day in ["21", "22"] {
        std::fs::write(theirs.join(format!("muster-hamburg-2026-11-{day}T08-00-00Z.db")), "theirs").unwrap();
    }
    let admin = app.client(Role::Admin).await;
    admin.post("/backup", serde_json::json!({})).await.expect(201);
    let Some(page) = Page::signed_in(&app, &admin).await else { return };
    page.wait_for_text("#backup-text", "Here are 1 of 7 that are kept of berlin").await;
    page.wait_for_text(".backup-others", "hamburg: 2 backups, the newest ").await;
    page.end().await;
}

#[tokio::test]
async fn a_failed_backup_is_shown_as_an_alert_until_one_succeeds() {
    let app = server().await;
    let folder = app.store.data_dir().join("backups");
    std::fs::write(&folder, "in the way").unwrap();
    let admin = app.client(Role::Admin).await;
    admin.post("/backup", serde_json::json!({})).await.problem(503);
    let Some(page) = Page::signed_in(&app, &admin).await else { return };
    page.wait_for_text("#backup-alert", "The last backup failed.").await;
    page.wait_for_text("#backup-alert", "it is a file, not a folder").await;
    page.wait_for_text("#backup-status", "Failed").await;
    page.wait_for_text("#backup-text", "1 attempt failed since").await;
    std::fs::remove_file(&folder).unwrap();
    page.click("#back-up-now").await;
    page.wait_for_text("#backup-status", "Good").await;
    page.wait_for_hidden("#backup-alert").await;
    page.end().await;
}

#[tokio::test]
async fn a_disabled_backup_schedule_is_shown_as_disabled() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let Some(page) = Page::signed_in(&app, &admin).await else { return };
    page.wait_for_text("#backup-status", "Switched off").await;
    page.wait_for_text("#backup-text", "The server makes no backups by itself").await;
    page.end().await;
}

#[tokio::test]
async fn a_viewer_sees_nothing_of_backups() {
    let app = TestApp::start().await;
    let viewer = app.client(Role::Viewer).await;
    let Some(page) = Page::signed_in(&app, &viewer).await else { return };
    page.wait_for_text("#tile-hitRate", "Target").await;
    assert_eq!(page.count("#backup, #backup-alert, #back-up-now").await, 0);
    // The final check of the console shows that the page sent no request that was refused.
    page.end().await;
}
