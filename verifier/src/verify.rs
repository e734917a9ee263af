//! The decision: from the texts of a frame and what the verifier knows, to a verdict.
//!
//! `decide` has one line for each step of SPEC section 8. A step that holds gives a token with private fields, and the accepted permit is
//! built from all of them: a step that is forgotten does not compile. The first step that fails decides.

use alloc::sync::Arc;
use alloc::vec::Vec;

use credential_format::cbor::Malformed;
use credential_format::counter_id::CounterId;
use credential_format::display_text::DisplayText;
use credential_format::key::{Algorithm, PublicKey};
use credential_format::permit::{Carrier, Claims, UnverifiedPermit};
use credential_format::presentation::{Answer, Presented};
use credential_format::region::{RegionRule, Standing};
use credential_format::status_list::{Status, StatusList};
use credential_format::text::{self, Kind, TextError, is_permit_code};
use credential_format::timestamp::Timestamp;
use credential_format::trust_list::{Issuer, IssuerKey, Usage};

use crate::policy::{GuardFallback, Policy};
use crate::replay::{Recorded, ReplayGuard, Sighting};
use crate::status::StatusLists;
use crate::trust::TrustedList;
use crate::verdict::{Assurance, Facts, Reason, Step, Verdict};

/// What the verifier knows, all handed in: there is no clock and no disk in here.
pub struct Context<'a> {
    /// The time at the counter.
    pub now: Timestamp,
    /// The trust list in use, if there is one.
    pub trust: Option<&'a TrustedList>,
    /// The status lists at hand.
    pub status: &'a StatusLists,
    /// The newest time that a root or status key has signed and this verifier has seen: the clock cannot be before it. Phones never move it.
    pub newest_signed_time: Option<Timestamp>,
    /// The challenge that the holder was asked to answer.
    pub asked: Asked,
    /// Remembers accepted codes; has recorded this one when the verdict is returned.
    pub replay: &'a mut dyn ReplayGuard,
    /// The counter's limits.
    pub policy: Policy,
}

/// Whether the counter asked for an answer to a challenge.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// It did not: any fresh code will do (passive).
    Nothing,
    /// It did, so many seconds ago.
    Challenge {
        /// What the answer must say.
        answer: Answer,
        /// The challenge's age on the counter's own clock.
        age_secs: u64,
    },
    /// With a challenge that was answered already.
    UsedChallenge,
    /// With a challenge that is not this counter's.
    ForeignChallenge,
}

/// Decides about the codes of one frame: the texts of all QR codes in it.
pub fn verify<T: AsRef<str>>(frame: &[T], context: &mut Context<'_>) -> Verdict {
    let mut facts = Facts::new(context.now, &context.policy, context.trust);
    match decide(frame, context, &mut facts) {
        Ok(accepted) => facts.accept(accepted),
        Err(reason) => facts.refuse(reason),
    }
}

fn decide<T: AsRef<str>>(frame: &[T], context: &mut Context<'_>, facts: &mut Facts) -> Result<VerifiedPermit, Reason> {
    let code = facts.step(Step::Code, |_| one_code(frame))?;
    let presented = facts.step(Step::Parse, |_| parse(&code))?;
    let permit = presented.permit();
    facts.claimed(permit.unverified_claims());
    let trust = facts.step(Step::Trust, |_| trust_in_force(context))?;
    let key = facts.step(Step::IssuerKey, |_| issuer_key(permit, &trust, context.now))?;
    let signed = facts.step(Step::IssuerSignature, |_| issuer_signature(permit, &key))?;
    let scope = facts.step(Step::IssuerScope, |_| issuer_scope(&signed, &key, &trust))?;
    let signed_permit = SignedPermit::new(&signed, &scope);
    facts.signed(&signed_permit);
    let list = status_list(&signed, &scope, &trust, context, facts);
    let proof = facts.step(Step::HolderProof, |_| holder_proof(&presented, &scope))?;
    let fresh = facts.step(Step::Freshness, |facts| freshness(&presented, &proof, context, facts))?;
    facts.assurance(proof.0);
    let valid = facts.step(Step::Validity, |_| validity(&signed, context.now))?;
    let status = facts.step(Step::Status, |_| status_valid(&signed, list, context))?;
    let endorsed = facts.step(Step::Endorsement, |facts| endorsement(&signed, &scope, context.now, facts))?;
    let sighting = facts.step(Step::Replay, |facts| replay(&presented, &fresh, context, facts))?;
    let real = facts.step(Step::Verdict, |_| no_specimen(&scope))?;
    Ok(VerifiedPermit::new(signed_permit, &proof, &fresh, &valid, &status, &endorsed, &sighting, &real))
}

