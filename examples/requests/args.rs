//! The command line.

use audience_sync::time::Timestamp;

use crate::Result;

pub(crate) const HELP: &str = "\
Writes every HTTP request that a sync would send, without a network.

usage: requests --destination ID --config FILE [options] < members.ndjson

  --destination ID   a connector: meta, mixpanel, ...
  --config FILE      its configuration; samples lie in examples/config/
  --action ACTION    add (default), remove, replace, open, size, record
  --audience NAME    what the audience is called (for record: the event); default: Dry run
  --audience-id ID   the audience's id at the platform; it is then not looked for
  --replies FILE     what the platform answers; see below
  --strict           refuses test values (example.com, 555 numbers), as a sync does
  --now TIME         the wall time, RFC 3339; default: now

A member is one line of JSON. Every field but `id` may be missing, and may be a text or a list of texts:
  {\"id\",\"email\",\"phone\",\"first_name\",\"last_name\",\"city\",\"region\",\"postal\",\"country\",\"idfa\",\"gaid\",
   \"external_id\",\"traits\":{},\"consent\":{\"ad_user_data\":\"granted\",\"ad_personalization\":\"granted\"},\"occurred_at\"}

Replies are JSON. The first that fits and is not used up answers, then the default; `*` stands for any text:
  {\"replies\":[{\"method\":\"POST\",\"url\":\"/jobs/*/run\",\"body\":\"text\",\"times\":1,\"reply\":{\"status\":200,\"headers\":{},\"body\":{}}}],
   \"default\":{\"status\":200,\"body\":{}}}
Behind them stand those that lie beside the connector's sample configuration: ID.replies.json.";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    Add,
    Remove,
    Replace,
    Open,
    Size,
    Record,
}

impl Action {
    pub(crate) fn wants_people(self) -> bool {
        !matches!(self, Self::Open | Self::Size)
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Args {
    pub(crate) destination: String,
    pub(crate) config: String,
    pub(crate) action: Action,
    pub(crate) audience: Option<String>,
    pub(crate) audience_id: Option<String>,
    pub(crate) replies: Option<String>,
    pub(crate) strict: bool,
    pub(crate) now: Option<Timestamp>,
}

impl Args {
    /// `None` where help is asked for.
    pub(crate) fn read(mut words: impl Iterator<Item = String>) -> Result<Option<Self>> {
        let (mut destination, mut config) = (None, None);
        let mut args = Self {
            destination: String::new(),
            config: String::new(),
            action: Action::Add,
            audience: None,
            audience_id: None,
            replies: None,
            strict: false,
            now: None,
        };
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{word}: expected a value behind it, found none"));
            match word.as_str() {
                "--destination" => destination = Some(value()?),
                "--config" => config = Some(value()?),
                "--action" => args.action = action(&value()?)?,
                "--audience" => args.audience = Some(value()?),
                "--audience-id" => args.audience_id = Some(value()?),
                "--replies" => args.replies = Some(value()?),
                "--strict" => args.strict = true,
                "--now" => args.now = Some(moment(&value()?)?),
                "--help" | "-h" => return Ok(None),
                _ => return Err(format!("expected an option, found {word}; --help lists them").into()),
            }
        }
        args.destination = destination.ok_or("expected --destination, found none; --help says more")?;
        args.config = config.ok_or("expected --config, found none; --help says more")?;
        Ok(Some(args))
    }
}

fn action(word: &str) -> Result<Action> {
    Ok(match word {
        "add" => Action::Add,
        "remove" => Action::Remove,
        "replace" => Action::Replace,
        "open" => Action::Open,
        "size" => Action::Size,
        "record" => Action::Record,
        _ => return Err(format!("expected add, remove, replace, open, size or record, found {word}").into()),
    })
}

pub(crate) fn moment(text: &str) -> Result<Timestamp> {
    let moment: jiff::Timestamp =
        text.parse().map_err(|_| format!("expected a time like 2026-11-23T10:15:00Z, found {text}"))?;
    Ok(Timestamp::from_millis(moment.as_millisecond()))
}
