//! The rules that differ from region to region: when an endorsement can be had, when a lapsed permit ends.
//!
//! The rules themselves are data in the signed trust list. Here is what they mean in days, by the Civil Code's way of counting
//! (articles 200 to 204): a period of years ends on the corresponding day, or on the last of a month that has no such
//! day; the last day counts whole. A period that ends on a holiday is not prolonged.

use alloc::{borrow::Cow, vec::Vec};

use thiserror::Error;

use crate::{
    day::{Day, DayError},
    display_text::DisplayText,
    division::{Division, DivisionPrefix},
};

/// How long before the end of an endorsement the next one can be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Window {
    /// Calendar months, 1 to 12: the window opens on the corresponding day.
    Months(u8),
    /// Days, 1 to 366.
    Days(u16),
}

/// What holds for the permits of one region.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RegionRule {
    prefix: DivisionPrefix,
    permit_name: DisplayText<40>,
    window: Window,
    auto_cancel_years: Option<u8>,
    live_code: bool,
    voucher_name: Option<DisplayText<40>>,
}

impl RegionRule {
    /// A rule from its parts. The window has 1 to 12 months or 1 to 366 days; automatic cancellation comes after 1 to
    /// 20 years.
    pub fn new(
        prefix: DivisionPrefix,
        permit_name: DisplayText<40>,
        window: Window,
        auto_cancel_years: Option<u8>,
        live_code: bool,
        voucher_name: Option<DisplayText<40>>,
    ) -> Result<Self, RegionRuleError> {
        match window {
            Window::Months(1..=12) | Window::Days(1..=366) => {}
            Window::Months(_) | Window::Days(_) => return Err(RegionRuleError::Window),
        }
        if auto_cancel_years.is_some_and(|years| !(1..=20).contains(&years)) {
            return Err(RegionRuleError::AutoCancelYears);
        }
        Ok(Self { prefix, permit_name, window, auto_cancel_years, live_code, voucher_name })
    }

    /// The divisions the rule is for.
    pub fn prefix(&self) -> DivisionPrefix {
        self.prefix
    }

    /// The name of the permit: 广东省居住证.
    pub fn permit_name(&self) -> &DisplayText<40> {
        &self.permit_name
    }

    /// How long before its end an endorsement can be renewed.
    pub fn window(&self) -> Window {
        self.window
    }

    /// After how many years of suspension a permit is cancelled by itself; none if it never is.
    pub fn auto_cancel_years(&self) -> Option<u8> {
        self.auto_cancel_years
    }

    /// Whether permits of this region may be shown as live codes.
    pub fn live_code(&self) -> bool {
        self.live_code
    }

    /// The name of the paper voucher (信息单, 确认单); none if the region has none, and then none is accepted.
    pub fn voucher_name(&self) -> Option<&DisplayText<40>> {
        self.voucher_name.as_ref()
    }

    /// The first and the last day on which the endorsement that ends on `endorsed_until` can be renewed; both count.
    pub fn window_days(&self, endorsed_until: Day) -> (Day, Day) {
        let opens = match self.window {
            Window::Months(months) => endorsed_until.add_months(-i32::from(months)),
            Window::Days(days) => endorsed_until.add_days(-i32::from(days)),
        };
        // Before the first day that there is, no day can be asked about.
        (opens.unwrap_or(Day::MIN), endorsed_until)
    }

    /// The day on which a permit whose endorsement ended on `endorsed_until` is cancelled by itself: the day after the
    /// last of the years of suspension. None if the rule has no such day, or none that the format can carry.
    pub fn auto_cancelled_on(&self, endorsed_until: Day) -> Option<Day> {
        endorsed_until.add_years(i32::from(self.auto_cancel_years?)).ok()?.add_days(1).ok()
    }

    /// How a permit stands on a day, by its endorsement alone. What the issuer has decided besides (cancelled, suspended,
    /// superseded) is in the status list.
    pub fn standing(&self, endorsed_until: Day, today: Day) -> Standing {
        let (opens, closes) = self.window_days(endorsed_until);
        if today < opens {
            return Standing::Valid;
        }
        if today <= closes {
            return Standing::Endorsable { closes };
        }
        match self.auto_cancelled_on(endorsed_until) {
            Some(on) if today >= on => Standing::AutoCancelled { on },
            // `today` is later, so the day after the endorsement exists.
            auto_cancel_on => Standing::Lapsed { since: endorsed_until.add_days(1).unwrap_or(today), auto_cancel_on },
        }
    }
}

