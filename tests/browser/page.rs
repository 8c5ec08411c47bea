//! A page as a person has it: what it shows is waited for, and what it is told is what hands would do.

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

/// How long anything is waited for that should happen at once. Generous, since it only matters when a test fails.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// How long a wait rests between two looks. Each look costs the browser a script.
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// The size of a common screen.
const WIDE: (u32, u32) = (1440, 900);

/// A browser with the pages of one server.
pub struct Page {
    browser: Browser,
    /// What the address of everything begins with.
    root: String,
    is_checked: bool,
}

impl Page {
    /// A browser that shows nothing yet; `None` on a machine without one.
    pub async fn blank(app: &TestApp) -> Option<Self> {
        Self::below(app.root()).await
    }

    /// The same for a server that is known by its address.
    pub async fn blank_at(address: SocketAddr) -> Option<Self> {
        Self::below(&format!("http://{address}")).await
    }

    /// The same for a server whose addresses begin so, as its people see it.
    pub async fn below(root: &str) -> Option<Self> {
        let browser = Browser::start(WIDE.0, WIDE.1).await?;
        Some(Self { browser, root: root.to_owned(), is_checked: false })
    }

    /// A browser in which somebody signs in with a token, and sees where that leads.
    pub async fn signed_in(app: &TestApp, holder: &Client) -> Option<Self> {
        Self::signed_in_below(app.root(), holder).await
    }

    /// The same for a server and a token that are known.
    pub async fn signed_in_at(address: SocketAddr, token: &str) -> Option<Self> {
        let page = Self::blank_at(address).await?;
        page.enter(token).await;
        Some(page)
    }

    /// The same for a server whose addresses begin so.
    pub async fn signed_in_below(root: &str, holder: &Client) -> Option<Self> {
        let page = Self::below(root).await?;
        page.enter(holder.token()).await;
        Some(page)
    }

    /// Opens the start page and signs in there.
    pub async fn enter(&self, token: &str) {
        self.open("").await;
        self.sign_in(token).await;
        self.until_there("#pages a[aria-current]").await;
    }

    /// Types a token and sends it.
    pub async fn sign_in(&self, token: &str) {
        self.fill("#token", token).await;
        self.click("#sign-in").await;
    }

    /// Opens an address from the start, as from a bookmark.
    pub async fn open(&self, hash: &str) {
        self.browser.client.goto("about:blank").await.unwrap();
        self.browser.client.goto(&format!("{}/{hash}", self.root)).await.unwrap();
    }

    /// Goes to a page by the navigation.
    pub async fn turn_to(&self, page: &str) {
        self.click(&format!("#pages a[data-page={page}]")).await;
        self.until_there(&format!("#content[data-page={page}] h1")).await;
    }

    /// Loads the page anew.
    pub async fn reload(&self) {
        self.browser.client.refresh().await.unwrap();
    }

    /// What a script gives back.
    pub async fn ask(&self, script: &str, arguments: Value) -> Value {
        let Value::Array(arguments) = arguments else { panic!("arguments are a list: {arguments}") };
        match self.browser.client.execute(script, arguments).await {
            Ok(value) => value,
            Err(error) => panic!("{error}: {script}"),
        }
    }

    /// What a script gives to its last argument, some time later.
    pub async fn ask_later(&self, script: &str) -> Value {
        self.browser.client.execute_async(script, Vec::new()).await.unwrap_or_else(|error| panic!("{error}: {script}"))
    }

