//! Days in the life of permits: the forty of `permits.json`, and the twenty sample permits on 2026-07-01.

use super::Collection;
use super::verdict::{Scan, code_of_lifecycle};
use crate::objects::{self, digits, seconds};
use crate::sample_permits::{Sample, SamplePermits};
use crate::vector::{RuleDates, Vector};
use crate::worlds::{self, NOON, key};

pub(super) fn add(all: &mut Collection, samples: &SamplePermits) {
    for (n, day) in samples.lifecycle_vectors.iter().enumerate() {
        // Someone of the region, with the dates of the day in question.
        let (no, issuer) = match day.profile.as_str() {
            "guangdong" => (1, "GD"),
            "shenzhen" => (10, "SZ"),
            "zhejiang" => (15, "ZJ"),
            other => panic!("no region {other}"),
        };
        let mut sample = samples.permit(no).clone();
        sample.permit.endorsement_anchor = day.anchor.clone();
        sample.permit.valid_until = day.valid_until.clone();
        let now = format!("{}T12:00:00+08:00", day.as_of);
        let dates = RuleDates {
            endorsed_until: day.valid_until.clone(),
            window_open: day.window_open.clone(),
            window_close: day.window_close.clone(),
            auto_cancel_on: day.auto_cancel_on.clone(),
        };
        let why = format!(
            "{}: endorsed from {} for {} years, so until {}; window {} to {}; on {} it is {}",
            day.profile,
            day.anchor,
            day.years,
            day.valid_until,
            day.window_open,
            day.window_close,
            day.as_of,
            day.status
        );
        let scan =
            Scan { world: "years", ..scan(&sample, issuer, 1, &now, &why, code_of_lifecycle(&day.status), dates) };
        // A permit that is cancelled on a day by the calendar has no entry in the list.
        let scan = if day.status == "cancelled" { Scan { code: "AUTO_CANCELLED", ..scan } } else { scan };
        let name = format!("day-{:02}-{}-{}-{}", n + 1, day.profile, day.anchor, day.as_of);
        all.add(&name, Vector::Lifecycle(scan.vector()));
    }
    for sample in &samples.permits {
        let by_calendar = sample.cancel_reason.as_deref() == Some("auto_two_years");
        let code = if by_calendar { "AUTO_CANCELLED" } else { code_of_lifecycle(&sample.expected_status) };
        let dates = RuleDates {
            endorsed_until: sample.permit.valid_until.clone(),
            window_open: sample.permit.window_open.clone(),
            window_close: sample.permit.window_close.clone(),
            auto_cancel_on: sample.permit.auto_cancel_on.clone(),
        };
        let why = format!("sample permit {} on 2026-07-01: {}", sample.no, sample.expected_status);
        let issuer = worlds::issuer_of(sample);
        let scan = scan(sample, issuer, worlds::status_index(sample), NOON, &why, code, dates);
        all.add(&format!("sample-{:02}", sample.no), Vector::Lifecycle(scan.vector()));
    }
}

fn scan(sample: &Sample, issuer: &str, index: u64, now: &str, why: &str, code: &'static str, dates: RuleDates) -> Scan {
    let device = worlds::device(sample);
    let permit = objects::permit(sample, &key(&format!("{issuer} permit")), &device, index).encode();
    let code_at = seconds(now) - 4;
    let frame = vec![digits(1, &objects::presentation(&permit, &device, code_at, *b"nonce-21").encode())];
    Scan { why: why.into(), code, now: now.into(), frame, dates: Some(dates), ..Scan::default() }
}
