//! The rules about `Cargo.toml`.

/// Every registry dependency stands on one line with `default-features = false`; in the tables that reach a host, a
/// comment above it, or above the lines it stands with, says why it is there.
pub(crate) fn check(manifest: &str) -> Vec<String> {
    let mut found = Vec::new();
    let (mut table, mut told) = (String::new(), false);
    for (line, text) in (1..).zip(manifest.lines().map(str::trim)) {
        let mut tell = |what: &str| found.push(format!("Cargo.toml:{line}: {what}"));
        if let Some(name) = text.strip_prefix('[') {
            table = name.trim_matches(['[', ']']).to_owned();
            told = false;
            if table.contains("dependencies.") {
                tell(&format!("[{table}]: expected one line in a table of dependencies"));
            }
        } else if !table.ends_with("dependencies") {
        } else if text.is_empty() {
            told = false;
        } else if text.starts_with('#') {
            told = true;
        } else if let Some((name, value)) = text.split_once('=') {
            let (name, own) = (name.trim(), value.contains("path ="));
            if !own && !value.contains("default-features = false") {
                tell(&format!("`{name}`: no `default-features = false`"));
            }
            if value.contains("\"*\"") {
                tell(&format!("`{name}`: any version"));
            }
            if !told && !table.ends_with("dev-dependencies") {
                tell(&format!("`{name}`: no reason above it"));
            }
        }
    }
    found
}
