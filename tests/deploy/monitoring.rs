//! The alerts and the Grafana dashboard: valid, and using only metrics and labels that the server exports.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{CERTIFICATE, KEY, accepted, certificate_in, deployed, read};
use crate::documents::markdown::code_spans;
use crate::support::{TestServer, WorkDir, tool};

const RULES: &str = "muster.rules.yml";
const SCRAPE: &str = "prometheus.yml";
const DASHBOARD: &str = "grafana-dashboard.json";

/// The prefixes of the names of Muster's metrics.
const PREFIXES: [&str; 2] = ["muster_", "process_"];

/// Labels that Prometheus adds to each series, and the label of histogram buckets.
const LABELS_OF_ALL: [&str; 3] = ["job", "instance", "le"];

/// The labels of each metric, by the name that a query uses.
type Metrics = BTreeMap<String, BTreeSet<String>>;

/// The metrics of a running server that has answered a request.
async fn metrics() -> Metrics {
    // TLS is on, because the metrics of the certificate are exported only then.
    let dir = WorkDir::new();
    let token = dir.token("admin");
    certificate_in(&dir);
    let server = dir.serve_as(&token, &["--tls-cert", CERTIFICATE, "--tls-key", KEY]);
    get(&server, &token, "/enterprise").await;
    let page = get(&server, &token, "/metrics").await;
    let mut metrics = Metrics::new();
    for line in page.lines().filter(|line| !line.starts_with('#')) {
        let (series, _) = line.rsplit_once(' ').unwrap();
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let labels = labels.split(',').filter_map(|label| Some(label.split_once('=')?.0.to_owned()));
        metrics.entry(name.to_owned()).or_default().extend(labels);
    }
    assert!(metrics["muster_http_requests_total"].contains("status"), "{metrics:?}");
    metrics
}

/// The body of an authenticated request over TLS.
async fn get(server: &TestServer, token: &str, path: &str) -> String {
    let stream = TcpStream::connect(server.address()).await.unwrap();
    let mut stream = muster::server::tls_probe::connect(stream, "localhost").await.unwrap();
    let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n");
    stream.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 "), "{answer}");
    body.to_owned()
}

/// The metrics that a text names, each with the labels that it selects by.
fn named(text: &str) -> Vec<(&str, Vec<&str>)> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut named = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find(is_name) {
        let end = rest[start..].find(|c| !is_name(c)).map_or(rest.len(), |length| start + length);
        let (name, behind) = (&rest[start..end], &rest[end..]);
        rest = behind;
        // `muster_http_*` in prose names a group of metrics.
        if !PREFIXES.iter().any(|prefix| name.starts_with(prefix)) || behind.starts_with('*') {
            continue;
        }
        let matchers =
            behind.strip_prefix('{').and_then(|behind| behind.split_once('}')).map_or("", |(inside, _)| inside);
        let labels = matchers.split(',').filter_map(|matcher| Some(matcher.split_once(['=', '!'])?.0.trim()));
        named.push((name, labels.collect()));
    }
    named
}

/// The labels by which a query groups.
fn grouped(text: &str) -> impl Iterator<Item = &str> {
    let lists = text.split("by (").skip(1).filter_map(|rest| Some(rest.split_once(')')?.0));
    lists.flat_map(|list| list.split(',')).map(str::trim).filter(|label| *label != "alertname")
}

/// The unknown metrics and labels that a text names.
fn faults(file: &str, text: &str, metrics: &Metrics) -> Vec<String> {
    let mut faults = Vec::new();
    for (name, labels) in named(text) {
        match metrics.get(name) {
            None => faults.push(format!("{file}: there is no {name}")),
            Some(own) => {
                let unknown = labels.iter().filter(|label| !own.contains(**label) && !LABELS_OF_ALL.contains(*label));
                faults.extend(unknown.map(|label| format!("{file}: {name} has no label {label}")));
            }
        }
    }
    let every: BTreeSet<&str> = metrics.values().flatten().map(String::as_str).chain(LABELS_OF_ALL).collect();
    faults
        .extend(grouped(text).filter(|label| !every.contains(label)).map(|label| format!("{file}: no label {label}")));
    faults
}

