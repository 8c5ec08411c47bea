//! A page driven as a user would: tests wait for what it shows, click and type.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use data_encoding::BASE64;
use fantoccini::Locator;
use fantoccini::actions::{InputSource, KeyAction, KeyActions};
use fantoccini::error::CmdError;
use fantoccini::key::Key;
use serde_json::{Value, json};

use super::driver::Browser;
use crate::support::{Client, TestApp};

/// The time limit of every wait. Generous, since it only matters when a test fails.
const WAIT_TIME_MAX: Duration = Duration::from_secs(20);

/// The pause between two attempts of a wait; each runs a script in the browser.
const POLL_INTERVAL: Duration = Duration::from_millis(25);

/// The size of a common screen.
const WIDE: (u32, u32) = (1440, 900);

/// A browser with the pages of one server.
pub struct Page {
    browser: Browser,
    /// The URL of the server, with its base path.
    root: String,
    is_checked: bool,
}

impl Page {
    /// A browser without a page; `None` on a machine without a browser.
    pub async fn blank(app: &TestApp) -> Option<Self> {
        Self::below(app.root()).await
    }

    /// The same for a server at this address.
    pub async fn blank_at(address: SocketAddr) -> Option<Self> {
        Self::below(&format!("http://{address}")).await
    }

    /// The same for a server at this URL.
    pub async fn below(root: &str) -> Option<Self> {
        let browser = Browser::start(WIDE.0, WIDE.1).await?;
        Some(Self { browser, root: root.to_owned(), is_checked: false })
    }

    /// A browser that has signed in with this client's token and shows the start page.
    pub async fn signed_in(app: &TestApp, holder: &Client) -> Option<Self> {
        Self::signed_in_below(app.root(), holder).await
    }

    /// The same for a server at this address and this token.
    pub async fn signed_in_at(address: SocketAddr, token: &str) -> Option<Self> {
        let page = Self::blank_at(address).await?;
        page.open_and_sign_in(token).await;
        Some(page)
    }

    /// The same for a server at this URL.
    pub async fn signed_in_below(root: &str, holder: &Client) -> Option<Self> {
        let page = Self::below(root).await?;
        page.open_and_sign_in(holder.token()).await;
        Some(page)
    }

    /// Opens the start page and signs in there.
    pub async fn open_and_sign_in(&self, token: &str) {
        self.open("").await;
        self.sign_in(token).await;
        self.wait_for_visible("#pages a[aria-current]").await;
    }

    /// Types a token and sends it.
    pub async fn sign_in(&self, token: &str) {
        self.fill("#token", token).await;
        self.click("#sign-in").await;
    }

    /// Loads the page at this hash from scratch, as from a bookmark.
    pub async fn open(&self, hash: &str) {
        self.browser.client.goto("about:blank").await.unwrap();
        self.browser.client.goto(&format!("{}/{hash}", self.root)).await.unwrap();
    }

    /// Opens a page through the navigation.
    pub async fn navigate_to(&self, page: &str) {
        self.click(&format!("#pages a[data-page={page}]")).await;
        self.wait_for_visible(&format!("#content[data-page={page}] h1")).await;
    }

    /// Reloads the page.
    pub async fn reload(&self) {
        self.browser.client.refresh().await.unwrap();
    }

    /// Runs a script and returns its value.
    pub async fn evaluate(&self, script: &str, arguments: Value) -> Value {
        let Value::Array(arguments) = arguments else { panic!("arguments are a list: {arguments}") };
        match self.browser.client.execute(script, arguments).await {
            Ok(value) => value,
            Err(error) => panic!("{error}: {script}"),
        }
    }

    /// Runs an asynchronous script and returns the value that it passes to its last argument, a callback.
    pub async fn evaluate_async(&self, script: &str) -> Value {
        self.browser.client.execute_async(script, Vec::new()).await.unwrap_or_else(|error| panic!("{error}: {script}"))
    }

