//! Whether account, token and terms are ready, found out by reading.

use super::Meta;
use super::api::{Account, Page, Permission};
use crate::destination::{Check, Context};
use crate::error::{Error, Result, Retry};

impl Meta {
    pub(super) async fn ask(&self, cx: &Context) -> Result<Check> {
        let query = [("fields", "id,name,account_status,user_tasks,tos_accepted")];
        let check = match self.graph.get::<Account>(cx, &[&self.account], &query).await {
            Ok(account) => self.judge(&account),
            Err(error) if is_no(&error) => {
                return Ok(Check::ready().with_account(&self.account).with_missing(error.to_string()));
            }
            Err(error) => return Err(error),
        };
        match self.graph.get::<Page<Permission>>(cx, &["me", "permissions"], &[]).await {
            Ok(permissions) => Ok(note(
                check,
                permissions.data.iter().any(|one| one.permission == "ads_management" && one.status == "granted"),
                "the token has `ads_management`",
                "the permission `ads_management`; grant it, and make a new token",
            )),
            // Not every kind of token can list its permissions; the account's answer then stands alone.
            Err(error) if is_no(&error) => Ok(check),
            Err(error) => Err(error),
        }
    }

    /// What the account says of itself. What it does not say is not judged.
    fn judge(&self, account: &Account) -> Check {
        let mut check = Check::ready().with_account(account.name.as_deref().unwrap_or(&self.account));
        if let Some(status) = account.account_status {
            // 2 disabled, 100 closing, 101 closed (Marketing API, ad account reference).
            let open = !matches!(status.0, 2 | 100 | 101);
            check = note(check, open, "the ad account is open", "an open ad account; look at its account quality page");
        }
        if let Some(tasks) = &account.user_tasks {
            let may = tasks.iter().any(|task| task == "ADVERTISE" || task == "MANAGE");
            check = note(
                check,
                may,
                "the token may advertise in the account",
                "the right to advertise; make the system user advertiser or admin of the ad account",
            );
        }
        if let Some(terms) = &account.tos_accepted {
            let term = terms.get("custom_audience_tos");
            let accepted = term.is_some_and(|term| term.as_i64() == Some(1) || term.as_bool() == Some(true));
            let missing = format!(
                "the Custom Audience terms; accept them at \
                 https://business.facebook.com/ads/manage/customaudiences/tos/?act={}",
                self.account.trim_start_matches("act_")
            );
            check = note(check, accepted, "the Custom Audience terms are accepted", &missing);
        }
        check
    }
}

fn note(check: Check, fine: bool, found: &str, missing: &str) -> Check {
    if fine { check.with_found(found) } else { check.with_missing(missing) }
}

/// Whether an error is Meta's "no" to the question, rather than no answer.
fn is_no(error: &Error) -> bool {
    error.retry() == Retry::Never && error.code().is_some()
}
