//! Any text parses without a panic, and what parses cleanly renders to a name that parses to the same.
#![no_main]

use std::sync::LazyLock;

use audience_sync::naming::Template;
use libfuzzer_sys::fuzz_target;

static TEMPLATE: LazyLock<Template> = LazyLock::new(Template::pipe_default);

fuzz_target!(|text: &str| {
    let parsed = TEMPLATE.parse(text);
    let clean = parsed.is_clean();
    let Ok(name) = parsed.into_name() else { return };
    if clean {
        let rendered = TEMPLATE.render(&name).expect("a clean name renders");
        let again = TEMPLATE.parse(&rendered).into_name().expect("a rendered name parses");
        assert!(name.semantic_eq(&again), "{text:?} renders as {rendered:?}");
    }
    TEMPLATE.fix(text);
});
