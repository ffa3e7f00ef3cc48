//! Who leads: the ad window mirrors the owned journey, and the refresh is faster than the window.

use super::scene::{Draft, Scene, Subject, Verdict};
use crate::audience::charter::Journey;
use crate::audience::evidence::Evidence;
use crate::naming::{Dur, Unit, Window};

/// The bounds of the window, and how long the journey beside it waits.
enum Pace {
    Apart,
    NotSaid,
    Beside { from: Dur, to: Dur, delay: Dur },
}

fn pace(subject: &Subject<'_>) -> Pace {
    match (subject.is_targeting(), &subject.charter.journey, subject.window()) {
        (true, None, _) => Pace::NotSaid,
        (true, Some(Journey::Beside { first_message, .. }), Some(Window::Range { from, to })) => {
            Pace::Beside { from, to, delay: *first_message }
        }
        _ => Pace::Apart,
    }
}

const NEEDS: &str = "the journey it stands beside, or that it stands alone";

/// AL-015: the whole window lies before the journey's first message.
pub(super) fn whole(subject: &Subject<'_>, _: &Scene<'_>) -> Verdict {
    match pace(subject) {
        Pace::NotSaid => Verdict::unknown(NEEDS),
        Pace::Beside { to, delay, .. } if to.seconds() <= delay.seconds() => {
            let message = format!("ads run before the owned journey, whose first message waits {delay}");
            Draft::new(message, "drop it, or begin after the message")
                .with(Evidence::new("window_end_s", to.seconds()).against(format!("> {}", delay.seconds())))
                .at(subject.parsed.spans.window.clone())
                .into()
        }
        _ => Verdict::Fine,
    }
}

/// AL-016: the window begins before the journey's first message.
pub(super) fn part(subject: &Subject<'_>, scene: &Scene<'_>) -> Verdict {
    let (from, to, delay) = match pace(subject) {
        Pace::NotSaid => return Verdict::unknown(NEEDS),
        Pace::Apart => return Verdict::Fine,
        Pace::Beside { from, to, delay } => (from, to, delay),
    };
    let lead = delay.seconds().saturating_add(scene.policy.grace.map_or(0, Dur::seconds));
    if from.seconds() >= lead || lead >= to.seconds() {
        return Verdict::Fine;
    }
    let begin = if lead == delay.seconds() { Some(delay) } else { in_minutes_or_hours(lead) };
    let better = begin.and_then(|begin| Window::range(begin, to).ok());
    let fix =
        better.map_or("begin after the message".to_owned(), |window| format!("begin after the message: `{window}`"));
    let message = format!("ads run partly before the owned journey, whose first message waits {delay}");
    Draft::new(message, fix)
        .with(Evidence::new("window_begin_s", from.seconds()).against(format!(">= {lead}")))
        .at(subject.parsed.spans.window.clone())
        .into()
}

fn in_minutes_or_hours(seconds: u64) -> Option<Dur> {
    let (n, unit) =
        if seconds.is_multiple_of(3_600) { (seconds / 3_600, Unit::H) } else { (seconds.div_ceil(60), Unit::Min) };
    Dur::new(u16::try_from(n).ok()?, unit).ok()
}

/// AL-017: members have left the window before the destination shows them.
pub(super) fn slow_refresh(subject: &Subject<'_>, scene: &Scene<'_>) -> Verdict {
    let length = match subject.window() {
        _ if !subject.is_targeting() => return Verdict::Fine,
        Some(Window::Range { from, to }) => to.seconds().saturating_sub(from.seconds()),
        Some(Window::Next { within }) => within.seconds(),
        _ => return Verdict::Fine,
    };
    let Some(refresh) = subject.charter.refresh else { return Verdict::unknown("how often it is refreshed") };
    let mut drafts = Vec::new();
    for placement in &subject.charter.placements {
        let Some(facts) = scene.policy.platform(placement.platform()) else {
            return Verdict::unknown(format!("how long a change takes at {}", placement.platform()));
        };
        let ramp = u64::from(facts.ramp_hours) * 3_600;
        let takes = refresh.every.seconds().saturating_add(ramp);
        if takes > length {
            let message = format!("members leave the window before {} shows them", placement.destination);
            drafts.push(
                Draft::new(message, "use a longer window, or a destination that is faster")
                    .with(Evidence::new("refresh_and_ramp_s", takes).against(format!("<= {length}")))
                    .at(subject.parsed.spans.window.clone()),
            );
        }
    }
    Verdict::of(drafts)
}