/// A permit that passed every check. There is no other way to one than [`verify`].
#[derive(Clone, Debug)]
pub struct VerifiedPermit {
    signed: SignedPermit,
    assurance: Assurance,
    reason: Reason,
}

impl VerifiedPermit {
    #[expect(clippy::too_many_arguments, reason = "one argument a check: that is the point")]
    fn new(
        signed: SignedPermit,
        proof: &HolderProofValid,
        _: &Fresh,
        _: &WithinValidity,
        _: &StatusValid,
        endorsed: &Endorsed,
        _: &FirstSighting,
        _: &NoSpecimen,
    ) -> VerifiedPermit {
        let reason = match (proof.0, endorsed.endorsable) {
            (Assurance::Paper, _) => Reason::VoucherValid,
            (_, true) => Reason::ValidEndorsable,
            (_, false) => Reason::Valid,
        };
        VerifiedPermit { signed, assurance: proof.0, reason }
    }

    /// The permit.
    pub fn permit(&self) -> &SignedPermit {
        &self.signed
    }

    pub(crate) fn into_parts(self) -> (SignedPermit, Assurance, Reason) {
        (self.signed, self.assurance, self.reason)
    }
}

/// A permit that an issuer signed who may sign such a permit. It may still be lapsed, cancelled, or in wrong hands.
#[derive(Clone, Debug)]
pub struct SignedPermit(Arc<SignedParts>);

#[derive(Debug)]
struct SignedParts {
    claims: Arc<Claims>,
    issuer_id: CounterId,
    issuer_name: DisplayText<60>,
    rule: RegionRule,
    specimen: bool,
}

impl SignedPermit {
    fn new(signed: &IssuerSignatureValid<'_>, scope: &IssuerInScope<'_>) -> SignedPermit {
        SignedPermit(Arc::new(SignedParts {
            claims: Arc::clone(signed.claims),
            issuer_id: scope.issuer.id.clone(),
            issuer_name: scope.issuer.name.clone(),
            rule: scope.rule.clone(),
            specimen: scope.key.specimen,
        }))
    }

    /// What the permit says.
    pub fn claims(&self) -> &Claims {
        &self.0.claims
    }

    /// The id of the authority that issued it.
    pub fn issuer_id(&self) -> &CounterId {
        &self.0.issuer_id
    }

    /// The name of the authority that issued it 签发机关.
    pub fn issuer_name(&self) -> &str {
        self.0.issuer_name.as_str()
    }

    /// The rule of its region.
    pub fn rule(&self) -> &RegionRule {
        &self.0.rule
    }

    /// Whether a specimen key signed it: then it is no permit.
    pub fn is_specimen(&self) -> bool {
        self.0.specimen
    }
}

// ---- Step 1

struct Code {
    kind: Kind,
    bytes: Vec<u8>,
}

/// Codes of other makers in the frame do not matter, nor do challenges and enrolments; one code seen twice is one code; two permit codes
/// are not for us to choose from.
fn one_code<T: AsRef<str>>(frame: &[T]) -> Result<Code, Reason> {
    let mut permits: Vec<&str> = frame.iter().map(AsRef::as_ref).filter(|text| is_permit_code(text)).collect();
    permits.sort_unstable();
    permits.dedup();
    let text = match (permits.as_slice(), frame) {
        ([text], _) => text,
        ([], []) => return Err(Reason::NoCode),
        ([], _) => return Err(Reason::NotAPermitCode),
        _ => return Err(Reason::MultipleCodes),
    };
    let (kind, bytes) = text::decode(text).map_err(|error| match error {
        TextError::UnsupportedVersion(_) => Reason::UnsupportedVersion,
        _ => Reason::Malformed,
    })?;
    Ok(Code { kind, bytes })
}

