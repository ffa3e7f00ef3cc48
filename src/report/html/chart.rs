//! The chart of one binding: members over time, rows added and removed, and how every run ended.

use maud::{Markup, html};

use super::picture::{Plot, mark, short};
use crate::destination::RunStatus;
use crate::report::figures::{day, grouped, minute};
use crate::report::history::History;
use crate::sync::RunReport;

// The drawing's own units; the page scales it.
const WIDTH: f64 = 1000.0;
const LEFT: f64 = 54.0;
const RIGHT: f64 = 992.0;
const MEMBERS_TOP: f64 = 12.0;
const MEMBERS_FLOOR: f64 = 150.0;
const ROWS_TOP: f64 = 172.0;
const ROWS_FLOOR: f64 = 232.0;
const MARKS: f64 = 250.0;
const DATES: f64 = 274.0;
const HEIGHT: f64 = 280.0;

/// The chart. `id` is unique on the page.
pub(super) fn chart(history: &History<'_>, id: usize) -> Markup {
    let plot = Plot::over(history, LEFT + 8.0, RIGHT - 8.0);
    let label = format!("chart-{id}");
    html! {
        figure {
            svg.chart viewBox={ "0 0 " (WIDTH) " " (HEIGHT) } role="img" aria-labelledby=(label) {
                title id=(label) { (summary(history)) }
                (members(history, &plot))
                (rows(history, &plot))
                @for (index, run) in history.runs.iter().enumerate() {
                    g.run {
                        title { (tip(run)) }
                        (mark(run.status, plot.x(index), MARKS))
                        (hit(history, &plot, index))
                    }
                }
                (dates(history, &plot))
            }
            (legend(history))
        }
    }
}

/// What the chart shows, for who does not see it; the table of the runs has every number.
fn summary(history: &History<'_>) -> String {
    format!(
        "Members over {} runs from {} to {}: {} after the first, {} after the last",
        grouped(history.runs.len() as u64),
        day(history.from()),
        day(history.last.started_at),
        grouped(history.members_at_first()),
        grouped(history.last.members)
    )
}

fn tip(run: &RunReport) -> String {
    format!(
        "{}, {}: {} members, {} added, {} removed",
        minute(run.started_at),
        run.status,
        grouped(run.members),
        grouped(run.add.accepted),
        grouped(run.remove.accepted)
    )
}

/// A step of 1, 2 or 5 times a power of ten that divides `most` into at most four.
fn step(most: u64) -> u64 {
    let mut power = 1_u64;
    loop {
        for factor in [1, 2, 5] {
            let step = power.saturating_mul(factor);
            if most.div_ceil(step) <= 4 {
                return step;
            }
        }
        power = power.saturating_mul(10);
    }
}

/// A number of the axis in few characters: `1,500` as `1.5k`.
fn compact(number: u64) -> String {
    let scaled = |unit: f64, name: &str| format!("{}{name}", short(number as f64 / unit));
    match number {
        0..1_000 => number.to_string(),
        1_000..1_000_000 => scaled(1e3, "k"),
        1_000_000..1_000_000_000 => scaled(1e6, "M"),
        _ => scaled(1e9, "G"),
    }
}

fn members(history: &History<'_>, plot: &Plot<'_, '_>) -> Markup {
    let most = history.runs.iter().map(|run| run.members).max().unwrap_or_default();
    let step = step(most);
    let ticks = most.div_ceil(step).max(1);
    let top = step.saturating_mul(ticks);
    let height = |members: u64| MEMBERS_FLOOR - members as f64 / top as f64 * (MEMBERS_FLOOR - MEMBERS_TOP);
    let line = plot.steps(height);
    let (first, last) = (plot.x(0), plot.x(history.runs.len().saturating_sub(1)));
    html! {
        @for tick in (0..=ticks).map(|tick| step.saturating_mul(tick)) {
            @let y = height(tick);
            line.grid x1=(LEFT) x2=(RIGHT) y1=(short(y)) y2=(short(y)) {}
            text.tick x=(LEFT - 8.0) y=(short(y + 4.0)) text-anchor="end" { (compact(tick)) }
        }
        path.area d={ (line) "V" (MEMBERS_FLOOR) "H" (short(first)) "Z" } {}
        path.line d=(line) {}
        circle.plain cx=(short(last)) cy=(short(height(history.last.members))) r="3" {}
    }
}

/// Rows that were added upwards, rows that were removed downwards, on one scale.
fn rows(history: &History<'_>, plot: &Plot<'_, '_>) -> Markup {
    let most = |of: fn(&RunReport) -> u64| history.runs.iter().map(|run| of(run)).max().unwrap_or_default() as f64;
    let (added, removed) = (most(|run| run.add.accepted), most(|run| run.remove.accepted));
    let scale = (ROWS_FLOOR - ROWS_TOP) / (added + removed).max(1.0);
    let zero = ROWS_TOP + added * scale;
    let wide = ((RIGHT - LEFT) / history.runs.len().max(1) as f64 * 0.62).clamp(1.5, 16.0);
    html! {
        @for (index, run) in history.runs.iter().enumerate() {
            @let x = short(plot.x(index) - wide / 2.0);
            @if run.add.accepted > 0 {
                @let tall = (run.add.accepted as f64 * scale).max(0.8);
                rect.added x=(x) y=(short(zero - tall)) width=(short(wide)) height=(short(tall)) {}
            }
            @if run.remove.accepted > 0 {
                rect.removed x=(x) y=(short(zero)) width=(short(wide))
                    height=(short((run.remove.accepted as f64 * scale).max(0.8))) {}
            }
        }
        line.grid x1=(LEFT) x2=(RIGHT) y1=(short(zero)) y2=(short(zero)) {}
        @if added > 0.0 {
            text.tick x=(LEFT - 8.0) y=(short(ROWS_TOP + 8.0)) text-anchor="end" { "+" (compact(added as u64)) }
        }
        @if removed > 0.0 {
            text.tick x=(LEFT - 8.0) y=(short(ROWS_FLOOR)) text-anchor="end" { "−" (compact(removed as u64)) }
        }
    }
}

