//! The authorities of the story: their keys, their ledgers, their lists.

use credential_format::counter_id::CounterId;
use credential_format::display_text::DisplayText;
use credential_format::division::{Division, DivisionPrefix};
use credential_format::key::{CoseKey, PublicKey, Thumbprint};
use credential_format::permit::StatusSlot;
use credential_format::region;
use credential_format::status_list::Status;
use credential_format::timestamp::Timestamp;
use credential_format::trust_list::{Issuer, IssuerKey, RootKeys, TrustList, Usage};
use ed25519_dalek::SigningKey;
use issuer::bulk::Bearer;
use issuer::ledger::{Dice, Ledger, Order, Target};
use issuer::status::{self, StatusPeriod, StatusUri};
use issuer::trust::{self, Predecessor, SignedTrustList};
use issuer::{Device, IssuedPermit, IssuingKey, PermitRequest};

use crate::dice;
use crate::fault::{Because, Fault};
use crate::folder::Draft;
use crate::phone::Phone;
use crate::sample::Sample;

const DAY_SECS: u64 = 86_400;
/// Root keys make lists for so long; counters fetch new ones long before.
const TRUST_DAYS: u64 = 90;
/// Status lists are published daily and hold for two weeks at most; the counters' own limit is seven days.
const STATUS_EXPIRES_SECS: u64 = 14 * DAY_SECS;

/// An issuer's key of the story, of real random bits.
pub(crate) type Key = IssuingKey<SigningKey>;

/// All authorities, and the root key that vouches for them.
pub(crate) struct Authorities {
    /// The root keys: one at first, three of which two must sign from the second list on.
    roots: Vec<Key>,
    all: Vec<Authority>,
    specimen: Key,
    trust_list: Option<SignedTrustList>,
}

/// One issuing authority 签发机关.
pub(crate) struct Authority {
    entry: Issuer,
    uri: StatusUri,
    permit_key: Key,
    voucher_key: Key,
    status_key: Key,
    ledger: Ledger,
    ledger_dice: Dice,
}

/// Guangdong issues everywhere in the province but in Shenzhen, which has its own permit.
const AUTHORITIES: [(&str, &str, &[&str]); 3] = [
    (
        "GUANGDONG",
        "广东省公安厅（演示）",
        &[
            "4401", "4402", "4404", "4405", "4406", "4407", "4408", "4409", "4412", "4413", "4414", "4415", "4416",
            "4417", "4418", "4419", "4420", "4451", "4452", "4453",
        ],
    ),
    ("SHENZHEN", "深圳市公安局（演示）", &["4403"]),
    ("ZHEJIANG", "浙江省公安厅（演示）", &["33"]),
];

impl Authorities {
    /// Makes all keys, and an empty ledger for each authority.
    pub(crate) fn found(draft: &Draft, begin: Timestamp) -> Result<Authorities, Fault> {
        let specimen = random_key()?;
        let mut all = Vec::new();
        for (id, name, divisions) in AUTHORITIES {
            let mut authority = Authority::found(draft, id, name, divisions, begin)?;
            if all.is_empty() {
                authority.entry.keys.push(key_entry(&specimen, Usage::Permit, begin, true)?);
            }
            all.push(authority);
        }
        Ok(Authorities { roots: vec![random_key()?], all, specimen, trust_list: None })
    }

    /// The thumbprint that is given to every counter at installation.
    pub(crate) fn root(&self) -> Result<Thumbprint, Fault> {
        Ok(self.roots.first().because("there is no root key")?.thumbprint())
    }

    /// Guangdong's true permit key, for what is signed beside the ledger.
    pub(crate) fn guangdong_key(&self) -> Result<Key, Fault> {
        self.key_of("GUANGDONG")
    }

    /// Zhejiang's.
    pub(crate) fn zhejiang_key(&self) -> Result<Key, Fault> {
        self.key_of("ZHEJIANG")
    }

    /// The key for specimens 样本.
    pub(crate) fn specimen_key(&self) -> Key {
        self.specimen.clone()
    }