/// How a permit stands by its endorsement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Standing {
    /// 有效: endorsed, and the next endorsement cannot be had yet.
    Valid,
    /// 有效（可签注）: endorsed, and the next endorsement can be had.
    Endorsable {
        /// The last day of the endorsement and of the window.
        closes: Day,
    },
    /// 使用功能中止: the endorsement has ended; a make-up endorsement restores the permit.
    Lapsed {
        /// The first day without endorsement.
        since: Day,
        /// The day on which the permit is cancelled by itself, where the region has one.
        auto_cancel_on: Option<Day>,
    },
    /// 已注销: suspended so long that the permit was cancelled by itself; a new one must be applied for.
    AutoCancelled {
        /// The first day without permit.
        on: Day,
    },
}

/// The last day of the endorsement after so many endorsed years, always counted from the anchor (the day of issue or of
/// the make-up endorsement): four years from 2024-02-29 end on 2028-02-29, although one year ended on 2025-02-28.
pub fn endorsed_until(anchor: Day, years: u8) -> Result<Day, DayError> {
    anchor.add_years(i32::from(years))
}

/// The rule for a division: the one with the longest prefix. None means that the list has no rule for it.
pub fn find(rules: &[RegionRule], division: Division) -> Option<&RegionRule> {
    rules.iter().filter(|rule| rule.prefix.contains(division)).max_by_key(|rule| rule.prefix.length())
}

/// The rules of Guangdong, Shenzhen and Zhejiang, as published, to begin a trust list with.
pub fn standard_rules() -> Vec<RegionRule> {
    let rules = [
        ("44", "广东省居住证", Window::Months(1), None, None),
        ("4403", "深圳经济特区居住证", Window::Days(60), Some(2), Some("信息单")),
        ("33", "浙江省居住证", Window::Months(1), None, Some("确认单")),
    ];
    rules
        .into_iter()
        .filter_map(|(prefix, permit_name, window, auto_cancel_years, voucher_name)| {
            // All five parts are written above; the tests hold that none of the rules is lost here.
            let voucher_name = voucher_name.map(DisplayText::parse).transpose().ok()?;
            let (prefix, permit_name) = (DivisionPrefix::parse(prefix).ok()?, DisplayText::parse(permit_name).ok()?);
            RegionRule::new(prefix, permit_name, window, auto_cancel_years, true, voucher_name).ok()
        })
        .collect()
}

/// Why something is not a [`RegionRule`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RegionRuleError {
    /// The window has no length, or more than a year.
    #[error("the endorsement window of the region rule is not 1 to 12 months or 1 to 366 days; correct the rule")]
    Window,
    /// The years until automatic cancellation are none, or too many.
    #[error(
        "the years until automatic cancellation in the region rule are not 1 to 20; correct the rule, or leave them out"
    )]
    AutoCancelYears,
}

