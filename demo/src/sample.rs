//! The twenty sample permits. All persons in them are invented.

use credential_format::division::Division;
use credential_format::residence_code::ResidenceCode;
use credential_format::timestamp::Timestamp;
use issuer::{PermitRequest, RawRequest};
use serde::Deserialize;
use verifier::verdict::Reason;

use crate::fault::{Because, Fault};

/// The file that the repository keeps the samples in.
const PERMITS: &str = include_str!("../../fixtures/permits.json");

/// All samples, in their order.
pub(crate) fn samples() -> Result<Vec<Sample>, Fault> {
    let file: SampleFile = serde_json::from_str(PERMITS).because("the sample permits cannot be read")?;
    Ok(file.permits)
}

/// The day that the samples' expected status is meant for, as `YYYY-MM-DD`.
pub(crate) fn as_of() -> Result<String, Fault> {
    let file: SampleFile = serde_json::from_str(PERMITS).because("the sample permits cannot be read")?;
    Ok(file.as_of)
}

#[derive(Deserialize)]
struct SampleFile {
    as_of: String,
    permits: Vec<Sample>,
}

/// One sample permit, as far as the story needs it.
#[derive(Clone, Deserialize)]
pub(crate) struct Sample {
    pub(crate) no: u16,
    holder: Holder,
    residence: Residence,
    permit: Dates,
    expected_status: String,
    cancel_reason: Option<String>,
    #[serde(default)]
    agents: Vec<AgentEntry>,
    pub(crate) voucher: Option<VoucherEntry>,
}

#[derive(Clone, Deserialize)]
struct Holder {
    name: String,
    citizen_id: String,
    ethnicity_code: String,
    household_division: String,
    household_address: String,
}

#[derive(Clone, Deserialize)]
struct Residence {
    division: String,
    address: String,
}

#[derive(Clone, Deserialize)]
struct Dates {
    issuer: String,
    issue_date: String,
    endorsement_anchor: String,
    years_endorsed: u8,
    valid_until: String,
    cancelled_on: Option<String>,
}

#[derive(Clone, Deserialize)]
struct AgentEntry {
    name: String,
    relation: String,
}

#[derive(Clone, Deserialize)]
pub(crate) struct VoucherEntry {
    /// 信息单 or 确认单.
    pub(crate) kind: String,
    printed_at: Option<String>,
}

impl Sample {
    /// The division that the person lives in.
    pub(crate) fn division(&self) -> Result<Division, Fault> {
        Division::parse(&self.residence.division).because("a sample's division is refused")
    }

    /// 居码. The samples have none, so one is made of the division and the number.
    pub(crate) fn residence_code(&self) -> Result<ResidenceCode, Fault> {
        let first15 = format!("{}000000{:03}", self.residence.division, self.no);
        let first15 = first15.parse().because("a sample's division is no number")?;
        ResidenceCode::with_check(first15).because("a sample's residence code is refused")
    }

    /// When the permit was signed: on the day that electronic permits began, or on its day of issue if that came later.
    pub(crate) fn signed_at(&self, begin: Timestamp) -> Result<Timestamp, Fault> {
        let issued = Timestamp::parse(&format!("{}T08:30:00+08:00", self.permit.issue_date))
            .because("a sample's day of issue is refused")?;
        Ok(begin.max(issued))
    }

    /// When the authority cancelled it 注销, if it did. Automatic cancellation is no act of the authority: verifiers work it out.
    pub(crate) fn cancelled_at(&self) -> Result<Option<Timestamp>, Fault> {
        let at = |day: &String| Timestamp::parse(&format!("{day}T17:00:00+08:00"));
        self.permit.cancelled_on.as_ref().map(at).transpose().because("a sample's day of cancellation is refused")
    }

