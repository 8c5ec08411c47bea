//! A connection that is lost is seen, and comes back by itself.

use std::net::SocketAddr;
use std::sync::Arc;

use muster::domain::access::Role;
use serde_json::json;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::Page;
use crate::support::TestApp;

/// A cable between the browser and the server that can be cut and mended.
struct Cable {
    address: SocketAddr,
    whole: Arc<watch::Sender<bool>>,
}

impl Cable {
    async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let whole = Arc::new(watch::Sender::new(true));
        let state = Arc::clone(&whole);
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let mut cut = state.subscribe();
                tokio::spawn(async move {
                    // Whoever comes while it is cut is let in and dropped.
                    if *cut.borrow_and_update() {
                        let mut far = TcpStream::connect(server).await.unwrap();
                        tokio::select! {
                            _ = copy_bidirectional(&mut near, &mut far) => {}
                            _ = cut.wait_for(|whole| !whole) => {}
                        }
                    }
                });
            }
        });
        Self { address, whole }
    }

    fn cut(&self) {
        self.whole.send_replace(false);
    }

    fn mend(&self) {
        self.whole.send_replace(true);
    }
}

#[tokio::test]
async fn a_lost_connection_is_told_in_words_and_comes_back_by_itself() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    admin.get("/enterprise/acme/contacts/summary").await.expect(200);
    let cable = Cable::to(app.address()).await;
    let Some(page) = Page::signed_in_at(cable.address, admin.token()).await else { return };
    page.until_says("#live[data-state=live]", "Live").await;
    page.until_says("#tile-hitRate .tile-value", "0.0%").await;
    page.until_says("#now", "Last second").await;

    for (round, rate) in ["50.0%", "66.7%"].into_iter().enumerate() {
        cable.cut();
        page.until_says("#live[data-state=lost]", "Reconnecting").await;
        page.until_says("#now", "Not connected").await;
        // What was there stays there, and what happens meanwhile is not seen.
        let before = page.texts("#tile-hitRate .tile-value").await;
        admin.get("/enterprise/acme/contacts/summary").await.expect(200);
        assert_eq!(page.texts("#tile-hitRate .tile-value").await, before, "round {round}");
        // A page that needs the server now says so, and offers to try again.
        if round == 1 {
            page.turn_to("entries").await;
            page.until_says("#content [data-state=error]", "The server does not answer").await;
        }

        cable.mend();
        page.until_says("#live[data-state=live]", "Live").await;
        if round == 1 {
            page.until_there("#entries tr[data-key='enterprise:acme:contacts']").await;
            assert_eq!(page.count("#content [data-state=error]").await, 0, "what failed is read anew");
            page.turn_to("overview").await;
        }
        page.until_says("#tile-hitRate .tile-value", rate).await;
        page.until_says("#now", "Last second").await;
    }
    // And values move again with what happens.
    admin.get("/enterprise/acme/contacts/summary").await.expect(200);
    page.until_says("#tile-hitRate .tile-value", "75.0%").await;
    let paths = ["/cache/events", "/cache/analytics?window=1h", "/cache/config", "/session"];
    let entries = "/cache/entries?limit=50&page=1&sort=key&order=asc";
    let lost: Vec<String> = paths.into_iter().chain([entries]).map(|path| format!("{path} unreachable")).collect();
    page.end_after(&lost.iter().map(String::as_str).collect::<Vec<_>>()).await;
}

#[tokio::test]
async fn a_page_that_finds_no_server_says_so_and_tries_again_when_told() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let cable = Cable::to(app.address()).await;
    let Some(page) = Page::blank_at(cable.address).await else { return };
    page.open("").await;
    page.until_there("#token").await;
    cable.cut();
    page.sign_in(admin.token()).await;
    page.until_says("#sign-in-error", "The server does not answer").await;
    cable.mend();
    page.sign_in(admin.token()).await;
    page.until_there("#pages a[aria-current]").await;
    // Without the event stream nothing moves, but one can look again.
    cable.cut();
    page.ask("location.hash = '#/enterprises'", json!([])).await;
    page.until_says("#content [data-state=error]", "The server does not answer").await;
    cable.mend();
    page.click("#content [data-action=retry]").await;
    page.until_there("tr[data-enterprise=acme]").await;
    let paths = ["/session", "/cache/events", "/cache/analytics?window=1h", "/cache/config", "/enterprise?limit=100"];
    let lost: Vec<String> = paths.into_iter().map(|path| format!("{path} unreachable")).collect();
    page.end_after(&lost.iter().map(String::as_str).collect::<Vec<_>>()).await;
}