#[tokio::test]
async fn every_named_metric_and_label_exists() {
    let metrics = metrics().await;
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = std::fs::read_to_string(root.join("README.md")).unwrap();
    let queries =
        readme.split("```promql").skip(1).filter_map(|block| Some(block.split_once("```")?.0)).collect::<String>();
    let expressions = expressions().join("\n");
    let tested = std::fs::read_to_string(root.join("tests/deploy/muster.rules.test.yml")).unwrap();
    let mut found = faults(RULES, &read(RULES), &metrics);
    found.extend(faults(DASHBOARD, &expressions, &metrics));
    found.extend(faults("README.md", &queries, &metrics));
    found.extend(faults("muster.rules.test.yml", &tested, &metrics));
    let guide = std::fs::read_to_string(root.join("docs/deployment-guide.md")).unwrap();
    for (line, span) in code_spans(&guide).into_iter().filter(|(_, span)| span.contains("muster_")) {
        found.extend(faults(&format!("docs/deployment-guide.md:{line}"), span, &metrics));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    assert!(named(&read(RULES)).len() > 10 && named(&expressions).len() > 20 && !named(&queries).is_empty());
}

#[test]
fn missing_metrics_and_labels_are_reported() {
    let metrics = Metrics::from([("muster_a_total".to_owned(), BTreeSet::from(["cause".to_owned()]))]);
    let check = |text: &str, expected: &[&str]| assert_eq!(faults("f", text, &metrics), expected, "{text}");
    check("sum by (cause, job) (rate(muster_a_total{cause=~\"x\", job=\"muster\"}[5m])) and muster_http_*", &[]);
    check("muster_b", &["f: there is no muster_b"]);
    check(
        "process_x / muster_a_total{status!=\"5\"}",
        &["f: there is no process_x", "f: muster_a_total has no label status"],
    );
    check("sum by (route) (muster_a_total)", &["f: no label route"]);
}

#[test]
fn promtool_accepts_the_rules_and_the_scrape_and_tests_each_alert() {
    let Some(promtool) = tool("promtool", "the test of the alerts", "apt-get install prometheus") else { return };
    let output = accepted(Command::new(&promtool).args(["check", "rules"]).arg(deployed(RULES)));
    let alerts = read(RULES).matches("- alert: ").count();
    assert!(output.contains(&format!("{alerts} rules found")), "{output}");
    // promtool checks that the token and the rules exist beside the file.
    let dir = tempfile::tempdir().unwrap();
    let token = dir.path().join("muster-token");
    std::fs::write(&token, "token").unwrap();
    std::fs::copy(deployed(RULES), dir.path().join(RULES)).unwrap();
    let scrape = read(SCRAPE).replace("/etc/prometheus/muster-token", token.to_str().unwrap());
    std::fs::write(dir.path().join(SCRAPE), scrape).unwrap();
    accepted(Command::new(&promtool).args(["check", "config"]).arg(dir.path().join(SCRAPE)));
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/deploy/muster.rules.test.yml");
    accepted(Command::new(&promtool).args(["test", "rules"]).arg(&tests));
    let tested = std::fs::read_to_string(tests).unwrap();
    for alert in read(RULES).lines().filter_map(|line| line.trim().strip_prefix("- alert: ")) {
        assert!(tested.contains(&format!("alertname=\"{alert}\"")), "no test has {alert} fire");
    }
}

#[test]
fn every_alert_has_a_summary_a_description_and_an_action() {
    for alert in read(RULES).split("- alert: ").skip(1) {
        let name = alert.lines().next().unwrap();
        for part in ["expr: ", "severity: ", "summary: \"", "description: \"", "action: \""] {
            assert_eq!(alert.matches(part).count(), 1, "{name} has no {part}");
        }
    }
}

fn dashboard() -> Value {
    serde_json::from_str(&read(DASHBOARD)).unwrap()
}

/// Every query of the dashboard, including those of its variables.
fn expressions() -> Vec<String> {
    fn collect(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
            Value::Object(fields) => {
                let texts = ["expr", "definition"].into_iter().filter_map(|key| fields.get(key)?.as_str());
                found.extend(texts.map(ToOwned::to_owned));
                fields.values().for_each(|value| collect(value, found));
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    collect(&dashboard(), &mut found);
    found
}

#[test]
fn the_grafana_dashboard_can_be_imported_with_any_data_source() {
    let dashboard = dashboard();
    assert!(dashboard["title"].is_string() && dashboard["schemaVersion"].is_u64());
    assert_eq!(dashboard.get("id"), None, "an id is what an installation gives");
    assert_eq!(dashboard["templating"]["list"][0]["type"], "datasource");
    let panels = dashboard["panels"].as_array().unwrap();
    let (mut ids, mut cells) = (BTreeSet::new(), BTreeSet::new());
    for panel in panels {
        let title = panel["title"].as_str().unwrap();
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{title}: its id is another's");
        let [x, y, w, h] = ["x", "y", "w", "h"].map(|key| panel["gridPos"][key].as_u64().unwrap());
        assert!(x + w <= 24, "{title} is too wide");
        for cell in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))) {
            assert!(cells.insert(cell), "{title} lies over another");
        }
        if panel["type"] != "row" {
            assert_eq!(panel["datasource"]["uid"], "${datasource}", "{title}");
            let targets = panel["targets"].as_array().unwrap();
            assert!(!targets.is_empty(), "{title} asks nothing");
            assert!(targets.iter().all(|target| target["datasource"]["uid"] == "${datasource}"), "{title}");
        }
    }
}
