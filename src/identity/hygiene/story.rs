//! The report in words: sentences first, numbers after.

use std::collections::BTreeMap;
use std::fmt;

use crate::figures::{counted, grouped, share};

use super::super::kind::IdentifierKind;
use super::super::wording::{note, plural, reason};
use super::geography;
use super::report::{DestinationCounts, HygieneReport, KindCounts, Lever, RepeatCounts};

/// One part of a report in words, the same in every form.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HygieneSection {
    /// What it is about.
    pub title: String,
    /// Plain sentences.
    pub sentences: Vec<String>,
    /// The numbers behind them.
    pub bars: Vec<HygieneBar>,
}

/// A count, and what it is a part of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct HygieneBar {
    /// What is counted.
    pub label: String,
    /// How many.
    pub count: u64,
    /// Of how many.
    pub of: u64,
}

impl HygieneReport {
    /// The report as sections of sentences and numbers, for a form of one's own. The first is the summary.
    pub fn sections(&self) -> Vec<HygieneSection> {
        let mut sections = vec![self.summary()];
        sections.extend(self.destinations.iter().map(|it| destination(it, self.members)));
        sections.extend(self.kinds.iter().map(|(kind, counts)| values(*kind, counts, self.members)));
        sections.extend(self.email_section());
        sections.extend(self.repeats.iter().filter_map(|(kind, it)| repeats(&plural(*kind), it)));
        sections.extend(repeated_rows(&self.repeated_rows));
        sections.extend(self.countries());
        sections
    }

    fn summary(&self) -> HygieneSection {
        let reachable = self.members.saturating_sub(self.coverage.identifiers[0]);
        let mut sentences = vec![format!(
            "{} of {} have at least one identifier by which a destination can find them{}.",
            grouped(reachable),
            counted(self.members, "member", "members"),
            in_brackets(reachable, self.members)
        )];
        if let Some(best) = self.levers.first() {
            sentences.push(format!("The biggest step forward: {}.", lever(best)));
        }
        sentences.extend(self.levers.iter().skip(1).map(|other| format!("Also: {}.", lever(other))));
        let labels = ["no identifier", "one identifier", "two identifiers", "three or more"];
        let bars = labels.iter().zip(self.coverage.identifiers).map(|(label, count)| bar(label, count, self.members));
        HygieneSection { title: "In short".to_owned(), sentences, bars: bars.collect() }
    }

    fn email_section(&self) -> Option<HygieneSection> {
        let of = self.kinds.get(&IdentifierKind::Email).map(|counts| counts.usable).unwrap_or_default();
        let typed: u64 = self.typos.iter().map(|typo| typo.addresses).sum();
        let quality = self.email;
        let mut sentences = Vec::new();
        if typed > 0 {
            sentences.push(format!(
                "{} a domain that was likely typed wrong{}. Nothing was corrected: ask the people, or correct the source.",
                has(typed, "address", "addresses"),
                in_brackets(typed, of)
            ));
        }
        if quality.role + quality.disposable > 0 {
            let poor = quality.role + quality.disposable;
            sentences.push(format!("{} of an office or of a throw-away service, and match badly.", are(poor)));
        }
        if quality.relay > 0 {
            sentences
                .push(format!("{} handed out by a marketplace or platform, and cannot match.", are(quality.relay)));
        }
        let counts = [
            ("of an office or function", quality.role),
            ("throw-away", quality.disposable),
            ("handed out by a platform", quality.relay),
        ];
        let mut bars: Vec<_> =
            counts.iter().filter(|(_, count)| *count > 0).map(|(label, count)| bar(label, *count, of)).collect();
        bars.extend(
            self.typos
                .iter()
                .take(20)
                .map(|typo| bar(&format!("{}, meant {}", typo.domain, typo.suggestion), typo.addresses, of)),
        );
        let title = "Addresses to look at".to_owned();
        (!sentences.is_empty()).then_some(HygieneSection { title, sentences, bars })
    }

