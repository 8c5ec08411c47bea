//! How the backups stand on the dashboard: an administrator sees it, makes one, and cannot overlook that one failed.

use std::time::Duration;

use muster::config::BackupSettings;
use muster::domain::access::Role;

use super::Page;
use crate::support::{Directory, TestApp, TestSettings, people};

/// A server that backs up into a folder of its data directory once a day.
async fn server() -> TestApp {
    let store = Directory::in_memory().open();
    let dir = store.data_dir().join("backups");
    let settings = BackupSettings { every: Some(Duration::from_hours(24)), keep: 7, dir };
    let app = TestApp::serve_backing_up(store, TestSettings::default(), &settings, None);
    app.write(people).await;
    app
}

#[tokio::test]
async fn an_administrator_backs_up_and_sees_how_old_the_last_one_is() {
    let app = server().await;
    let admin = app.client(Role::Admin).await;
    let Some(page) = Page::signed_in(&app, &admin).await else { return };
    page.until_says("#backup-status", "None yet").await;
    page.until_says("#backup-text", "There is no good backup yet.").await;
    assert_eq!(page.count("#backup-alert > *").await, 0);
    page.click("#back-up-now").await;
    page.until_says(".toast", "Backup created successfully").await;
    page.until_says("#backup-status", "Good").await;
    page.until_says("#backup-text", "Last good backup just now").await;
    page.until_says("#backup-text", "3 contacts, made in ").await;
    page.until_says("#backup-text", "Here are 1 of 7 that are kept").await;
    page.end().await;
}

#[tokio::test]
async fn a_failed_backup_stands_above_everything_until_one_succeeds() {
    let app = server().await;
    let folder = app.store.data_dir().join("backups");
    std::fs::write(&folder, "in the way").unwrap();
    let admin = app.client(Role::Admin).await;
    admin.post("/backup", serde_json::json!({})).await.problem(503);
    let Some(page) = Page::signed_in(&app, &admin).await else { return };
    page.until_says("#backup-alert", "The last backup failed.").await;
    page.until_says("#backup-alert", "it is a file, not a folder").await;
    page.until_says("#backup-status", "Failed").await;
    page.until_says("#backup-text", "1 attempt failed since").await;
    std::fs::remove_file(&folder).unwrap();
    page.click("#back-up-now").await;
    page.until_says("#backup-status", "Good").await;
    page.until_gone("#backup-alert").await;
    page.end().await;
}

#[tokio::test]
async fn a_schedule_that_is_off_is_said_in_words() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let Some(page) = Page::signed_in(&app, &admin).await else { return };
    page.until_says("#backup-status", "Switched off").await;
    page.until_says("#backup-text", "The server makes no backups by itself").await;
    page.end().await;
}

#[tokio::test]
async fn a_viewer_sees_nothing_of_backups() {
    let app = TestApp::start().await;
    let viewer = app.client(Role::Viewer).await;
    let Some(page) = Page::signed_in(&app, &viewer).await else { return };
    page.until_says("#tile-hitRate", "Target").await;
    assert_eq!(page.count("#backup, #backup-alert, #back-up-now").await, 0);
    // And its page asked for nothing that is refused: the console would tell.
    page.end().await;
}
