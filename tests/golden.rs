//! Golden cases of the connectors: what goes over the wire, and what is made of the answers.

#[path = "support/golden.rs"]
mod golden;

use std::path::Path;

use audience_sync::connectors::CATALOGUE;

#[tokio::test]
async fn golden_cases() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/connectors");
    let mut ran = Vec::new();
    for connector in CATALOGUE.iter().filter(|connector| folder.join(connector.id).is_dir()) {
        golden::run(connector.id).await;
        ran.push(connector.id.to_owned());
    }
    let names = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut folders: Vec<String> = names.collect();
    folders.sort();
    ran.sort();
    assert_eq!(ran, folders, "every folder is a connector's");
}