    fn countries(&self) -> Option<HygieneSection> {
        let geography = &self.geography;
        let phones: u64 = geography.calling_codes.values().sum();
        if phones == 0 {
            return None;
        }
        let mut sentences = Vec::new();
        if geography.compared > 0 {
            sentences.push(format!(
                "{} of {} whose member has a country are of another one{}.",
                grouped(geography.mismatched),
                counted(geography.compared, "phone", "phones"),
                in_brackets(geography.mismatched, geography.compared)
            ));
        } else {
            sentences.push("No member has a readable country to compare the phones with.".to_owned());
        }
        if geography.unreadable > 0 {
            let members = counted(geography.unreadable, "member has", "members have");
            sentences.push(format!("{members} a country that is not a two-letter code (ISO 3166-1)."));
        }
        let mut codes: Vec<_> = geography.calling_codes.iter().collect();
        codes.sort_by_key(|(code, count)| (std::cmp::Reverse(**count), **code));
        let label = |code: u16| format!("+{code} ({})", geography::named(code));
        let mut bars: Vec<_> =
            codes.into_iter().take(10).map(|(code, count)| bar(&label(*code), *count, phones)).collect();
        bars.extend(geography.mismatches.iter().map(|it| {
            bar(
                &format!("member in {}, phone of {}", it.country, label(it.calling_code)),
                it.phones,
                geography.compared,
            )
        }));
        Some(HygieneSection { title: "Countries of the phones".to_owned(), sentences, bars })
    }
}

fn lever(lever: &Lever) -> String {
    let gain = grouped(lever.gain());
    match lever {
        Lever::DefaultRegion { region, phones, .. } => format!(
            "{} without a country code or region; setting the default region to {region} would add about {gain} of them",
            counted(*phones, "phone is", "phones are")
        ),
        Lever::CorrectTypos { gain } => format!(
            "correcting the domains typed wrong would make {} reachable",
            counted(*gain, "address", "addresses")
        ),
        Lever::ExportAsText { gain } => format!(
            "a spreadsheet has rounded the digits of {} away; exporting the column as text would bring them back",
            counted(*gain, "phone", "phones")
        ),
    }
}

fn destination(counts: &DestinationCounts, members: u64) -> HygieneSection {
    let mut sentences = vec![format!(
        "{} of {} can be sent{}, with {}.",
        grouped(counts.sendable_members),
        counted(members, "member", "members"),
        in_brackets(counts.sendable_members, members),
        counted(counts.sendable_keys, "identifier", "identifiers")
    )];
    if let Some(expected) = counts.expected {
        sentences.push(format!(
            "Indicative: it may find {} to {} of them. No platform publishes such rates; measure your own.",
            grouped(expected.low),
            grouped(expected.high)
        ));
    }
    let mut bars = vec![bar("members that can be sent", counts.sendable_members, members)];
    if let Some(expected) = counts.expected {
        bars.push(bar("expected matches, at least (indicative)", expected.low, members));
        bars.push(bar("expected matches, at most (indicative)", expected.high, members));
    }
    bars.extend(
        counts
            .keys
            .iter()
            .filter(|(_, keys)| **keys > 0)
            .map(|(kind, keys)| bar(&format!("{} sent", plural(*kind)), *keys, counts.sendable_keys)),
    );
    let kept: u64 = counts.not_sent.values().sum();
    let kept_back = ranked(&counts.not_sent);
    bars.extend(kept_back.into_iter().map(|(code, count)| bar(&format!("not sent: {}", reason(code)), count, kept)));
    HygieneSection { title: format!("To {}", counts.profile), sentences, bars }
}

fn values(kind: IdentifierKind, counts: &KindCounts, members: u64) -> HygieneSection {
    let missing = members.saturating_sub(counts.members_given);
    let of = |code: &str| counts.rejected.get(code).copied().unwrap_or_default();
    let (empty, placeholder) = (of("missing"), of("placeholder"));
    let invalid = counts.present.saturating_sub(counts.usable + empty + placeholder);
    let given = counts.present.saturating_sub(empty);
    let mut sentences = vec![format!(
        "{} of {} can be used{}; {} none.",
        grouped(counts.usable),
        counted(given, "value", "values"),
        in_brackets(counts.usable, given),
        has(missing, "member", "members")
    )];
    if placeholder > 0 {
        sentences.push(format!("{} only a filler such as \u{201c}n/a\u{201d}.", are_plainly(placeholder)));
    }
    if let Some((code, count)) = ranked(&counts.rejected).into_iter().find(|(code, _)| !is_gap(code)) {
        sentences.push(format!(
            "{} invalid; the most frequent reason: {} ({}).",
            are_plainly(invalid),
            reason(code),
            grouped(count)
        ));
    }
    let mut bars = vec![
        bar("usable", counts.usable, given),
        bar("members without", missing, members),
        bar("members with one that can be used", counts.members, members),
    ];
    let refused = ranked(&counts.rejected).into_iter().filter(|(code, _)| *code != "missing");
    bars.extend(refused.map(|(code, count)| bar(&format!("refused: {}", reason(code)), count, given)));
    let notes = ranked(&counts.notes).into_iter();
    bars.extend(notes.map(|(word, count)| bar(&format!("note: {}", note(word)), count, counts.usable)));
    HygieneSection { title: capital(&plural(kind)), sentences, bars }
}

