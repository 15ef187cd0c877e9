//! The committed schemas are those of the types: `wirerace schemas results/schema` writes them again.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by panicking")]

use std::path::Path;

#[test]
fn committed_schemas_are_up_to_date() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../results/schema");
    for (name, schema) in wirerace::schemas::all() {
        let committed = std::fs::read_to_string(folder.join(name)).unwrap_or_default();
        assert!(
            committed == wirerace::schemas::text(&schema),
            "{name} is not what the types say: run `cargo run -- schemas results/schema` and look at what changed"
        );
    }
}

#[test]
fn a_schema_refuses_what_is_not_of_its_shape() {
    let (_, schema) = wirerace::schemas::all().into_iter().find(|(name, _)| name.starts_with("trial")).unwrap();
    let validator = jsonschema::validator_for(schema.as_value()).unwrap();
    assert!(!validator.is_valid(&serde_json::json!({ "schema_version": 1, "cell": 5 })));
}