    /// What the samples expect, as a reason code.
    pub(crate) fn expected(&self) -> Result<Reason, Fault> {
        match (self.expected_status.as_str(), self.cancel_reason.as_deref()) {
            ("valid", _) => Ok(Reason::Valid),
            ("valid_endorsable", _) => Ok(Reason::ValidEndorsable),
            ("suspended", _) => Ok(Reason::EndorsementLapsed),
            ("cancelled", Some("auto_two_years")) => Ok(Reason::AutoCancelled),
            ("cancelled", _) => Ok(Reason::Cancelled),
            (other, _) => Err(Fault::new(
                "SAMPLE_STATUS",
                format!("sample {} expects the status {other}, which the story does not know", self.no),
            )),
        }
    }

    /// The request that the issuing authority makes of it on that day.
    pub(crate) fn request(&self, today: Timestamp) -> Result<PermitRequest, Fault> {
        self.checked(self.raw()?, today)
    }

    /// The request with something entered differently.
    pub(crate) fn request_with(
        &self,
        change: impl FnOnce(&mut RawRequest),
        today: Timestamp,
    ) -> Result<PermitRequest, Fault> {
        let mut raw = self.raw()?;
        change(&mut raw);
        self.checked(raw, today)
    }

    /// The request for a printed permit 信息单, 确认单.
    pub(crate) fn voucher_request(&self, today: Timestamp) -> Result<PermitRequest, Fault> {
        let printed_at = self.voucher.as_ref().and_then(|voucher| voucher.printed_at.clone());
        let place = printed_at.unwrap_or_else(|| self.permit.issuer.clone());
        let serial = format!("{}-2026-{:06}", self.residence.division, self.no);
        let raw = RawRequest {
            voucher_serial: Some(serial),
            voucher_place: Some(place),
            agent_name: None,
            agent_relation: None,
            ..self.raw()?
        };
        self.checked(raw, today)
    }

    fn raw(&self) -> Result<RawRequest, Fault> {
        let agent = self.agents.first();
        let relation = |agent: &AgentEntry| match agent.relation.as_str() {
            "guardian" => "监护人",
            "near_relative" => "近亲属",
            _ => "家庭成员",
        };
        Ok(RawRequest {
            residence_code: Some(self.residence_code()?.digits()),
            name: Some(self.holder.name.clone()),
            citizen_id: Some(self.holder.citizen_id.clone()),
            ethnicity: Some(self.holder.ethnicity_code.clone()),
            household_division: Some(self.holder.household_division.clone()),
            household_address: Some(self.holder.household_address.clone()),
            address_division: Some(self.residence.division.clone()),
            address: Some(self.residence.address.clone()),
            issued_on: Some(self.permit.endorsement_anchor.clone()),
            endorsed_until: Some(self.permit.valid_until.clone()),
            endorsement_years: Some(self.permit.years_endorsed.to_string()),
            agent_name: agent.map(|agent| agent.name.clone()),
            agent_relation: agent.map(|agent| relation(agent).to_owned()),
            ..RawRequest::default()
        })
    }

    fn checked(&self, raw: RawRequest, today: Timestamp) -> Result<PermitRequest, Fault> {
        raw.check(today.day()).map_err(|errors| {
            let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
            Fault::new("SAMPLE_REFUSED", format!("sample {} cannot be issued: {}", self.no, errors.join("; ")))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_can_be_asked_for_on_its_day() {
        let samples = samples().unwrap();
        assert_eq!(samples.len(), 20);
        let begin = Timestamp::parse("2026-04-01T09:00:00+08:00").unwrap();
        for sample in &samples {
            let at = sample.signed_at(begin).unwrap();
            let request = sample.request(at).unwrap();
            assert_eq!(request.residence_code(), sample.residence_code().unwrap());
            sample.expected().unwrap();
        }
        let count = |reason| samples.iter().filter(|sample| sample.expected().unwrap() == reason).count();
        assert_eq!(count(Reason::EndorsementLapsed), 3);
        assert_eq!(count(Reason::Cancelled), 2);
        assert_eq!(count(Reason::AutoCancelled), 1);
        assert_eq!(count(Reason::ValidEndorsable), 3);
        assert_eq!(as_of().unwrap(), "2026-07-01");
    }
}