    /// Waits until a script gives back something that is neither null nor false, and gives that.
    pub async fn until(&self, script: &str, arguments: Value) -> Value {
        let begun = Instant::now();
        loop {
            let found = self.ask(script, arguments.clone()).await;
            if !found.is_null() && found != false {
                return found;
            }
            if begun.elapsed() > PATIENCE {
                let shown = self.ask("return document.body.innerText", json!([])).await;
                panic!("waited in vain for {script} {arguments}; the page says:\n{}", shown.as_str().unwrap());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Waits until something can be seen.
    pub async fn until_there(&self, selector: &str) {
        self.until("return Boolean(document.querySelector(arguments[0])?.checkVisibility())", json!([selector])).await;
    }

    /// Waits until something is gone, or cannot be seen.
    pub async fn until_gone(&self, selector: &str) {
        self.until("return !document.querySelector(arguments[0])?.checkVisibility()", json!([selector])).await;
    }

    /// Waits until what can be seen at a place contains a text, and gives all that is there.
    pub async fn until_says(&self, selector: &str, text: &str) -> String {
        let script = "const text = document.querySelector(arguments[0])?.innerText ?? ''; \
                      return text.includes(arguments[1]) && text";
        self.until(script, json!([selector, text])).await.as_str().unwrap().to_owned()
    }

    /// The texts of all that a selector finds now.
    pub async fn texts(&self, selector: &str) -> Vec<String> {
        let script = "return [...document.querySelectorAll(arguments[0])].map((found) => found.innerText.trim())";
        strings(&self.ask(script, json!([selector])).await)
    }

    /// How many there are now that can be seen.
    pub async fn count(&self, selector: &str) -> usize {
        let script = "return [...document.querySelectorAll(arguments[0])].filter((e) => e.checkVisibility()).length";
        usize::try_from(self.ask(script, json!([selector])).await.as_u64().unwrap()).unwrap()
    }

    /// What a field holds.
    pub async fn value(&self, selector: &str) -> String {
        let value = self.ask("return document.querySelector(arguments[0]).value", json!([selector])).await;
        value.as_str().unwrap().to_owned()
    }

    /// Clicks on something as soon as it can be clicked on.
    pub async fn click(&self, selector: &str) {
        self.as_soon_as_possible("click", selector, async |element| element.click().await).await;
    }

    /// Types into a field, in the place of what it holds.
    pub async fn fill(&self, selector: &str, text: &str) {
        // As hands do it: all of it is chosen, and what is typed takes its place.
        let keys = format!("{}a{}{text}", char::from(Key::Control), char::from(Key::Null));
        self.as_soon_as_possible("type into", selector, async |element| element.send_keys(&keys).await).await;
    }

    /// Presses keys in something.
    pub async fn press(&self, selector: &str, keys: &str) {
        self.as_soon_as_possible("press keys in", selector, async |element| element.send_keys(keys).await).await;
    }

    /// Presses keys where the focus is.
    pub async fn type_keys(&self, keys: &str) {
        let strokes = keys.chars().flat_map(|value| [KeyAction::Down { value }, KeyAction::Up { value }]);
        let actions = strokes.fold(KeyActions::new("keyboard".to_owned()), KeyActions::then);
        self.browser.client.perform_actions(actions).await.unwrap();
    }

    /// Presses the tab key until the focus is on something, as who uses no pointer does.
    pub async fn tab_to(&self, selector: &str) {
        const TABS_MAX: usize = 60;
        for _ in 0..TABS_MAX {
            self.type_keys(&char::from(Key::Tab).to_string()).await;
            if self.ask("return document.activeElement.matches(arguments[0])", json!([selector])).await == true {
                return;
            }
        }
        panic!("{TABS_MAX} times tab did not lead to {selector}");
    }

    /// Does something with an element. It may come late, be drawn anew meanwhile, or lie under something that moves away.
    async fn as_soon_as_possible(
        &self,
        what: &str,
        selector: &str,
        act: impl AsyncFn(fantoccini::elements::Element) -> Result<(), CmdError>,
    ) {
        let begun = Instant::now();
        loop {
            let done = match self.browser.client.find(Locator::Css(selector)).await {
                Ok(element) => {
                    // Away from the bars at the edges of the screen, as hands would scroll it.
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
            assert!(begun.elapsed() < PATIENCE, "cannot {what} {selector}: {error}");
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// What the browser keeps of a cookie, without its value.
    pub async fn cookie(&self, name: &str) -> Value {
        let cookie = self.browser.client.get_named_cookie(name).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        json!({"path": cookie.path(), "secure": cookie.secure(), "httpOnly": cookie.http_only()})
    }

    /// What stands behind the server's address.
    pub async fn hash(&self) -> String {
        self.ask("return location.hash", json!([])).await.as_str().unwrap().to_owned()
    }

    /// Shows the page on another screen, in the colours that the system is said to prefer.
    pub async fn on_screen(&self, width: u32, scheme: &str) {
        self.on_screen_of((width, WIDE.1), scheme).await;
    }

    /// The same for a screen of another height.
    pub async fn on_screen_of(&self, (width, height): (u32, u32), scheme: &str) {
        let screen = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        self.chromium("Emulation.setDeviceMetricsOverride", screen).await;
        let scheme = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        self.chromium("Emulation.setEmulatedMedia", scheme).await;
    }

    /// Puts a network between the browser and the server on which each answer takes so long.
    pub async fn far_away(&self, latency: Duration) {
        let millis = u64::try_from(latency.as_millis()).unwrap();
        let network = json!({"offline": false, "latency": millis, "downloadThroughput": -1, "uploadThroughput": -1});
        self.chromium("Network.enable", json!({})).await;
        self.chromium("Network.emulateNetworkConditions", network).await;
    }

    /// Has a script run in every document that is opened from now on, before anything of the document's own.
    pub async fn before_each_document(&self, script: &str) {
        self.chromium("Page.addScriptToEvaluateOnNewDocument", json!({"source": script})).await;
    }

    /// What is to be seen, as a PNG file.
    pub async fn picture(&self) -> Vec<u8> {
        // What fades or moves from one colour to the other has arrived.
        self.until("return document.getAnimations().every(({playState}) => playState !== 'running')", json!([])).await;
        self.chromium("Emulation.setScrollbarsHidden", json!({"hidden": true})).await;
        let taken = self.chromium("Page.captureScreenshot", json!({"format": "png", "optimizeForSpeed": false})).await;
        BASE64.decode(taken["data"].as_str().unwrap_or_else(|| panic!("no picture: {taken}")).as_bytes()).unwrap()
    }

    async fn chromium(&self, command: &str, parameters: Value) -> Value {
        self.browser.command("goog/cdp/execute", json!({"cmd": command, "params": parameters})).await
    }

    /// Ends the test: the console has been empty and nothing has left the server.
    pub async fn end(self) {
        self.end_after(&[]).await;
    }

    /// The same where requests were refused on purpose, each as path and status, or `unreachable` where nothing answered.
    /// Browsers note each on the console.
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

    /// A line of the console; a refused request as its path and status.
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

    /// The addresses of all requests since the browser began.
    async fn requests(&self) -> Vec<String> {
        let url = |entry: &Value| {
            let told: Value = serde_json::from_str(entry["message"].as_str().unwrap()).unwrap();
            let event = &told["message"];
            let is_request = event["method"] == "Network.requestWillBeSent";
            is_request.then(|| event["params"]["request"]["url"].as_str().unwrap().to_owned())
        };
        let sent = self.logged("performance").await.iter().filter_map(url).collect::<Vec<_>>();
        // The empty pages that a browser begins with come from nowhere.
        let local = ["about:", "data:"];
        sent.into_iter().filter(|url| !local.iter().any(|scheme| url.starts_with(scheme))).collect()
    }

    /// What the browser has logged since this was asked last.
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
