//! The JSON schemas of `interop/schemas/`: made of the types that are written, and held to what stands there.

use std::path::Path;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};

use super::jsonl::Line;
use super::record::Record;

/// Writes the schemas instead of comparing them.
const UPDATE: &str = "INTEROP_UPDATE_SCHEMAS";

fn of<T: JsonSchema>() -> Schema {
    SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<T>()
}

fn check(name: &str, schema: &Schema) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas").join(name);
    let now = serde_json::to_string_pretty(schema).expect("JSON") + "\n";
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(&path, &now).expect("a file");
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == now,
        "{} is not what the types say: look at what changed for readers, then run the tests with {UPDATE}=1",
        path.display()
    );
}

#[test]
fn the_schema_of_the_result_is_that_of_the_types() {
    check("result.json", &of::<Record>());
}

#[test]
fn the_schema_of_a_line_is_that_of_the_types() {
    check("event.json", &of::<Line<'_>>());
}
