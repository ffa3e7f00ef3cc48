//! What comes over the wire: waiting times, and addresses that a user gave.
#![no_main]

use audience_sync::clock::Timestamp;
use audience_sync::http::{RETRY_AFTER_MAX, RETRY_AFTER_MIN, UrlGuard, retry_after, safe_url};
use http::{HeaderMap, HeaderValue};
use libfuzzer_sys::fuzz_target;
use url::Url;

fuzz_target!(|data: &[u8]| {
    if let Ok(value) = HeaderValue::from_bytes(data) {
        let headers = HeaderMap::from_iter([(http::header::RETRY_AFTER, value)]);
        if let Some(wait) = retry_after(&headers, Timestamp::from_secs(1_700_000_000)) {
            assert!((RETRY_AFTER_MIN..=RETRY_AFTER_MAX).contains(&wait));
        }
    }
    if let Some(url) = std::str::from_utf8(data).ok().and_then(|text| Url::parse(text).ok()) {
        let _ = safe_url(&url);
        if UrlGuard::new().check(&url).is_ok() {
            assert_eq!(url.scheme(), "https");
            assert!(url.host_str().is_some_and(|host| !host.starts_with("127.") && host != "localhost"));
        }
    }
});