impl RegionRuleError {
    /// The stable code of this refusal.
    pub fn code(self) -> &'static str {
        match self {
            Self::Window => "REGION_WINDOW",
            Self::AutoCancelYears => "REGION_AUTO_CANCEL_YEARS",
        }
    }

    /// The refusal in Chinese.
    pub fn zh(self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Window => "地区规则的签注时段应为1至12个月或1至366天，请更正规则",
            Self::AutoCancelYears => "地区规则的自动注销年限应为1至20年，请更正规则或不填",
        })
    }
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    type Vector = (
        &'static str,
        &'static str,
        u8,
        &'static str,
        &'static str,
        &'static str,
        &'static str,
        &'static str,
        &'static str,
    );

    /// Region, anchor, years, today, standing, endorsed until, window from and to, automatic cancellation.
    const VECTORS: [Vector; 40] = [
        ("guangdong", "2024-02-29", 1, "2025-01-27", "valid", "2025-02-28", "2025-01-28", "2025-02-28", ""),
        ("guangdong", "2024-02-29", 1, "2025-01-28", "valid_endorsable", "2025-02-28", "2025-01-28", "2025-02-28", ""),
        ("guangdong", "2024-02-29", 1, "2025-03-01", "suspended", "2025-02-28", "2025-01-28", "2025-02-28", ""),
        ("guangdong", "2024-02-29", 1, "2027-03-01", "suspended", "2025-02-28", "2025-01-28", "2025-02-28", ""),
        ("guangdong", "2024-02-29", 4, "2030-02-28", "suspended", "2028-02-29", "2028-01-29", "2028-02-29", ""),
        ("guangdong", "2025-03-31", 1, "2026-02-28", "valid_endorsable", "2026-03-31", "2026-02-28", "2026-03-31", ""),
        ("guangdong", "2025-03-31", 1, "2028-03-31", "suspended", "2026-03-31", "2026-02-28", "2026-03-31", ""),
        ("guangdong", "2025-03-31", 1, "2028-04-01", "suspended", "2026-03-31", "2026-02-28", "2026-03-31", ""),
        ("guangdong", "2025-08-20", 1, "2026-08-20", "valid_endorsable", "2026-08-20", "2026-07-20", "2026-08-20", ""),
        ("guangdong", "2025-08-20", 1, "2026-08-21", "suspended", "2026-08-20", "2026-07-20", "2026-08-20", ""),
        ("guangdong", "2025-08-20", 1, "2028-08-20", "suspended", "2026-08-20", "2026-07-20", "2026-08-20", ""),
        ("guangdong", "2025-01-31", 1, "2025-12-30", "valid", "2026-01-31", "2025-12-31", "2026-01-31", ""),
        ("guangdong", "2025-01-31", 1, "2025-12-31", "valid_endorsable", "2026-01-31", "2025-12-31", "2026-01-31", ""),
        ("guangdong", "2025-01-31", 1, "2028-02-01", "suspended", "2026-01-31", "2025-12-31", "2026-01-31", ""),
        ("shenzhen", "2024-02-29", 1, "2024-12-30", "valid_endorsable", "2025-02-28", "2024-12-30", "2025-02-28", ""),
        ("shenzhen", "2024-02-29", 1, "2025-02-28", "valid_endorsable", "2025-02-28", "2024-12-30", "2025-02-28", ""),
        (
            "shenzhen",
            "2024-02-29",
            1,
            "2025-03-01",
            "suspended",
            "2025-02-28",
            "2024-12-30",
            "2025-02-28",
            "2027-03-01",
        ),
        ("shenzhen", "2024-02-29", 4, "2028-02-29", "valid_endorsable", "2028-02-29", "2027-12-31", "2028-02-29", ""),
        (
            "shenzhen",
            "2024-02-29",
            4,
            "2028-03-01",
            "suspended",
            "2028-02-29",
            "2027-12-31",
            "2028-02-29",
            "2030-03-01",
        ),
        ("shenzhen", "2025-03-31", 1, "2026-01-29", "valid", "2026-03-31", "2026-01-30", "2026-03-31", ""),
        ("shenzhen", "2025-03-31", 1, "2026-03-31", "valid_endorsable", "2026-03-31", "2026-01-30", "2026-03-31", ""),
        (
            "shenzhen",
            "2025-03-31",
            1,
            "2026-04-01",
            "suspended",
            "2026-03-31",
            "2026-01-30",
            "2026-03-31",
            "2028-04-01",
        ),
        (
            "shenzhen",
            "2025-03-31",
            1,
            "2028-04-01",
            "cancelled",
            "2026-03-31",
            "2026-01-30",
            "2026-03-31",
            "2028-04-01",
        ),
        ("shenzhen", "2025-08-20", 1, "2026-06-20", "valid", "2026-08-20", "2026-06-21", "2026-08-20", ""),
        ("shenzhen", "2025-08-20", 1, "2026-06-21", "valid_endorsable", "2026-08-20", "2026-06-21", "2026-08-20", ""),
        (
            "shenzhen",
            "2025-08-20",
            1,
            "2028-08-20",
            "suspended",
            "2026-08-20",
            "2026-06-21",
            "2026-08-20",
            "2028-08-21",
        ),
        ("shenzhen", "2025-01-31", 1, "2026-01-31", "valid_endorsable", "2026-01-31", "2025-12-02", "2026-01-31", ""),
        (
            "shenzhen",
            "2025-01-31",
            1,
            "2026-02-01",
            "suspended",
            "2026-01-31",
            "2025-12-02",
            "2026-01-31",
            "2028-02-01",
        ),
        (
            "shenzhen",
            "2025-01-31",
            1,
            "2028-01-31",
            "suspended",
            "2026-01-31",
            "2025-12-02",
            "2026-01-31",
            "2028-02-01",
        ),
        ("zhejiang", "2024-02-29", 1, "2025-01-27", "valid", "2025-02-28", "2025-01-28", "2025-02-28", ""),
        ("zhejiang", "2024-02-29", 1, "2025-01-28", "valid_endorsable", "2025-02-28", "2025-01-28", "2025-02-28", ""),
        ("zhejiang", "2024-02-29", 4, "2028-01-28", "valid", "2028-02-29", "2028-01-29", "2028-02-29", ""),
        ("zhejiang", "2024-02-29", 4, "2028-01-29", "valid_endorsable", "2028-02-29", "2028-01-29", "2028-02-29", ""),
        ("zhejiang", "2024-02-29", 4, "2030-03-01", "suspended", "2028-02-29", "2028-01-29", "2028-02-29", ""),
        ("zhejiang", "2025-03-31", 1, "2026-02-28", "valid_endorsable", "2026-03-31", "2026-02-28", "2026-03-31", ""),
        ("zhejiang", "2025-03-31", 1, "2028-03-31", "suspended", "2026-03-31", "2026-02-28", "2026-03-31", ""),
        ("zhejiang", "2025-03-31", 1, "2028-04-01", "suspended", "2026-03-31", "2026-02-28", "2026-03-31", ""),
        ("zhejiang", "2025-08-20", 1, "2026-07-19", "valid", "2026-08-20", "2026-07-20", "2026-08-20", ""),
        ("zhejiang", "2025-08-20", 1, "2026-08-20", "valid_endorsable", "2026-08-20", "2026-07-20", "2026-08-20", ""),
        ("zhejiang", "2025-01-31", 1, "2028-02-01", "suspended", "2026-01-31", "2025-12-31", "2026-01-31", ""),
    ];

    fn day(text: &str) -> Day {
        Day::parse(text).unwrap()
    }

    fn rule(region: &str) -> RegionRule {
        let division = match region {
            "guangdong" => 440_106,
            "shenzhen" => 440_305,
            "zhejiang" => 330_302,
            other => panic!("{other}"),
        };
        find(&standard_rules(), Division::new(division).unwrap()).unwrap().clone()
    }

    fn rule_with(window: Window, auto_cancel_years: Option<u8>) -> Result<RegionRule, RegionRuleError> {
        let (prefix, name) = (DivisionPrefix::parse("44").unwrap(), DisplayText::parse("广东省居住证").unwrap());
        RegionRule::new(prefix, name, window, auto_cancel_years, true, None)
    }

    #[test]
    fn lifecycle() {
        for vector in VECTORS {
            let (region, anchor, years, today, status, until, opens, closes, auto_cancel) = vector;
            let (rule, until, today) = (rule(region), day(until), day(today));
            assert_eq!(endorsed_until(day(anchor), years), Ok(until), "{vector:?}");
            assert_eq!(rule.window_days(until), (day(opens), day(closes)), "{vector:?}");
            let auto_cancel_on = rule.auto_cancelled_on(until);
            if !auto_cancel.is_empty() {
                assert_eq!(auto_cancel_on, Some(day(auto_cancel)), "{vector:?}");
            }
            let standing = match status {
                "valid" => Standing::Valid,
                "valid_endorsable" => Standing::Endorsable { closes: day(closes) },
                "suspended" => Standing::Lapsed { since: until.add_days(1).unwrap(), auto_cancel_on },
                "cancelled" => Standing::AutoCancelled { on: day(auto_cancel) },
                other => panic!("{other}"),
            };
            assert_eq!(rule.standing(until, today), standing, "{vector:?}");
        }
    }

    #[test]
    fn both_sides_of_every_edge() {
        for (region, anchor, years, ..) in VECTORS {
            let (rule, until) = (rule(region), endorsed_until(day(anchor), years).unwrap());
            let (opens, closes) = rule.window_days(until);
            let since = until.add_days(1).unwrap();
            let auto_cancel_on = rule.auto_cancelled_on(until);
            assert_eq!(rule.standing(until, opens.add_days(-1).unwrap()), Standing::Valid);
            assert_eq!(rule.standing(until, opens), Standing::Endorsable { closes });
            assert_eq!(rule.standing(until, until), Standing::Endorsable { closes });
            assert_eq!(rule.standing(until, since), Standing::Lapsed { since, auto_cancel_on });
            match auto_cancel_on {
                Some(on) => {
                    assert_eq!(region, "shenzhen");
                    assert_eq!(
                        rule.standing(until, on.add_days(-1).unwrap()),
                        Standing::Lapsed { since, auto_cancel_on }
                    );
                    assert_eq!(rule.standing(until, on), Standing::AutoCancelled { on });
                    assert_eq!(rule.standing(until, Day::MAX), Standing::AutoCancelled { on });
                }
                None => assert_eq!(rule.standing(until, Day::MAX), Standing::Lapsed { since, auto_cancel_on }),
            }
        }
    }

    #[test]
    fn years_count_from_the_anchor() {
        let ends = ["2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29"];
        for (years, end) in (1..).zip(ends) {
            assert_eq!(endorsed_until(day("2024-02-29"), years), Ok(day(end)));
        }
        assert_eq!(endorsed_until(Day::MAX, 1), Err(DayError::OutOfRange));
    }

    #[test]
    fn the_edges_of_the_calendar() {
        let rule = rule("shenzhen");
        assert_eq!(rule.window_days(Day::MIN), (Day::MIN, Day::MIN));
        assert_eq!(rule.standing(Day::MIN, Day::MIN), Standing::Endorsable { closes: Day::MIN });
        assert_eq!(rule.auto_cancelled_on(Day::MAX), None);
        assert_eq!(rule.standing(Day::MAX, Day::MAX), Standing::Endorsable { closes: Day::MAX });
        let since = Day::MAX;
        let until = Day::MAX.add_days(-1).unwrap();
        assert_eq!(rule.standing(until, Day::MAX), Standing::Lapsed { since, auto_cancel_on: None });
    }

    #[test]
    fn standard() {
        let rules = standard_rules();
        assert_eq!(rules.len(), 3);
        let told: Vec<_> = rules
            .iter()
            .map(|r| {
                let voucher = r.voucher_name().map(DisplayText::as_str);
                (
                    r.prefix().to_string(),
                    r.permit_name().as_str(),
                    r.window(),
                    r.auto_cancel_years(),
                    r.live_code(),
                    voucher,
                )
            })
            .collect();
        assert_eq!(told[0], ("44".into(), "广东省居住证", Window::Months(1), None, true, None));
        assert_eq!(told[1], ("4403".into(), "深圳经济特区居住证", Window::Days(60), Some(2), true, Some("信息单")));
        assert_eq!(told[2], ("33".into(), "浙江省居住证", Window::Months(1), None, true, Some("确认单")));
    }

    #[test]
    fn the_longest_prefix_wins_in_any_order() {
        let mut rules = standard_rules();
        for _ in 0..2 {
            let found = |code| find(&rules, Division::new(code).unwrap()).map(|rule| rule.prefix().to_string());
            assert_eq!(found(440_305), Some("4403".into()));
            assert_eq!(found(440_300), Some("4403".into()));
            assert_eq!(found(440_403), Some("44".into()));
            assert_eq!(found(441_900), Some("44".into()));
            assert_eq!(found(330_383), Some("33".into()));
            assert_eq!(found(110_101), None);
            rules.reverse();
        }
        assert_eq!(find(&[], Division::new(440_106).unwrap()), None);
    }

    #[test]
    fn bounds_both_sides() {
        for window in [Window::Months(1), Window::Months(12), Window::Days(1), Window::Days(366)] {
            assert!(rule_with(window, None).is_ok());
        }
        for window in [Window::Months(0), Window::Months(13), Window::Months(255), Window::Days(0), Window::Days(367)] {
            assert_eq!(rule_with(window, None), Err(RegionRuleError::Window));
        }
        for years in [1, 20] {
            assert!(rule_with(Window::Months(1), Some(years)).is_ok());
        }
        for years in [0, 21, 255] {
            assert_eq!(rule_with(Window::Months(1), Some(years)), Err(RegionRuleError::AutoCancelYears));
        }
        assert_ne!(RegionRuleError::Window.code(), RegionRuleError::AutoCancelYears.code());
        assert_ne!(RegionRuleError::Window.zh(), RegionRuleError::AutoCancelYears.zh());
    }
}
