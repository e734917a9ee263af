//! What the program makes of a vector: one function a layer. What must come of it is not looked at.

use std::collections::BTreeMap;

use ciborium::Value;
use credential_format::cbor::{self, Malformed, Reader, Strict, WriteStopped, Writer};
use credential_format::challenge::Challenge;
use credential_format::counter_id::CounterId;
use credential_format::enrolment::UnverifiedEnrolment;
use credential_format::key::Thumbprint;
use credential_format::permit::UnverifiedPermit;
use credential_format::presentation::{Answer, UnverifiedPresentation};
use credential_format::status_list::StatusList;
use credential_format::text;
use credential_format::timestamp::Timestamp;
use serde::Serialize;
use verifier::policy::Policy;
use verifier::replay::{GuardUnavailable, MemoryGuard, Recorded, ReplayGuard, Sighting};
use verifier::status::{StatusLists, StatusRefusal, TrustedStatusList};
use verifier::trust::{TrustRefusal, TrustedList};
use verifier::verdict::{Outcome, Verdict};
use verifier::verify::{self, Asked, Context};

use crate::layers::expect;
use crate::vector::{self, Expect, ListVector, ObjectVector, Vector, VerdictVector, World};

/// What came of a vector.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Judgement {
    /// Accept, reject or undetermined.
    pub outcome: Expect,
    /// The error's or the verdict's code.
    pub code: Option<&'static str>,
    /// The code of the refusal's cause, of a list.
    pub cause: Option<&'static str>,
    /// The step of SPEC section 8 that decided, of a verdict.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<u8>,
    /// How the holder was tied to the code, of a verdict.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub assurance: Option<&'static str>,
}

/// What this program makes of a vector.
///
/// # Errors
/// A sentence, when the vector makes no sense as a question.
pub fn judge(vector: &Vector, worlds: &Worlds) -> Result<Judgement, String> {
    Ok(match vector {
        Vector::Text(v) => Judgement::of(text::decode(&v.text).err().map(|error| error.code())),
        Vector::Cbor(v)
        | Vector::Permit(v)
        | Vector::Presentation(v)
        | Vector::Voucher(v)
        | Vector::Challenge(v)
        | Vector::Enrolment(v) => Judgement::of(object(v)?),
        Vector::TrustList(v) => {
            let result = trust_list(v, worlds)?;
            Judgement {
                cause: trust_cause(&result),
                code: trust_code(&result),
                ..Judgement::of(result.err().map(|refusal| refusal.code()))
            }
        }
        Vector::StatusList(v) => {
            let result = status_list(v, worlds)?.result;
            Judgement { cause: status_cause(&result), ..Judgement::of(result.err().map(|refusal| refusal.code())) }
        }
        Vector::Lifecycle(v) | Vector::Verdict(v) => Judgement::of_verdict(&verdict(v, worlds)?),
    })
}

impl Judgement {
    fn of(code: Option<&'static str>) -> Judgement {
        Judgement { outcome: expect(code), code, cause: None, step: None, assurance: None }
    }

    fn of_verdict(verdict: &Verdict) -> Judgement {
        Judgement {
            outcome: match verdict.outcome() {
                Outcome::Accept => Expect::Accept,
                Outcome::Reject => Expect::Reject,
                Outcome::Undetermined => Expect::Undetermined,
            },
            code: Some(verdict.reason.code()),
            cause: None,
            step: verdict.checks.last().map(|check| check.step.number()),
            assurance: verdict.assurance.map(|assurance| assurance.word()),
        }
    }
}

// ---- One function a layer

/// Why the bytes are not what they are to be.
///
/// # Errors
/// There is no such object.
pub fn object(v: &ObjectVector) -> Result<Option<&'static str>, String> {
    let bytes = unhex(&v.bytes);
    Ok(match v.object.as_str() {
        "item" => cbor::parse::<AnyItem>(&bytes).err().map(|e| e.code()),
        "permit" => UnverifiedPermit::parse(&bytes).err().map(|e| e.code()),
        "presentation" => UnverifiedPresentation::parse(&bytes).err().map(|e| e.code()),
        "challenge" => Challenge::parse(&bytes).err().map(|e| e.code()),
        "enrolment" => match UnverifiedEnrolment::parse(&bytes) {
            Err(error) => Some(error.code()),
            Ok(enrolment) => enrolment.check().err().map(|e| e.code()),
        },
        other => return Err(format!("no object {other}")),
    })
}

/// What a verifier makes of an offered trust list; `None` is the one in use.
pub type TrustResult = Result<Option<TrustedList>, TrustRefusal>;

