//! The HTML report in a real browser without a screen: that it loads without a complaint, filters by its hash,
//! opens the result that the hash names, has labels, and does not lack contrast. And the page of a bench: that it
//! draws what was measured, and the same of labels and contrast.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use assert_cmd::Command;
use interop::bench::cell::Cell;
use interop::bench::compare::Round;
use interop::bench::cores::Cores;
use interop::bench::idle::{Idle, Share};
use interop::bench::load::{Latency, Measured, Open};
use interop::bench::machine::Meanwhile;
use interop::bench::results::{LeftOut, Results, Row};
use interop::peer::vitals::Vitals;
use interop::report;
use interop::report::form::Form;
use interop::report::record::Record;
use libtest_mimic::{Arguments, Failed, Trial};

/// Far more than a page takes: turns a hang into a failure.
const HANG: Duration = Duration::from_secs(120);

const BROWSERS: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "chrome"];

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let browser = BROWSERS.iter().find_map(|name| which::which(name).ok());
    let trial = |name: &str, test: fn(&Path) -> Result<(), Failed>| -> Trial {
        let here = browser.clone();
        // No peer needs a browser, so its lack is no failure where all peers are required.
        let kind = if here.is_some() { "" } else { "needs chromium" };
        let none = browser.is_none();
        let test = move || test(&here.ok_or("no browser on PATH")?);
        Trial::test(name, test).with_kind(kind).with_ignored_flag(none)
    };
    let tests = vec![
        trial("page::loads_without_a_complaint_and_shows_all", shows_all),
        trial("page::the_filters_of_the_hash_filter", filters),
        trial("page::the_result_that_the_hash_names_is_open", deep_link),
        trial("page::it_is_read_by_keys_alone", keyboard),
        trial("page::everything_has_a_label_and_contrast", is_accessible),
        trial("page::of_a_bench_draws_what_was_measured", bench_shows_all),
        trial("page::of_a_bench_has_labels_and_contrast", bench_is_accessible),
    ];
    libtest_mimic::run(&arguments, tests).exit_code()
}

fn shows_all(browser: &Path) -> Result<(), Failed> {
    let page = Page::open(browser, "", "")?;
    page.has("9 of 9 results")?;
    page.has("<th scope=\"row\">python</th>")?;
    page.has("aria-label=\"✗ 1 of 1: server wrong, client none\"")?;
    page.has("stale: matches no case and no clause")
}

fn filters(browser: &Path) -> Result<(), Failed> {
    for (hash, count) in [
        ("peer=wrong", 2),
        ("outcome=surprises", 4),
        ("outcome=warns", 1),
        ("level=should", 1),
        ("role=pairing", 2),
        ("case=framing. little-endian", 2),
        ("server=rust&client=-", 3),
        ("peer=nobody", 0),
    ] {
        Page::open(browser, hash, "")?.has(&format!("{count} of 9 results"))?;
    }
    Ok(())
}

fn deep_link(browser: &Path) -> Result<(), Failed> {
    let page = Page::open(browser, "show=framing.byte-by-byte+rust+wrong+u32be%2Fecho", "")?;
    page.has("<dd class=\"likely\">length field is little-endian</dd>")?;
    page.has("Clause P4")?;
    page.has("state lost between two reads")?;
    page.has("<span class=\"wrong\">04</span>")?;
    page.has("<svg viewBox=")?;
    page.has("interop run --server rust --client wrong --case framing.byte-by-byte")?;
    // What a peer says is text.
    page.has("@someone ]]&gt; &lt;/script&gt;&lt;b&gt;|")
}

fn keyboard(browser: &Path) -> Result<(), Failed> {
    let press = |keys: &str| {
        format!(
            "for (const key of {keys}) document.body.dispatchEvent(new KeyboardEvent('keydown', {{ key, bubbles: true }}));"
        )
    };
    let second = Page::open(browser, "outcome=fail", &press("['j', 'j']"))?;
    second.has("aria-label=\"framing.every-offset, server wrong\"")?;
    let closed = Page::open(browser, "outcome=fail", &press("['j', 'j', 'k', 'Escape']"))?;
    closed.has("aria-label=\"\" hidden=\"\"")
}

fn is_accessible(browser: &Path) -> Result<(), Failed> {
    let hash = "show=framing.byte-by-byte+rust+wrong+u32be%2Fecho";
    for scheme in ["0", "1"] {
        let scheme = format!("--blink-settings=preferredColorScheme={scheme}");
        let page = Page::open_as(browser, &scheme, hash, include_str!("page/audit.js"))?;
        page.has("data-audit=\"\"")?;
    }
    Ok(())
}

fn bench_shows_all(browser: &Path) -> Result<(), Failed> {
    let page = Page::of(browser, LIGHT, "", &report::bench::page(&bench()))?;
    page.has("64 connections, messages of 1 KiB, 16 on their way on each")?;
    page.has("64 connections, messages of 64 B, 20000 messages a second over all")?;
    page.has("Processor time a message, by that of the baseline: less is better")?;
    page.has("2.00  (2.00 to 2.00)")?;
    page.has("~1.00  (1.00 to 1.00)")?;
    page.has("<polyline points=")?;
    page.has("? slow: the server was saturated")?;
    page.has("1.5 KiB fresh")?;
    page.has("absent is left out: it needs &lt;this&gt; &amp; that")
}

