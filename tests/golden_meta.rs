//! Golden cases of Meta Custom Audiences.

#[path = "support/golden.rs"]
mod golden;

#[tokio::test]
async fn golden_cases() {
    golden::run("meta").await;
}
