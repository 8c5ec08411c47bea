//! A lost connection is shown, and the page reconnects by itself.

use std::net::SocketAddr;
use std::sync::Arc;

use muster::domain::access::Role;
use serde_json::json;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::Page;
use crate::support::TestApp;

/// A TCP proxy between the browser and the server that can drop all connections and accept them again.
struct TcpProxy {
    address: SocketAddr,
    connected: Arc<watch::Sender<bool>>,
}

impl TcpProxy {
    async fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connected = Arc::new(watch::Sender::new(true));
        let state = Arc::clone(&connected);
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let mut connected = state.subscribe();
                tokio::spawn(async move {
                    // While disconnected, a new connection is accepted and closed at once.
                    if *connected.borrow_and_update() {
                        let mut far = TcpStream::connect(server).await.unwrap();
                        tokio::select! {
                            _ = copy_bidirectional(&mut near, &mut far) => {}
                            _ = connected.wait_for(|connected| !connected) => {}
                        }
                    }
                });
            }
        });
        Self { address, connected }
    }

    fn disconnect(&self) {
        self.connected.send_replace(false);
    }

    fn reconnect(&self) {
        self.connected.send_replace(true);
    }
}

#[tokio::test]
async fn a_lost_connection_is_shown_and_reconnects_by_itself() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    admin.get("/enterprise/acme/contacts/summary").await.expect(200);
    let proxy = TcpProxy::to(app.address()).await;
    let Some(page) = Page::signed_in_at(proxy.address, admin.token()).await else { return };
    page.wait_for_text("#live[data-state=live]", "Live").await;
    page.wait_for_text("#tile-hitRate .tile-value", "0.0%").await;
    page.wait_for_text("#now", "Last second").await;

    for (round, rate) in ["50.0%", "66.7%"].into_iter().enumerate() {
        proxy.disconnect();
        page.wait_for_text("#live[data-state=lost]", "Reconnecting").await;
        page.wait_for_text("#now", "Not connected").await;
        // The page keeps what it showed, and shows nothing that happens meanwhile.
        let before = page.texts("#tile-hitRate .tile-value").await;
        admin.get("/enterprise/acme/contacts/summary").await.expect(200);
        assert_eq!(page.texts("#tile-hitRate .tile-value").await, before, "round {round}");
        // A page that needs the server now shows an error and offers a retry.
        if round == 1 {
            page.navigate_to("entries").await;
            page.wait_for_text("#content [data-state=error]", "The server does not answer").await;
        }

        proxy.reconnect();
        page.wait_for_text("#live[data-state=live]", "Live").await;
        if round == 1 {
            page.wait_for_visible("#entries tr[data-key='enterprise:acme:contacts']").await;
            assert_eq!(page.count("#content [data-state=error]").await, 0, "what failed is read anew");
            page.navigate_to("overview").await;
        }
        page.wait_for_text("#tile-hitRate .tile-value", rate).await;
        page.wait_for_text("#now", "Last second").await;
    }
    // Live updates continue.
    admin.get("/enterprise/acme/contacts/summary").await.expect(200);
    page.wait_for_text("#tile-hitRate .tile-value", "75.0%").await;
    let paths = ["/cache/events", "/cache/analytics?window=1h", "/cache/config", "/session"];
    let entries = "/cache/entries?limit=50&page=1&sort=key&order=asc";
    let lost: Vec<String> = paths.into_iter().chain([entries]).map(|path| format!("{path} unreachable")).collect();
    page.end_after(&lost.iter().map(String::as_str).collect::<Vec<_>>()).await;
}

#[tokio::test]
async fn an_unreachable_server_is_shown_and_a_retry_loads_the_page() {
    let app = TestApp::start().await;
    let admin = app.client(Role::Admin).await;
    let proxy = TcpProxy::to(app.address()).await;
    let Some(page) = Page::blank_at(proxy.address).await else { return };
    page.open("").await;
    page.wait_for_visible("#token").await;
    proxy.disconnect();
    page.sign_in(admin.token()).await;
    page.wait_for_text("#sign-in-error", "The server does not answer").await;
    proxy.reconnect();
    page.sign_in(admin.token()).await;
    page.wait_for_visible("#pages a[aria-current]").await;
    // Without the event stream there are no live updates, but a retry loads the page.
    proxy.disconnect();
    page.evaluate("location.hash = '#/enterprises'", json!([])).await;
    page.wait_for_text("#content [data-state=error]", "The server does not answer").await;
    proxy.reconnect();
    page.click("#content [data-action=retry]").await;
    page.wait_for_visible("tr[data-enterprise=acme]").await;
    let paths = ["/session", "/cache/events", "/cache/analytics?window=1h", "/cache/config", "/enterprise?limit=100"];
    let lost: Vec<String> = paths.into_iter().map(|path| format!("{path} unreachable")).collect();
    page.end_after(&lost.iter().map(String::as_str).collect::<Vec<_>>()).await;
}
