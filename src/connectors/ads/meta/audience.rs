//! Finding an audience, or creating it.

use ::http::Method;

use super::api::{Audience, Created, NewAudience, Number, Page};
use super::{Meta, NAME_RULES};
use crate::destination::{AudienceRef, AudienceSpec, Context};
use crate::error::{Error, ErrorKind, Result};

const FIELDS: (&str, &str) = ("fields", "id,name,description,subtype,operation_status,is_value_based");

/// Audiences on one page; larger pages fail with code 1, "reduce the amount of data".
const PAGE: &str = "20";

/// An account holds at most 500 file audiences, and others beside them: this is far beyond any.
const MAX_PAGES: usize = 250;

/// The one subtype that takes uploads.
const SUBTYPE: &str = "CUSTOM";

/// The `operation_status` of an audience that policy has flagged: uploads fail until an appeal.
const FLAGGED: i64 = 471;

/// Stands in the description before our key, so that an audience shows whose it is.
const MANAGED: &str = "managed by audience-sync; key=";

impl Meta {
    /// The known audience; or the one file audience of the name; or a new one.
    ///
    /// The look-up comes before every creation, so that a creation whose answer was lost does not become two audiences.
    pub(super) async fn find_or_create(&self, cx: &Context, spec: &AudienceSpec) -> Result<AudienceRef> {
        if let Some(known) = &spec.known {
            return self.reopen(cx, known).await;
        }
        match &self.named(cx, &spec.name).await?[..] {
            [] => self.create(cx, spec).await,
            [one] => self.same_kind(one).and_then(|()| adopt(one, spec)),
            several => Err(conflict(&format!("one file audience of that name, found {}", several.len()))),
        }
    }

    async fn reopen(&self, cx: &Context, known: &AudienceRef) -> Result<AudienceRef> {
        let audience: Audience = self.graph.get(cx, &[&known.id], &[FIELDS]).await?;
        usable(&audience)?;
        self.same_kind(&audience)?;
        let mut reopened = known.clone();
        reopened.name = audience.name.or(reopened.name);
        Ok(reopened)
    }

    /// The file audiences of exactly that name, on all pages.
    async fn named(&self, cx: &Context, name: &str) -> Result<Vec<Audience>> {
        let filtering = serde_json::json!([{ "field": "name", "operator": "EQUAL", "value": name }]).to_string();
        let path = [self.account.as_str(), "customaudiences"];
        let (mut found, mut after) = (Vec::new(), None::<String>);
        for _ in 0..MAX_PAGES {
            let mut query = vec![FIELDS, ("limit", PAGE), ("filtering", &filtering)];
            query.extend(after.as_deref().map(|after| ("after", after)));
            let page: Page<Audience> = self.graph.get(cx, &path, &query).await?;
            after = page.after()?.map(str::to_owned);
            // What "equal" means to the filter is Meta's; here it means equal.
            let same = |audience: &Audience| audience.name.as_deref() == Some(name) && is_file(audience);
            found.extend(page.data.into_iter().filter(same));
            if after.is_none() {
                return Ok(found);
            }
        }
        Err(Error::new(ErrorKind::UnexpectedReply, format!("expected at most {MAX_PAGES} pages, found more")))
    }

    /// Whether an audience takes the rows that are sent: with values or without, as it was created. One that does not
    /// say is taken for the right kind.
    pub(super) fn same_kind(&self, audience: &Audience) -> Result<()> {
        let expected = self.table.is_value_based();
        match audience.is_value_based {
            Some(found) if found != expected => {
                let (ordinary, valued) = ("an ordinary", "a value-based");
                let (expected, found) = if expected { (valued, ordinary) } else { (ordinary, valued) };
                Err(Error::new(
                    ErrorKind::Config,
                    format!("expected {expected} audience, found {found} one; set `value_attribute` as it was created"),
                ))
            }
            _ => Ok(()),
        }
    }

    async fn create(&self, cx: &Context, spec: &AudienceSpec) -> Result<AudienceRef> {
        NAME_RULES.check(&spec.name)?;
        let body = NewAudience {
            name: &spec.name,
            subtype: SUBTYPE,
            description: &format!("{MANAGED}{}", spec.key),
            customer_file_source: self.source.as_str(),
            is_value_based: self.table.is_value_based().then_some(true),
            appsecret_proof: self.graph.proof().map(|proof| proof.expose().as_str()),
        };
        let body = serde_json::to_vec(&body).map_err(|_| {
            Error::new(ErrorKind::Bug, "expected an audience that has a form in JSON, found one without")
        })?;
        let created: Created = self.graph.write(cx, Method::POST, &[&self.account, "customaudiences"], body).await?;
        Ok(AudienceRef::new(created.id.0, &spec.key).with_name(&spec.name))
    }
}

/// Takes an audience over that has the right name, unless it says that it is another one's.
fn adopt(audience: &Audience, spec: &AudienceSpec) -> Result<AudienceRef> {
    let owner = audience.description.as_deref().and_then(|text| text.strip_prefix(MANAGED));
    if owner.is_some_and(|key| key != spec.key) {
        return Err(conflict("an audience of that name that is free, found one that is kept under another key"));
    }
    usable(audience)?;
    Ok(AudienceRef::new(&audience.id.0, &spec.key).with_name(&spec.name))
}

fn conflict(expected: &str) -> Error {
    Error::new(ErrorKind::Conflict, format!("expected {expected}; use another name, or rename it in Audience Manager"))
}

/// Whether uploads to an audience can work.
fn usable(audience: &Audience) -> Result<()> {
    let status = audience.operation_status.as_ref().and_then(|status| status.code);
    let (found, code) = if !is_file(audience) {
        ("another kind; let a new audience be created", None)
    } else if status == Some(Number(FLAGGED)) {
        ("one flagged by policy; look for health or finance in its name, and appeal in Audience Manager", Some(FLAGGED))
    } else {
        return Ok(());
    };
    let error =
        Error::new(ErrorKind::Config, format!("expected a file audience (subtype CUSTOM) in order, found {found}"));
    Err(match code {
        Some(code) => error.with_code(code.to_string()),
        None => error,
    })
}

/// An audience that does not state its subtype counts as one: uploads to another kind fail by themselves.
fn is_file(audience: &Audience) -> bool {
    audience.subtype.as_deref().is_none_or(|subtype| subtype == SUBTYPE)
}