/// Offers a trust list.
///
/// # Errors
/// A sentence, when the vector makes no sense as a question.
pub fn trust_list(v: &ListVector, worlds: &Worlds) -> Result<TrustResult, String> {
    let (bytes, now) = (unhex(&v.bytes), time(&v.now));
    match (&v.world, &v.root) {
        (Some(world), None) => {
            let current = worlds.get(world)?.trust.as_ref().ok_or("a world without trust list")?;
            Ok(TrustedList::next(&bytes, current, now))
        }
        (None, Some(root)) => {
            let root = Thumbprint::parse(root).ok_or("not a thumbprint")?;
            Ok(TrustedList::first(&bytes, &root, now).map(Some))
        }
        _ => Err("either a world or a root".into()),
    }
}

/// The code of what came of an offered trust list.
pub fn trust_code(result: &TrustResult) -> Option<&'static str> {
    match result {
        Ok(Some(_)) => None,
        Ok(None) => Some("UNCHANGED"),
        Err(refusal) => Some(refusal.code()),
    }
}

/// And of its cause.
pub fn trust_cause(result: &TrustResult) -> Option<&'static str> {
    match result {
        Err(TrustRefusal::Malformed(error)) => Some(error.code()),
        _ => None,
    }
}

/// What came of an offered status list, and the lists in use before and after.
pub struct StatusOffer {
    /// The lists in use before.
    pub before: Vec<StatusList>,
    /// And after.
    pub after: Vec<StatusList>,
    /// Whether it was taken.
    pub result: Result<(), StatusRefusal>,
}

/// Offers a status list.
///
/// # Errors
/// A sentence, when the vector makes no sense as a question.
pub fn status_list(v: &ListVector, worlds: &Worlds) -> Result<StatusOffer, String> {
    let world = worlds.get(v.world.as_ref().ok_or("no world")?)?;
    let trust = world.trust.as_ref().ok_or("a world without trust list")?;
    let mut lists = StatusLists::new();
    if let Some(current) = &v.current {
        lists.put(TrustedStatusList::check(&unhex(current), trust).map_err(|e| format!("the list in use: {e}"))?);
    }
    let in_use = |lists: &StatusLists| lists.iter().map(|list| list.list().clone()).collect::<Vec<_>>();
    let before = in_use(&lists);
    let result = TrustedStatusList::check(&unhex(&v.bytes), trust).and_then(|list| lists.replace(list, time(&v.now)));
    Ok(StatusOffer { before, after: in_use(&lists), result })
}

/// The code of the cause of a refusal.
pub fn status_cause(result: &Result<(), StatusRefusal>) -> Option<&'static str> {
    match result {
        Err(StatusRefusal::Malformed(error)) => Some(error.code()),
        _ => None,
    }
}

/// Shows the frames of a vector to a verifier, the earlier ones first.
///
/// # Errors
/// A sentence, when an earlier one does not come out as it says.
pub fn verdict(v: &VerdictVector, worlds: &Worlds) -> Result<Verdict, String> {
    let world = worlds.get(&v.world)?;
    let mut guard = Guard::new(v.guard);
    for (n, earlier) in v.before.iter().enumerate() {
        let verdict = world.scan(&earlier.now, &asked(&earlier.asked), &mut guard, &v.policy, &earlier.frame);
        if verdict.reason.code() != earlier.code {
            return Err(format!(
                "code of the scan {} before: found {}, expected {}",
                n + 1,
                verdict.reason.code(),
                earlier.code
            ));
        }
    }
    Ok(world.scan(&v.now, &asked(&v.asked), &mut guard, &v.policy, &v.frame))
}

// ---- Worlds

/// All worlds, their lists taken as a verifier takes them.
pub struct Worlds(BTreeMap<String, LoadedWorld>);

/// What a verifier knows.
pub struct LoadedWorld {
    /// As it stands in its file.
    pub raw: World,
    /// The trust list in use.
    pub trust: Option<TrustedList>,
    status: StatusLists,
    newest: Option<Timestamp>,
}

impl Worlds {
    /// Reads all worlds.
    pub fn load() -> Worlds {
        Worlds(World::load_all().into_iter().map(|(name, world)| (name, LoadedWorld::new(world))).collect())
    }

    /// The world of this name.
    ///
    /// # Errors
    /// There is none.
    pub fn get(&self, name: &str) -> Result<&LoadedWorld, String> {
        self.0.get(name).ok_or_else(|| format!("no world {name}"))
    }
}