// ---- Step 2

fn parse(code: &Code) -> Result<Presented<'_>, Reason> {
    match code.kind {
        Kind::Presentation => {
            let presented = Presented::parse(&code.bytes).map_err(unreadable)?;
            // Paper has a kind of its own: a voucher that calls itself a presentation is not what it says.
            match (&presented, &presented.permit().unverified_claims().carrier) {
                (Presented::Bare(_), Carrier::Paper(_)) => Err(Reason::Malformed),
                _ => Ok(presented),
            }
        }
        _ => UnverifiedPermit::parse(&code.bytes).map(Presented::Bare).map_err(unreadable),
    }
}

/// A county may be younger than this program: not knowing it is no reason to reject.
fn unreadable(error: Malformed) -> Reason {
    match error {
        Malformed::UnknownDivision { .. } => Reason::UnsupportedVersion,
        _ => Reason::Malformed,
    }
}

// ---- Step 3

struct TrustInForce<'a>(&'a TrustedList);

fn trust_in_force<'a>(context: &Context<'a>) -> Result<TrustInForce<'a>, Reason> {
    let trust = context.trust.ok_or(Reason::TrustListMissing)?;
    if context.now >= trust.list().expires_at {
        return Err(Reason::TrustListExpired);
    }
    let newest = context.newest_signed_time.map_or(trust.list().issued_at, |t| t.max(trust.list().issued_at));
    if newest.seconds_since(context.now) > context.policy.clock_behind_secs_max {
        return Err(Reason::ClockSuspect);
    }
    Ok(TrustInForce(trust))
}

// ---- Step 4

struct KnownKey<'a> {
    issuer: &'a Issuer,
    entry: &'a IssuerKey,
    key: &'a PublicKey,
}

fn issuer_key<'a>(
    permit: &UnverifiedPermit<'_>,
    trust: &TrustInForce<'a>,
    now: Timestamp,
) -> Result<KnownKey<'a>, Reason> {
    let (issuer, entry, key) = trust.0.key(permit.kid()).ok_or(Reason::IssuerUnknown)?;
    let issued_at = permit.unverified_claims().issued_at;
    if issued_at < entry.not_before || now >= entry.not_after {
        return Err(Reason::KeyRetired);
    }
    if entry.compromised_from.is_some_and(|from| issued_at >= from) {
        return Err(Reason::KeyCompromised);
    }
    Ok(KnownKey { issuer, entry, key })
}

// ---- Step 5

/// The issuer's signature holds over the received bytes.
struct IssuerSignatureValid<'p> {
    claims: &'p Arc<Claims>,
}

fn issuer_signature<'p>(
    permit: &'p UnverifiedPermit<'_>,
    key: &KnownKey<'_>,
) -> Result<IssuerSignatureValid<'p>, Reason> {
    // A permit's header says Ed25519, always; a key of another kind did not sign it.
    if key.key.algorithm() != Algorithm::Ed25519 {
        return Err(Reason::IssuerSignature);
    }
    key.key.verify(&permit.message(), permit.signature()).map_err(|_| Reason::IssuerSignature)?;
    Ok(IssuerSignatureValid { claims: permit.unverified_claims() })
}

// ---- Step 6

/// The key may sign this kind of permit for this division, whose rule is known; and so is everything that the permit says.
struct IssuerInScope<'a> {
    issuer: &'a Issuer,
    key: &'a IssuerKey,
    rule: &'a RegionRule,
}

