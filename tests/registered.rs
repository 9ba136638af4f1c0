//! Cargo knows the files of this directory only by name: each has to be registered, and in one place.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// The manifests that register files of `tests/`.
const MANIFESTS: [&str; 2] = ["interop/Cargo.toml", "rust-server/Cargo.toml"];

/// The test programs in `tests/`: its files, and the `main.rs` of its folders.
fn present(root: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(root.join("tests")).expect("tests/").map(|entry| entry.expect("it")) {
        let name = entry.file_name().into_string().expect("a name in UTF-8");
        if name.ends_with(".rs") {
            found.push(format!("../tests/{name}"));
        } else if entry.path().join("main.rs").is_file() {
            found.push(format!("../tests/{name}/main.rs"));
        }
    }
    found.sort();
    found
}

/// The paths of all `[[test]]` entries, and how often each is there.
fn registered(root: &Path) -> BTreeMap<String, usize> {
    let mut times = BTreeMap::new();
    for manifest in MANIFESTS {
        let text = fs::read_to_string(root.join(manifest)).expect(manifest);
        let manifest: toml::Table = text.parse().expect(manifest);
        let tests = manifest.get("test").and_then(toml::Value::as_array).expect("[[test]] entries");
        for test in tests {
            let path = test.get("path").and_then(toml::Value::as_str).expect("a path");
            *times.entry(path.to_owned()).or_default() += 1;
        }
    }
    times
}

#[test]
fn every_test_program_is_registered_once() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut times = registered(&root);
    let present = present(&root);
    assert!(present.contains(&"../tests/registered.rs".to_owned()), "{present:?}");
    for path in present {
        assert_eq!(times.remove(&path), Some(1), "[[test]] entries with the path {path}");
    }
    assert_eq!(times, BTreeMap::new(), "registered, and not there");
}