impl LoadedWorld {
    /// The lists are taken as a verifier takes them: from an installed root key, with every check.
    fn new(raw: World) -> LoadedWorld {
        let taken_at = time(&raw.taken_at);
        let trust = raw.trust_list.as_ref().map(|bytes| {
            let root = Thumbprint::parse(raw.root.as_deref().expect("a root")).expect("a thumbprint");
            TrustedList::first(&unhex(bytes), &root, taken_at).expect("a good trust list")
        });
        let mut status = StatusLists::new();
        let earlier = raw
            .status_lists_taken_with
            .as_ref()
            .map(|bytes| TrustedList::reload(&unhex(bytes)).expect("a good trust list"));
        for bytes in &raw.status_lists {
            let trust = earlier.as_ref().or(trust.as_ref()).expect("status lists need a trust list");
            let list = TrustedStatusList::check(&unhex(bytes), trust).expect("a good status list");
            status.replace(list, taken_at).expect("a list that may be taken");
        }
        let newest = raw.newest_signed_time.as_deref().map(time);
        LoadedWorld { raw, trust, status, newest }
    }

    /// The verdict about a frame.
    pub fn scan<T: AsRef<str>>(
        &self,
        now: &str,
        asked: &Asked,
        guard: &mut dyn ReplayGuard,
        policy: &BTreeMap<String, i64>,
        frame: &[T],
    ) -> Verdict {
        let policy = policy_with(&[&self.raw.policy, policy]);
        verify::verify(frame, &mut Context { policy, ..self.context(now, asked, guard) })
    }

    /// What a verdict needs, with the policy of a new installation.
    pub fn context<'a>(&'a self, now: &str, asked: &Asked, guard: &'a mut dyn ReplayGuard) -> Context<'a> {
        Context {
            now: time(now),
            trust: self.trust.as_ref(),
            status: &self.status,
            newest_signed_time: self.newest,
            asked: asked.clone(),
            replay: guard,
            policy: Policy::default(),
        }
    }
}

fn policy_with(limits: &[&BTreeMap<String, i64>]) -> Policy {
    let mut policy = Policy::default();
    for (name, limit) in limits.iter().flat_map(|limits| limits.iter()) {
        match name.as_str() {
            "status_age_secs_max" => policy.status_age_secs_max = *limit,
            other => panic!("no limit {other}"),
        }
    }
    policy
}

fn asked(asked: &vector::Asked) -> Asked {
    match asked {
        vector::Asked::Nothing => Asked::Nothing,
        vector::Asked::UsedChallenge => Asked::UsedChallenge,
        vector::Asked::ForeignChallenge => Asked::ForeignChallenge,
        vector::Asked::Challenge { counter, cnonce, age_secs } => Asked::Challenge {
            answer: Answer {
                counter: CounterId::parse(counter).expect("a counter's id"),
                cnonce: unhex(cnonce).try_into().expect("16 bytes"),
            },
            age_secs: *age_secs,
        },
    }
}

enum Guard {
    Memory(MemoryGuard),
    Unavailable,
}

impl Guard {
    fn new(guard: vector::Guard) -> Guard {
        match guard {
            vector::Guard::Empty => Guard::Memory(MemoryGuard::new(100)),
            vector::Guard::Full => Guard::Memory(MemoryGuard::new(0)),
            vector::Guard::Unavailable => Guard::Unavailable,
        }
    }
}

impl ReplayGuard for Guard {
    fn record(&mut self, sighting: &Sighting, now: Timestamp) -> Result<Recorded, GuardUnavailable> {
        match self {
            Guard::Memory(guard) => guard.record(sighting, now),
            Guard::Unavailable => Err(GuardUnavailable),
        }
    }
}

/// Any item, so that the rules of encoding can be asked about by themselves.
struct AnyItem(Value);

impl<'b> Strict<'b> for AnyItem {
    const BYTES_MAX: usize = 2048;

    fn read(reader: &mut Reader<'b>) -> Result<Self, Malformed> {
        reader.any().map(AnyItem)
    }

    fn write<W: minicbor::encode::Write>(&self, writer: &mut Writer<W>) -> Result<(), WriteStopped> {
        writer.any(&self.0).map(|_| ())
    }
}

/// Bytes of hexadecimal digits in a vector.
///
/// # Panics
/// They are none.
pub fn unhex(hex: &str) -> Vec<u8> {
    hex::decode(hex).expect("hex")
}

/// A time in a vector.
///
/// # Panics
/// It is none.
pub fn time(time: &str) -> Timestamp {
    Timestamp::parse(time).expect("an RFC 3339 time")
}