fn issuer_scope<'a>(
    signed: &IssuerSignatureValid<'_>,
    key: &KnownKey<'a>,
    trust: &TrustInForce<'a>,
) -> Result<IssuerInScope<'a>, Reason> {
    let usage = match signed.claims.carrier {
        Carrier::Device(_) => Usage::Permit,
        Carrier::Paper(_) => Usage::Voucher,
    };
    let division = signed.claims.address.division();
    if !key.entry.may(usage) || !key.issuer.divisions.iter().any(|prefix| prefix.contains(division)) {
        return Err(Reason::IssuerOutOfScope);
    }
    // A trust list is refused at load unless a rule covers every division that an issuer has.
    let rule = trust.0.rule_for(division).ok_or(Reason::IssuerOutOfScope)?;
    if !signed.claims.unknown_extensions.is_empty() {
        return Err(Reason::UnsupportedExtension);
    }
    Ok(IssuerInScope { issuer: key.issuer, key: key.entry, rule })
}

// ---- Step 7

/// The device that the permit is bound to signed the presentation; or it is paper, where paper is allowed.
struct HolderProofValid(Assurance);

fn holder_proof(presented: &Presented<'_>, scope: &IssuerInScope<'_>) -> Result<HolderProofValid, Reason> {
    match (&presented.permit().unverified_claims().carrier, presented.presentation()) {
        (Carrier::Device(_), None) => Err(Reason::HolderProofMissing),
        (Carrier::Device(key), Some(presentation)) => {
            if !scope.rule.live_code() {
                return Err(Reason::LiveCodeNotAllowed);
            }
            if presentation.algorithm() != key.algorithm() {
                return Err(Reason::DeviceSignature);
            }
            key.verify(&presentation.message(), presentation.signature()).map_err(|_| Reason::DeviceSignature)?;
            let answered = presentation.unverified_binding().answer.is_some();
            Ok(HolderProofValid(if answered { Assurance::Challenge } else { Assurance::Passive }))
        }
        (Carrier::Paper(_), None) if scope.rule.voucher_name().is_some() => Ok(HolderProofValid(Assurance::Paper)),
        (Carrier::Paper(_), _) => Err(Reason::VoucherNotAllowed),
    }
}

// ---- Step 8

/// The code is of now, and answers the challenge if one was asked. Paper has no time of its own.
struct Fresh(());

fn freshness(
    presented: &Presented<'_>,
    _: &HolderProofValid,
    context: &Context<'_>,
    facts: &mut Facts,
) -> Result<Fresh, Reason> {
    let Some(presentation) = presented.presentation() else {
        return match context.asked {
            Asked::Nothing => Ok(Fresh(())),
            // Paper cannot answer.
            _ => Err(Reason::ChallengeMissing),
        };
    };
    let binding = presentation.unverified_binding();
    let age = context.now.seconds_since(binding.issued_at);
    facts.code_age(age);
    if age > context.policy.code_age_secs_max {
        return Err(Reason::PresentationExpired);
    }
    if age < -context.policy.code_ahead_secs_max {
        return Err(Reason::PresentationFromFuture);
    }
    match (&context.asked, &binding.answer) {
        (Asked::Nothing, None) => Ok(Fresh(())),
        (Asked::Nothing, Some(_)) => Err(Reason::ChallengeMismatch),
        (_, None) => Err(Reason::ChallengeMissing),
        (Asked::ForeignChallenge, Some(_)) => Err(Reason::ChallengeMismatch),
        (Asked::UsedChallenge, Some(_)) => Err(Reason::ChallengeExpired),
        (Asked::Challenge { answer, .. }, Some(answered)) if answer != answered => Err(Reason::ChallengeMismatch),
        (Asked::Challenge { age_secs, .. }, Some(_)) if *age_secs > context.policy.challenge_secs_max => {
            Err(Reason::ChallengeExpired)
        }
        (Asked::Challenge { .. }, Some(_)) => Ok(Fresh(())),
    }
}

// ---- Step 9

/// `iat <= now < exp`
struct WithinValidity(());

fn validity(signed: &IssuerSignatureValid<'_>, now: Timestamp) -> Result<WithinValidity, Reason> {
    if now < signed.claims.issued_at {
        return Err(Reason::NotYetValid);
    }
    if now >= signed.claims.expires_at {
        return Err(Reason::Expired);
    }
    Ok(WithinValidity(()))
}

// ---- Step 10