    /// Runs a script until its value is neither null nor false, and returns that value.
    pub async fn wait_for(&self, script: &str, arguments: Value) -> Value {
        let begun = Instant::now();
        loop {
            let found = self.evaluate(script, arguments.clone()).await;
            if !found.is_null() && found != false {
                return found;
            }
            if begun.elapsed() > WAIT_TIME_MAX {
                let shown = self.evaluate("return document.body.innerText", json!([])).await;
                panic!("waited in vain for {script} {arguments}; the page says:\n{}", shown.as_str().unwrap());
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// Waits until the element is visible.
    pub async fn wait_for_visible(&self, selector: &str) {
        self.wait_for("return Boolean(document.querySelector(arguments[0])?.checkVisibility())", json!([selector]))
            .await;
    }

    /// Waits until the element is missing or hidden.
    pub async fn wait_for_hidden(&self, selector: &str) {
        self.wait_for("return !document.querySelector(arguments[0])?.checkVisibility()", json!([selector])).await;
    }

    /// Waits until the visible text of the element contains a text, and returns all of it.
    pub async fn wait_for_text(&self, selector: &str, text: &str) -> String {
        let script = "const text = document.querySelector(arguments[0])?.innerText ?? ''; \
                      return text.includes(arguments[1]) && text";
        self.wait_for(script, json!([selector, text])).await.as_str().unwrap().to_owned()
    }

    /// The texts of all elements that match the selector now.
    pub async fn texts(&self, selector: &str) -> Vec<String> {
        let script = "return [...document.querySelectorAll(arguments[0])].map((found) => found.innerText.trim())";
        strings(&self.evaluate(script, json!([selector])).await)
    }

    /// The number of visible elements that match the selector now.
    pub async fn count(&self, selector: &str) -> usize {
        let script = "return [...document.querySelectorAll(arguments[0])].filter((e) => e.checkVisibility()).length";
        usize::try_from(self.evaluate(script, json!([selector])).await.as_u64().unwrap()).unwrap()
    }

    /// The value of a field.
    pub async fn value(&self, selector: &str) -> String {
        let value = self.evaluate("return document.querySelector(arguments[0]).value", json!([selector])).await;
        value.as_str().unwrap().to_owned()
    }

    /// Clicks on an element as soon as it can be clicked.
    pub async fn click(&self, selector: &str) {
        self.retry("click", selector, async |element| element.click().await).await;
    }

    /// Replaces the value of a field by typing.
    pub async fn fill(&self, selector: &str, text: &str) {
        // As a user would: select all, then type over it.
        let keys = format!("{}a{}{text}", char::from(Key::Control), char::from(Key::Null));
        self.retry("type into", selector, async |element| element.send_keys(&keys).await).await;
    }

    /// Sends keys to an element.
    pub async fn press(&self, selector: &str, keys: &str) {
        self.retry("press keys in", selector, async |element| element.send_keys(keys).await).await;
    }

    /// Sends keys to the focused element.
    pub async fn type_keys(&self, keys: &str) {
        let strokes = keys.chars().flat_map(|value| [KeyAction::Down { value }, KeyAction::Up { value }]);
        let actions = strokes.fold(KeyActions::new("keyboard".to_owned()), KeyActions::then);
        self.browser.client.perform_actions(actions).await.unwrap();
    }

    /// Presses the tab key until the element has the focus.
    pub async fn tab_to(&self, selector: &str) {
        const TABS_MAX: usize = 60;
        for _ in 0..TABS_MAX {
            self.type_keys(&char::from(Key::Tab).to_string()).await;
            if self.evaluate("return document.activeElement.matches(arguments[0])", json!([selector])).await == true {
                return;
            }
        }
        panic!("{TABS_MAX} times tab did not lead to {selector}");
    }

    /// Acts on an element, and retries while it is missing, replaced by a new one, or covered by another.
    async fn retry(
        &self,
        what: &str,
        selector: &str,
        act: impl AsyncFn(fantoccini::elements::Element) -> Result<(), CmdError>,
    ) {
        let begun = Instant::now();
        loop {
            let done = match self.browser.client.find(Locator::Css(selector)).await {
                Ok(element) => {
                    // Scrolled to the middle, away from the fixed bars at the edges of the screen.
                    let middle = "arguments[0].scrollIntoView({block: 'center'})";
                    let place = serde_json::to_value(&element).unwrap();
                    match self.browser.client.execute(middle, vec![place]).await {
                        Ok(_) => act(element).await,
                        Err(error) => Err(error),
                    }
                }
                Err(error) => Err(error),
            };
            let Err(error) = done else { return };
            assert!(begun.elapsed() < WAIT_TIME_MAX, "cannot {what} {selector}: {error}");
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    }

    /// The attributes of a cookie, without its value.
    pub async fn cookie(&self, name: &str) -> Value {
        let cookie = self.browser.client.get_named_cookie(name).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        json!({"path": cookie.path(), "secure": cookie.secure(), "httpOnly": cookie.http_only()})
    }

    /// The hash of the current URL.
    pub async fn hash(&self) -> String {
        self.evaluate("return location.hash", json!([])).await.as_str().unwrap().to_owned()
    }

    /// Emulates a screen of this width, and the colour scheme that the system prefers.
    pub async fn set_width(&self, width: u32, scheme: &str) {
        self.set_screen((width, WIDE.1), scheme).await;
    }

    /// The same for a screen of this width and height.
    pub async fn set_screen(&self, (width, height): (u32, u32), scheme: &str) {
        let screen = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.chromium("Emulation.setDeviceMetricsOverride", screen).await;
        let scheme = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.chromium("Emulation.setEmulatedMedia", scheme).await;
    }

    /// Emulates a network with this latency.
    pub async fn set_latency(&self, latency: Duration) {
        let millis = u64::try_from(latency.as_millis()).unwrap();
        let network = json!({"offline": false, "latency": millis, "downloadThroughput": -1, "uploadThroughput": -1});
        self.chromium("Network.enable", json!({})).await;
        self.chromium("Network.emulateNetworkConditions", network).await;
    }

    /// Runs a script in every document that is opened from now on, before the document's own scripts.
    pub async fn before_each_document(&self, script: &str) {
        self.chromium("Page.addScriptToEvaluateOnNewDocument", json!({"source": script})).await;
    }

    /// A screenshot as a PNG file.
    pub async fn screenshot(&self) -> Vec<u8> {
        // Transitions between the themes must be over.
        self.wait_for("return document.getAnimations().every(({playState}) => playState !== 'running')", json!([]))
            .await;
        self.chromium("Emulation.setScrollbarsHidden", json!({"hidden": true})).await;
        let taken = self.chromium("Page.captureScreenshot", json!({"format": "png", "optimizeForSpeed": false})).await;
        BASE64.decode(taken["data"].as_str().unwrap_or_else(|| panic!("no picture: {taken}")).as_bytes()).unwrap()
    }

    async fn chromium(&self, command: &str, parameters: Value) -> Value {
        self.browser.command("goog/cdp/execute", json!({"cmd": command, "params": parameters})).await
    }

    /// Ends the test: asserts that the console is empty and that no request went to another server.
    pub async fn end(self) {
        self.end_after(&[]).await;
    }

    /// The same for a test in which requests were refused, which browsers report on the console: each as path and status,
    /// or `unreachable` when there was no answer.
    pub async fn end_after(mut self, refusals: &[&str]) {
        self.is_checked = true;
        let console = self.logged("browser").await;
        let lines: BTreeSet<String> = console.iter().map(|entry| self.line(entry)).collect();
        let loud: Vec<&String> = lines.iter().filter(|line| !refusals.contains(&line.as_str())).collect();
        assert!(loud.is_empty(), "the console is not empty: {loud:#?}");
        let requests = self.requests().await;
        assert!(requests.iter().any(|url| url.starts_with(&self.root)), "requests are seen at all: {requests:?}");
        let away: Vec<&String> = requests.iter().filter(|url| !self.is_own(url)).collect();
        assert!(away.is_empty(), "requests have left the server: {away:#?}");
    }

    fn is_own(&self, url: &str) -> bool {
        url.strip_prefix(&self.root).is_some_and(|path| path.starts_with('/'))
    }

    /// The text of a console message; for a refused request, its path and status.
    fn line(&self, entry: &Value) -> String {
        let message = entry["message"].as_str().unwrap();
        let refused = || {
            let (url, rest) = message.split_once(" - Failed to load resource: ")?;
            let status = match rest.rsplit_once("status of ") {
                Some((_, status)) => status.split(' ').next()?,
                None if rest.starts_with("net::") => "unreachable",
                None => return None,
            };
            Some(format!("{} {status}", url.strip_prefix(&self.root)?))
        };
        refused().unwrap_or_else(|| message.to_owned())
    }

    /// The URLs of all requests since the browser was started.
    async fn requests(&self) -> Vec<String> {
        let url = |entry: &Value| {
            let message: Value = serde_json::from_str(entry["message"].as_str().unwrap()).unwrap();
            let event = &message["message"];
            let is_request = event["method"] == "Network.requestWillBeSent";
            is_request.then(|| event["params"]["request"]["url"].as_str().unwrap().to_owned())
        };
        let sent = self.logged("performance").await.iter().filter_map(url).collect::<Vec<_>>();
        // The empty pages of a new browser need no request.
        let local = ["about:", "data:"];
        sent.into_iter().filter(|url| !local.iter().any(|scheme| url.starts_with(scheme))).collect()
    }

    /// What the browser has logged since the last call.
    async fn logged(&self, kind: &str) -> Vec<Value> {
        let entries = self.browser.command("se/log", json!({"type": kind})).await;
        entries.as_array().cloned().unwrap_or_else(|| panic!("no log: {entries}"))
    }
}

impl Drop for Page {
    fn drop(&mut self) {
        let is_failing = std::thread::panicking();
        assert!(self.is_checked || is_failing, "a test of the page ends with a look at what it did unseen");
    }
}

/// A list of texts.
pub fn strings(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}
