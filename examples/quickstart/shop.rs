//! The shop: its purchases, which are real (`examples/data/README.md`), and its audiences.

use std::collections::BTreeMap;
use std::time::Duration;

use audience_sync::Result;
use audience_sync::audience::Audience;
use audience_sync::clock::Timestamp;
use audience_sync::identity::{Decimal, Member};
use audience_sync::measure::Holdout;

use crate::contacts::{self, Dice};
use crate::purchases::Purchase;

/// 1997-01-01, when the log begins.
const BEGIN: Timestamp = Timestamp::from_secs(852_076_800);
/// The log's 546 days are 78 weeks.
pub(crate) const WEEKS: u32 = 78;
const NOON: Duration = Duration::from_secs(12 * 3_600);

pub(crate) const SUPPRESSION: &str = "CI | Supp Purch | 0-7d";
pub(crate) const LAPSED: &str = "CI | Lapsed | 90d+ | Excl Purch 7d";
pub(crate) const HOLDOUT_SALT: &str = "lapsed-1997";
pub(crate) const HOLDOUT_SHARE_BP: u16 = 1_000;

/// Days after a purchase in which a customer is left in peace …
const QUIET: u32 = 7;
/// … and after which a customer counts as lapsed.
const AWAY: u32 = 90;

/// Who bought within the week, and who has not bought for a quarter. The second excludes the first, so its additions wait
/// where the first is not in order.
pub(crate) fn audiences() -> Result<(Audience, Audience)> {
    let suppression = Audience::named(SUPPRESSION)?.with_owner("lifecycle team");
    let lapsed = Audience::named(LAPSED)?
        .excluding(&suppression)
        .with_holdout(Holdout::new(HOLDOUT_SALT, HOLDOUT_SHARE_BP)?)
        .with_owner("lifecycle team");
    Ok((suppression, lapsed))
}

/// When week `number` ends, from 1.
pub(crate) fn week_end(number: u32) -> Timestamp {
    BEGIN.plus(days(7 * number))
}

fn days(count: u32) -> Duration {
    Duration::from_secs(86_400 * u64::from(count))
}

/// The log says the day; noon stands for it.
fn moment(purchase: &Purchase) -> Timestamp {
    BEGIN.plus(days(purchase.day)).plus(NOON)
}

#[derive(Clone, Copy, Default)]
struct Customer {
    last: Timestamp,
    orders: u32,
    cents: u64,
}

/// The shop at some moment: what it has sold so far.
pub(crate) struct Shop {
    purchases: Vec<Purchase>,
    sold: usize,
    customers: BTreeMap<u32, Customer>,
}

impl Shop {
    pub(crate) fn new(mut purchases: Vec<Purchase>) -> Self {
        purchases.sort_by_key(|purchase| purchase.day);
        Self { purchases, sold: 0, customers: BTreeMap::new() }
    }

    /// The audiences' members at `end`, as an export has them: mess and duplicates included.
    pub(crate) fn members(&mut self, end: Timestamp, suppression: &str, lapsed: &str) -> Vec<Member> {
        self.sell_until(end);
        let mut rows = Vec::new();
        for (&id, customer) in &self.customers {
            let mut member = Member::new(format!("{id:05}"));
            let quiet_until = customer.last.plus(days(QUIET));
            if quiet_until > end {
                member = member.in_audience(suppression, Some(quiet_until));
            } else if customer.last.plus(days(AWAY)) <= end {
                member = member.in_audience(lapsed, None);
            } else {
                // A member that names no audience would belong to all.
                continue;
            }
            member = member.external_id(format!("{id:05}")).attribute("orders", customer.orders);
            if let Ok(spent) = Decimal::parse(&format!("{}.{:02}", customer.cents / 100, customer.cents % 100)) {
                member = member.attribute("spent", spent);
            }
            rows.extend(contacts::contact(id, customer.orders).rows(id, &member));
            if Dice::new(id, 5).one_in(2_500) {
                // A row whose id got lost.
                rows.push(Member::new(" ").email("lost@mail.example.com").in_audience(suppression, None));
            }
        }
        rows
    }

    fn sell_until(&mut self, end: Timestamp) {
        let rest = self.purchases.get(self.sold..).unwrap_or_default();
        for purchase in rest.iter().take_while(|purchase| moment(purchase) < end) {
            let customer = self.customers.entry(purchase.customer).or_default();
            customer.last = moment(purchase);
            customer.orders += 1;
            customer.cents += purchase.cents;
            self.sold += 1;
        }
    }
}