/// The list that the permit names, if it is at hand and its key still stands. Looked up before it is needed: every verdict about a signed
/// permit carries the age of its list.
fn status_list<'a>(
    signed: &IssuerSignatureValid<'_>,
    scope: &IssuerInScope<'_>,
    trust: &TrustInForce<'_>,
    context: &Context<'a>,
    facts: &mut Facts,
) -> Option<&'a StatusList> {
    let number = signed.claims.status.list;
    let list = context.status.find(scope.issuer, number).filter(|list| list.stands(trust.0))?.list();
    facts.status_list(number, context.now.seconds_since(list.head().issued_at), list.head().ttl_secs);
    Some(list)
}

/// The issuer's list is at hand, not too old, and says that the permit is valid.
struct StatusValid(());

fn status_valid(
    signed: &IssuerSignatureValid<'_>,
    list: Option<&StatusList>,
    context: &Context<'_>,
) -> Result<StatusValid, Reason> {
    let list = list.ok_or(Reason::StatusListMissing)?;
    let age = context.now.seconds_since(list.head().issued_at);
    let over = list.head().expires_at.is_some_and(|expires_at| context.now >= expires_at);
    if over || age > context.policy.status_age_secs_max {
        return Err(Reason::StatusListStale);
    }
    match list.get(signed.claims.status.index) {
        Some(Status::Valid) => Ok(StatusValid(())),
        Some(Status::Cancelled) => Err(Reason::Cancelled),
        Some(Status::Suspended) => Err(Reason::Suspended),
        Some(Status::Superseded) => Err(Reason::Superseded),
        None => Err(Reason::StatusIndex),
    }
}

// ---- Step 11

/// The endorsement covers today.
struct Endorsed {
    endorsable: bool,
}

fn endorsement(
    signed: &IssuerSignatureValid<'_>,
    scope: &IssuerInScope<'_>,
    now: Timestamp,
    facts: &mut Facts,
) -> Result<Endorsed, Reason> {
    let standing = scope.rule.standing(signed.claims.endorsed_until, now.day());
    facts.standing(&standing);
    match standing {
        Standing::Valid => Ok(Endorsed { endorsable: false }),
        Standing::Endorsable { .. } => Ok(Endorsed { endorsable: true }),
        Standing::Lapsed { .. } => Err(Reason::EndorsementLapsed),
        Standing::AutoCancelled { .. } => Err(Reason::AutoCancelled),
    }
}

// ---- Step 12

/// The code was not seen before, and is recorded now.
struct FirstSighting(());

fn replay(
    presented: &Presented<'_>,
    _: &Fresh,
    context: &mut Context<'_>,
    facts: &mut Facts,
) -> Result<FirstSighting, Reason> {
    // Paper is the same every time.
    let Some(presentation) = presented.presentation() else { return Ok(FirstSighting(())) };
    let binding = presentation.unverified_binding();
    let sighting = Sighting {
        code_issued_at: binding.issued_at,
        kid: presentation.permit().kid(),
        status: presentation.permit().unverified_claims().status,
        nonce: binding.nonce,
        cnonce: binding.answer.as_ref().map(|answer| answer.cnonce),
    };
    match context.replay.record(&sighting, context.now) {
        Ok(Recorded::First) => Ok(FirstSighting(())),
        Ok(Recorded::FirstHere) if context.policy.guard_fallback == GuardFallback::LocalOnly => {
            facts.checked_here_only();
            Ok(FirstSighting(()))
        }
        Ok(Recorded::FirstHere) => Err(Reason::ReplayGuardUnavailable),
        Ok(Recorded::Seen) => Err(Reason::Replayed),
        Ok(Recorded::ChallengeUsed) => Err(Reason::ChallengeExpired),
        Err(_) => Err(Reason::ReplayGuardUnavailable),
    }
}

// ---- Step 13

/// The key signs real permits. A specimen goes through every other check first, so that it can show what each of them says.
struct NoSpecimen(());

fn no_specimen(scope: &IssuerInScope<'_>) -> Result<NoSpecimen, Reason> {
    if scope.key.specimen { Err(Reason::Specimen) } else { Ok(NoSpecimen(())) }
}