fn bench_is_accessible(browser: &Path) -> Result<(), Failed> {
    // The page has no script, and wants none.
    let strict = "style-src 'unsafe-inline'";
    let page = report::bench::page(&bench());
    assert!(page.contains(strict), "the page says what it may load");
    let page = page.replace(strict, "style-src 'unsafe-inline'; script-src 'unsafe-inline'");
    let page =
        with_script(&page.replace("<details>", "<details open>"), include_str!("page/audit.js"));
    for scheme in ["0", "1"] {
        let scheme = format!("--blink-settings=preferredColorScheme={scheme}");
        Page::of(browser, &scheme, "", &page)?.has("data-audit=\"\"")?;
    }
    Ok(())
}

/// Three servers, of which one is slow, in a closed loop and in an open one.
fn bench() -> Results {
    let servers = ["base", "even", "slow"].map(str::to_owned);
    let round = |slow: f64, open: bool| {
        let latency =
            |us: f64| Latency { p50: us, p90: us, p99: us * 4.0, p999: us * 9.0, max: us * 90.0 };
        let open = open.then(|| Open { due: 20_000, unanswered: 0, late_us: latency(0.1) });
        let messages = (20_000.0 / slow) as u64;
        let latency_us = latency(50.0 * slow);
        Round {
            measured: Measured {
                messages,
                seconds: 1.0,
                at_work: 0.5,
                latency_us,
                open,
                faults: None,
            },
            processor: 0.25,
            memory: 0.0,
            meanwhile: Meanwhile::default(),
            besiegers: 0.0,
            in_place: true,
            used: Vitals::default(),
        }
    };
    let mut results = Vec::new();
    for (load, is_open) in [("64:1KiB:16", false), ("64:64B:20000/s", true)] {
        let load: Cell = load.parse().expect("a load");
        let rounds = [1.0, 1.0, 2.0].map(|slow| vec![round(slow, is_open); 3]);
        results.extend(Row::of(load, &servers, &rounds, "base"));
    }
    let share = |bytes: f64| Share { private: bytes, resident: bytes };
    let idle = servers.map(|server| Idle {
        server,
        connections: 1000,
        fresh: share(1536.0),
        after_a_message: share(70_000.0),
    });
    let why = "it needs <this> & that".to_owned();
    Results {
        schema_version: 1,
        baseline: "base".to_owned(),
        rounds: 3,
        seconds: 1.0,
        cores: Some(Cores { server: 1, generator: 0, share: false }),
        doubts: vec!["this build is not optimised".to_owned()],
        left_out: vec![LeftOut { server: "absent".to_owned(), why }],
        idle: idle.into(),
        results,
    }
}

/// Light colours.
const LIGHT: &str = "--blink-settings=preferredColorScheme=1";

/// The document as it stands when its scripts have run.
struct Page(String);

impl Page {
    fn open(browser: &Path, hash: &str, script: &str) -> Result<Self, Failed> {
        Self::open_as(browser, LIGHT, hash, script)
    }

    /// With light colours, or with dark ones, as the flag says.
    fn open_as(browser: &Path, flag: &str, hash: &str, script: &str) -> Result<Self, Failed> {
        Self::of(browser, flag, hash, &with_script(&written()?, script))
    }

    fn of(browser: &Path, flag: &str, hash: &str, html: &str) -> Result<Self, Failed> {
        let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
        let file = folder.path().join("page.html");
        std::fs::write(&file, html).map_err(|e| e.to_string())?;
        let mut command = Command::new(browser);
        command
            .timeout(HANG)
            .args(["--headless=new", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr"])
            // Of its own accord it would ask servers elsewhere.
            .args(["--no-first-run", "--disable-background-networking", "--disable-sync"])
            .args(["--disable-component-update", "--disable-quic"])
            .arg(flag)
            .args(["--virtual-time-budget=2000", "--window-size=1200,900", "--dump-dom"])
            .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
            .arg(format!("file://{}#{hash}", file.display()));
        let output = command.output().map_err(|e| format!("the browser cannot be run: {e}"))?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        match said.lines().find(|line| line.contains("CONSOLE")) {
            Some(complaint) => Err(complaint.to_owned().into()),
            None => Ok(Self(String::from_utf8_lossy(&output.stdout).into_owned())),
        }
    }

    fn has(&self, text: &str) -> Result<(), Failed> {
        let Self(page) = self;
        // The data and the script stand in the page too.
        let shown = page.split("<script type=\"application/json\"").next().unwrap_or_default();
        let body =
            page.find("<body").map_or(page.as_str(), |at| &page[at..at + 200.min(page.len() - at)]);
        let found = shown.contains(text);
        found
            .then_some(())
            .ok_or_else(|| format!("no `{text}` in the page; it begins {body}").into())
    }
}

fn with_script(page: &str, script: &str) -> String {
    page.replace("</body>", &format!("<script>{script}</script></body>"))
}

/// The report of a run.
fn written() -> Result<String, Failed> {
    let root: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/report/tests/record.json");
    let text = std::fs::read_to_string(root).map_err(|e| e.to_string())?;
    let record: Record = serde_json::from_str(&text).map_err(|e| e.to_string())?;
    let mut page = Vec::new();
    Form::Html.write(&record, &mut page).map_err(|e| e.to_string())?;
    Ok(String::from_utf8(page).map_err(|e| e.to_string())?)
}