    /// Issues a permit for this phone, through the ledger of the authority that is competent for the sample's address.
    pub(crate) fn issue(
        &mut self,
        sample: &Sample,
        request: PermitRequest,
        phone: &Phone,
        now: Timestamp,
    ) -> Result<IssuedPermit, Fault> {
        // The issuer asks with a nonce, the phone signs it.
        let nonce = dice::roll()?;
        let enrolment = phone.enrol(sample.residence_code()?, nonce, now)?;
        if enrolment.claims().nonce != nonce {
            return Err(Fault::new("ENROLMENT_NONCE", "the phone signed another nonce than it was given"));
        }
        let device = Device::enrolled(&enrolment, now).because("the enrolment is not taken")?;
        let authority = self.competent(request.address().division())?;
        authority.order(request, Bearer::Device(device), now)
    }

    /// Prints a voucher, through the same ledger, with the voucher key.
    pub(crate) fn print(&mut self, request: PermitRequest, now: Timestamp) -> Result<IssuedPermit, Fault> {
        let note = request.voucher().cloned().because("the request has no note for the sheet")?;
        let authority = self.competent(request.address().division())?;
        authority.order(request, Bearer::Paper(note), now)
    }

    /// Decides about the permit of a person.
    pub(crate) fn set_status(&mut self, sample: &Sample, status: Status, now: Timestamp) -> Result<(), Fault> {
        let target = Target::ResidenceCode(sample.residence_code()?);
        let authority = self.competent(sample.division()?)?;
        authority.ledger.set_status(target, status, now).because("the ledger refuses the status")?;
        Ok(())
    }

    /// Signs the first trust list with the root key, and publishes it.
    pub(crate) fn publish_trust_list(&mut self, draft: &Draft, now: Timestamp) -> Result<(), Fault> {
        let roots = RootKeys::new(1, self.roots.iter().map(|root| root.public().cose_key()).collect());
        draft.write("root-thumbprint.txt", format!("{}\n", self.root()?))?;
        self.publish_next(draft, roots.because("the root keys are refused")?, now)
    }

    /// Two more root keys, in other safes; from now on two of the three must sign. The list that says so is signed by the old and the new.
    pub(crate) fn share_the_root(&mut self, draft: &Draft, now: Timestamp) -> Result<(), Fault> {
        self.roots.extend([random_key()?, random_key()?]);
        let roots = RootKeys::new(2, self.roots.iter().map(|root| root.public().cose_key()).collect());
        self.publish_next(draft, roots.because("the root keys are refused")?, now)
    }

    fn publish_next(&mut self, draft: &Draft, roots: RootKeys, now: Timestamp) -> Result<(), Fault> {
        let in_use = self.trust_list.as_ref().map(SignedTrustList::list);
        let needed = usize::try_from(roots.threshold()).because("the threshold is refused")?;
        let list = TrustList {
            version: in_use.map_or(1, |list| list.version + 1),
            issued_at: now,
            expires_at: now.checked_add(TRUST_DAYS * DAY_SECS).because("the trust list would never expire")?,
            roots,
            issuers: self.all.iter().map(|authority| authority.entry.clone()).collect(),
            rules: region::standard_rules(),
        };
        let signers: Vec<&Key> = self.roots.iter().take(needed).collect();
        let signed = trust::sign(&list, in_use.map(Predecessor::from).as_ref(), &signers);
        let signed = signed.because("the trust list is not signed")?;
        draft.write(&format!("published/trust/{}.cose", list.version), signed.bytes())?;
        self.trust_list = Some(signed);
        Ok(())
    }

    /// The trust list as it was published.
    pub(crate) fn trust_list(&self) -> Result<&[u8], Fault> {
        Ok(self.trust_list.as_ref().because("there is no trust list yet")?.bytes())
    }

    /// Signs and publishes every status list of every authority, as the ledgers have it now.
    pub(crate) fn publish_status_lists(&mut self, draft: &Draft, now: Timestamp) -> Result<(), Fault> {
        for authority in &mut self.all {
            for list in authority.ledger.lists().because("the ledger does not answer")? {
                let due = authority.ledger.publish(list, now).because("the ledger publishes nothing")?;
                let period = StatusPeriod::new(due.issued_at, STATUS_EXPIRES_SECS, DAY_SECS)
                    .because("the time of the status list is refused")?;
                let signed = status::sign(due.entries, list, &authority.uri, period, &authority.status_key)
                    .because("the status list is not signed")?;
                let id = authority.entry.id.as_str().to_ascii_lowercase();
                draft.write(&format!("published/status/{id}-{list}.cwt"), signed.bytes())?;
            }
        }
        Ok(())
    }