/// An invisible column over a run: pointing at it shows the run's numbers.
fn hit(history: &History<'_>, plot: &Plot<'_, '_>, index: usize) -> Markup {
    let wide = ((RIGHT - LEFT) / history.runs.len().max(1) as f64).clamp(4.0, 60.0);
    html! {
        rect.hit x=(short(plot.x(index) - wide / 2.0)) y=(MEMBERS_TOP) width=(short(wide)) height=(MARKS + 8.0 - MEMBERS_TOP) {}
    }
}

fn dates(history: &History<'_>, plot: &Plot<'_, '_>) -> Markup {
    let (first, last) = (day(history.from()), day(history.last.started_at));
    let middle = history.runs.len() / 2;
    let between = history.runs.get(middle).map(|run| day(run.started_at)).unwrap_or_default();
    let centred = |x: f64, text: &str| html! { text.tick x=(short(x)) y=(DATES) text-anchor="middle" { (text) } };
    html! {
        @if first == last {
            (centred(plot.x(0).midpoint(plot.x(history.runs.len().saturating_sub(1))), &first))
        } @else {
            text.tick x=(short(plot.x(0))) y=(DATES) { (first) }
            // Near an end it would be written over it.
            @if between != first && between != last && (250.0..750.0).contains(&plot.x(middle)) {
                (centred(plot.x(middle), &between))
            }
            text.tick x=(short(plot.x(history.runs.len().saturating_sub(1)))) y=(DATES) text-anchor="end" { (last) }
        }
    }
}

/// The meaning of colours and shapes; only those statuses that occur.
fn legend(history: &History<'_>) -> Markup {
    use RunStatus::{Failed, Partial, Refused, Running, Success};
    let swatch = |class: &str| {
        html! {
            svg viewBox="0 0 10 10" aria-hidden="true" { rect.(class) width="10" height="10" rx="2" {} }
        }
    };
    html! {
        ul.legend {
            li { svg viewBox="0 0 10 10" aria-hidden="true" { path.line d="M0 5H10" {} } "members" }
            li { (swatch("added")) "rows added" }
            li { (swatch("removed")) "rows removed" }
            @for status in [Success, Partial, Refused, Failed, Running] {
                @let runs = history.ended(status);
                @if runs > 0 {
                    li { svg viewBox="0 0 10 10" aria-hidden="true" { (mark(status, 5.0, 5.0)) } b { (grouped(runs)) } (status) }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::history::histories;
    use crate::report::sample;
    use crate::time::Timestamp;

    #[test]
    fn the_axis_has_round_steps() {
        assert_eq!([0, 1, 4, 5, 9, 8_996, 40_000, 41_000].map(step), [1, 1, 1, 2, 5, 5_000, 10_000, 20_000]);
        assert!(u64::MAX.div_ceil(step(u64::MAX)) <= 4);
        assert_eq!([0, 999, 1_500, 20_000, 3_000_000].map(compact), ["0", "999", "1.5k", "20k", "3M"]);
    }

    #[test]
    fn each_run_is_marked_and_says_its_numbers() {
        let day = 86_400;
        let mut runs = vec![sample::run("a@x"), sample::refused("a@x"), sample::run("a@x")];
        for (place, run) in runs.iter_mut().enumerate() {
            run.started_at = Timestamp::from_secs(1_795_428_900 + day * i64::try_from(place).unwrap());
            run.members = 100 * (place as u64 + 1);
        }
        let histories = histories(&runs);
        let svg = chart(&histories[0], 3).into_string();
        assert!(
            svg.contains(r#"aria-labelledby="chart-3""#) && svg.contains(r#"<title id="chart-3">Members over 3 runs"#)
        );
        assert!(svg.contains("<title>2026-11-24 10:15, refused: 200 members, 0 added, 0 removed</title>"), "{svg}");
        assert!(svg.contains("<title>2026-11-25 10:15, success: 300 members, 388 added, 92 removed</title>"), "{svg}");
        // 100, 200 and 300 members on an axis to 300 that is 138 high and begins at 150.
        assert!(svg.contains(r#"d="M62 104H523V58H984V12""#), "{svg}");
    }

    #[test]
    fn hostile_numbers_draw_something_finite() {
        let mut run = sample::run("a@x");
        (run.members, run.add.accepted, run.remove.accepted) = (u64::MAX, u64::MAX, u64::MAX);
        let mut other = sample::run("a@x");
        other.started_at = Timestamp::from_millis(i64::MIN);
        run.started_at = Timestamp::from_millis(i64::MAX);
        let runs = [run, other];
        let svg = chart(&histories(&runs)[0], 0).into_string();
        assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
    }
}