fn repeats(what: &str, counts: &RepeatCounts) -> Option<HygieneSection> {
    if counts.repeated == 0 {
        return None;
    }
    let more = counts.repeated_members.saturating_sub(counts.repeated);
    let mut sentences = vec![format!(
        "{} different {what}, {} of them with more than one member. Kept once each, {} would be left over.",
        about(counts, counts.distinct),
        about(counts, counts.repeated),
        about(counts, more)
    )];
    if counts.shared > 0 {
        sentences.push(format!(
            "{} shared by more than {} members ({} in all): they tell nobody apart, and never merge people.",
            if counts.shared == 1 { "1 is".to_owned() } else { format!("{} are", grouped(counts.shared)) },
            counts.shared_above,
            counted(counts.shared_members, "member", "members")
        ));
    }
    sentences.extend(exactness(counts));
    let mut bars = vec![
        bar("different", counts.distinct, counts.seen),
        bar("of members that share one", counts.repeated_members, counts.seen),
    ];
    // One that is no more frequent than the estimate may be wrong says nothing.
    let top = counts.top.iter().filter(|it| it.members > counts.top_shortfall).take(10);
    bars.extend(top.map(|it| bar(&format!("digest {}\u{2026}", it.digest), it.members, counts.seen)));
    Some(HygieneSection { title: format!("Repeated {what}"), sentences, bars })
}

fn repeated_rows(counts: &RepeatCounts) -> Option<HygieneSection> {
    let more = counts.repeated_members.saturating_sub(counts.repeated);
    let mut sentences = vec![format!(
        "{} the same values as another one in every field{}.",
        has(more, "member", "members"),
        in_brackets(more, counts.seen)
    )];
    sentences.extend(exactness(counts));
    let bars = vec![bar("left over if each is kept once", more, counts.seen)];
    let title = "Members that repeat as a whole".to_owned();
    (counts.repeated > 0).then_some(HygieneSection { title, sentences, bars })
}

fn exactness(counts: &RepeatCounts) -> Option<String> {
    (counts.error_permille > 0).then(|| {
        format!(
            "Estimated from a sample, give or take {}.{} %; each of the most repeated may be up to {} too low.",
            counts.error_permille / 10,
            counts.error_permille % 10,
            grouped(counts.top_shortfall)
        )
    })
}

fn about(counts: &RepeatCounts, number: u64) -> String {
    if counts.error_permille > 0 { format!("about {}", grouped(number)) } else { grouped(number) }
}

fn bar(label: &str, count: u64, of: u64) -> HygieneBar {
    HygieneBar { label: label.to_owned(), count, of }
}

/// Counts of codes, the most frequent first.
fn ranked<'a>(counts: &'a BTreeMap<std::borrow::Cow<'static, str>, u64>) -> Vec<(&'a str, u64)> {
    let mut ranked: Vec<_> = counts.iter().map(|(code, count)| (&**code, *count)).collect();
    ranked.sort_by_key(|(code, count)| (std::cmp::Reverse(*count), *code));
    ranked
}

fn is_gap(code: &str) -> bool {
    matches!(code, "missing" | "placeholder")
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

fn has(count: u64, one: &str, many: &str) -> String {
    if count == 1 { format!("1 {one} has") } else { format!("{} {many} have", grouped(count)) }
}

fn are(count: u64) -> String {
    if count == 1 { "1 address is".to_owned() } else { format!("{} addresses are", grouped(count)) }
}

fn are_plainly(count: u64) -> String {
    if count == 1 { "1 is".to_owned() } else { format!("{} are", grouped(count)) }
}

fn in_brackets(part: u64, whole: u64) -> String {
    share(part, whole).map(|share| format!(" ({share})")).unwrap_or_default()
}

/// Plain text: for a terminal or a log.
impl fmt::Display for HygieneReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, section) in self.sections().into_iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            writeln!(f, "{}", section.title)?;
            for sentence in &section.sentences {
                writeln!(f, "  {sentence}")?;
            }
            for bar in &section.bars {
                let share = share(bar.count, bar.of).unwrap_or_default();
                writeln!(f, "    {:>13}  {:>8}  {}", grouped(bar.count), share, bar.label)?;
            }
        }
        Ok(())
    }
}