    fn competent(&mut self, division: Division) -> Result<&mut Authority, Fault> {
        let covers = |authority: &&mut Authority| authority.entry.divisions.iter().any(|p| p.contains(division));
        self.all.iter_mut().find(covers).because("no authority of the story is competent for this address")
    }

    fn key_of(&self, id: &str) -> Result<Key, Fault> {
        let authority = self.all.iter().find(|authority| authority.entry.id.as_str() == id);
        Ok(authority.because(format!("there is no authority {id}"))?.permit_key.clone())
    }
}

impl Authority {
    fn found(draft: &Draft, id: &str, name: &str, divisions: &[&str], begin: Timestamp) -> Result<Authority, Fault> {
        let word = id.to_ascii_lowercase();
        let uri =
            StatusUri::parse(&format!("https://status.example.cn/{word}")).because("the status address is refused")?;
        let (permit_key, voucher_key, status_key) = (random_key()?, random_key()?, random_key()?);
        let prefixes = divisions.iter().map(|prefix| DivisionPrefix::parse(prefix)).collect::<Result<_, _>>();
        let entry = Issuer {
            id: CounterId::parse(id).because("the authority's id is refused")?,
            name: DisplayText::parse(name).because("the authority's name is refused")?,
            divisions: prefixes.because("a division is refused")?,
            keys: vec![
                key_entry(&permit_key, Usage::Permit, begin, false)?,
                key_entry(&voucher_key, Usage::Voucher, begin, false)?,
                key_entry(&status_key, Usage::Status, begin, false)?,
            ],
            status_uri: uri.as_str().to_owned(),
        };
        let path = draft.path().join("ledgers").join(format!("{word}.sqlite3"));
        let ledger = Ledger::open(&path, &dice::roll()?).because("the ledger cannot be made")?;
        Ok(Authority { entry, uri, permit_key, voucher_key, status_key, ledger, ledger_dice: Dice::new(dice::roll()?) })
    }

    fn order(&mut self, request: PermitRequest, bearer: Bearer, now: Timestamp) -> Result<IssuedPermit, Fault> {
        let key = match bearer {
            Bearer::Device(_) => &self.permit_key,
            Bearer::Paper(_) => &self.voucher_key,
        };
        let mut run = self.ledger.begin(None, now).because("the ledger does not answer")?;
        let order = Order { place: 1, request, bearer };
        let results = self.ledger.issue_all(&mut run, &[order], now, key, &mut self.ledger_dice);
        let entry = results.because("the ledger stores no permit")?.pop().because("the ledger gave no result")?;
        Ok(entry.because("the permit is refused")?.permit)
    }
}

/// Signs a permit that stands in no ledger: specimens, forgeries, and what only one scene needs. Its place in the status list is random,
/// and says valid.
pub(crate) fn sign_beside_the_ledger(
    key: &Key,
    request: &PermitRequest,
    phone: &Phone,
    now: Timestamp,
) -> Result<IssuedPermit, Fault> {
    let enrolment = phone.enrol(request.residence_code(), dice::roll()?, now)?;
    let device = Device::enrolled(&enrolment, now).because("the enrolment is not taken")?;
    let [a, b, c] = dice::roll()?;
    let slot = StatusSlot { list: 1, index: u64::from_be_bytes([0, 0, 0, 0, 0, a & 0x0f, b, c]) };
    issuer::issue(request, &device, slot, now, key).because("the permit is not signed")
}

/// An Ed25519 key of the system's random bits.
pub(crate) fn random_key() -> Result<Key, Fault> {
    let secret = SigningKey::from_bytes(&dice::roll()?);
    let public = PublicKey::try_from(&CoseKey::from(secret.verifying_key())).because("the key is unfit")?;
    IssuingKey::new(secret, public).because("the key is unfit")
}

fn key_entry(key: &Key, usage: Usage, begin: Timestamp, specimen: bool) -> Result<IssuerKey, Fault> {
    Ok(IssuerKey {
        key: key.public().cose_key(),
        usages: vec![usage],
        not_before: begin,
        not_after: begin.checked_add(5 * 365 * DAY_SECS).because("the key would never end")?,
        compromised_from: None,
        specimen,
    })
}
