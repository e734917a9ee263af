//! Keys that are reached over a network, such as a key management service: the same steps as elsewhere, with a wait in the middle.
//!
//! ```
//! # use credential_format::key::{CoseKey, PublicKey};
//! # use ed25519_dalek::{Signer as _, SigningKey};
//! use issuer::remote::{RemoteError, RemoteSigner};
//!
//! /// A key in the service of some maker.
//! struct Service {
//!     # key: SigningKey,
//!     public: PublicKey,
//! }
//!
//! impl RemoteSigner for Service {
//!     fn public_key(&self) -> PublicKey {
//!         self.public
//!     }
//!
//!     async fn sign(&self, message: &[u8]) -> Result<[u8; 64], RemoteError> {
//!         // Here the service is asked for an Ed25519 signature (RFC 8032, the message not hashed before), under a time limit.
//!         # let response: Result<[u8; 64], std::io::Error> = Ok(self.key.sign(message).to_bytes());
//!         response.map_err(RemoteError::new)
//!     }
//! }
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let key = SigningKey::from_bytes(&[1; 32]);
//! # let public = PublicKey::try_from(&CoseKey::from(key.verifying_key()))?;
//! # let service = Service { key, public };
//!
//! // In a program without an executor, for the ledger and for batches:
//! let key = issuer::remote::Blocking::new(service, |signing| pollster::block_on(signing)).issuing_key()?;
//! # assert_eq!(key.kid(), public.kid());
//! # Ok(())
//! # }
//! ```
//!
//! Whatever the service answers is checked like the answer of any other signer: [`UnsignedPermit::finish`] verifies the signature with the
//! public key that [`RemoteSigner::public_key`] named, and reads the permit back, before anything is returned.
//!
//! **The message goes to the service whole**, and holds the holder's name, citizen ID number and addresses: Ed25519 cannot sign a digest.
//! Who runs the service can read it.
//!
//! **Time limits are the caller's.** Nothing here has a clock: a signature that never comes is waited for until the future is dropped. Put a
//! limit of a few seconds around the request, or around the whole call (dropping it leaves nothing behind). Through [`Blocking`] a limit
//! is a must, since the ledger holds its file while it signs: nobody else issues, sets a status or halts issuing in the meantime.

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use credential_format::key::PublicKey;
use credential_format::permit::{StatusSlot, VoucherNote};
use credential_format::status_list::Status;
use credential_format::timestamp::Timestamp;
use ed25519_dalek::Signature;
use signature::Signer;

use crate::issue::{Device, IssueError, IssuedPermit, IssuingKey, NotEd25519, UnsignedPermit};
use crate::request::PermitRequest;
use crate::status::{PublishedStatusList, StatusError, StatusPeriod, StatusUri, UnsignedStatusList};

/// An Ed25519 key that is asked for signatures over a network.
///
/// Implementations may write `async fn sign`. The future must be `Send`, so that a server can move the work between its threads; the trait
/// says so itself, because a bound on an `async fn` of a trait cannot be added by who calls it.
pub trait RemoteSigner: Sync {
    /// The public half, as the caller knows it: from its own configuration or the trust list, not from the answer of the moment.
    fn public_key(&self) -> PublicKey;

    /// Signs this message with Ed25519 (RFC 8032), not hashed before.
    fn sign(&self, message: &[u8]) -> impl Future<Output = Result<[u8; 64], RemoteError>> + Send;
}

/// [`issue()`](crate::issue()), with a key that is elsewhere.
///
/// # Errors
/// [`RemoteIssueError`].
pub async fn issue_remote<R: RemoteSigner>(
    request: &PermitRequest,
    device: &Device,
    slot: StatusSlot,
    now: Timestamp,
    key: &R,
) -> Result<IssuedPermit, RemoteIssueError> {
    finish(UnsignedPermit::prepare(request, device, slot, now, &key.public_key())?, key).await
}

/// [`voucher`](crate::voucher), with a key that is elsewhere.
///
/// # Errors
/// [`RemoteIssueError`].
pub async fn voucher_remote<R: RemoteSigner>(
    request: &PermitRequest,
    note: &VoucherNote,
    slot: StatusSlot,
    now: Timestamp,
    key: &R,
) -> Result<IssuedPermit, RemoteIssueError> {
    finish(UnsignedPermit::prepare_voucher(request, note, slot, now, &key.public_key())?, key).await
}

async fn finish<R: RemoteSigner>(unsigned: UnsignedPermit, key: &R) -> Result<IssuedPermit, RemoteIssueError> {
    let signature = key.sign(unsigned.message()).await?;
    Ok(unsigned.finish(&signature)?)
}

/// [`status::sign`](crate::status::sign), with a key that is elsewhere.
///
/// # Errors
/// [`RemoteStatusError`].
pub async fn sign_status_list_remote<R: RemoteSigner>(
    entries: impl IntoIterator<Item = (u64, Status)>,
    list: u64,
    uri: &StatusUri,
    period: StatusPeriod,
    key: &R,
) -> Result<PublishedStatusList, RemoteStatusError> {
    let unsigned = UnsignedStatusList::prepare(entries, list, uri, period, &key.public_key())?;
    let signature = key.sign(unsigned.message()).await?;
    Ok(unsigned.finish(&signature)?)
}

/// A remote signer for callers that wait: the [ledger](crate::ledger), [`bulk`](crate::bulk), a trust list.
///
/// `F` runs a future to its end: `|signing| pollster::block_on(signing)` or the like. Not to be used on a thread that drives an executor.
pub struct Blocking<R, F> {
    signer: R,
    block_on: F,
}

/// The future of one signature, as [`Blocking`] hands it to its executor.
pub type Signing<'s> = Pin<Box<dyn Future<Output = Result<[u8; 64], RemoteError>> + Send + 's>>;

impl<R, F> Blocking<R, F>
where
    R: RemoteSigner,
    F: Fn(Signing<'_>) -> Result<[u8; 64], RemoteError>,
{
    /// Puts the two together.
    pub fn new(signer: R, block_on: F) -> Blocking<R, F> {
        Blocking { signer, block_on }
    }

    /// As the key of an issuer. Each signature is verified before anything leaves.
    ///
    /// # Errors
    /// [`NotEd25519`].
    pub fn issuing_key(self) -> Result<IssuingKey<Blocking<R, F>>, NotEd25519> {
        let public = self.signer.public_key();
        IssuingKey::new(self, public)
    }
}

impl<R, F> Signer<Signature> for Blocking<R, F>
where
    R: RemoteSigner,
    F: Fn(Signing<'_>) -> Result<[u8; 64], RemoteError>,
{
    fn try_sign(&self, message: &[u8]) -> Result<Signature, signature::Error> {
        let signature = (self.block_on)(Box::pin(self.signer.sign(message)));
        signature.map(|bytes| Signature::from_bytes(&bytes)).map_err(|_| signature::Error::new())
    }
}

impl<R, F> fmt::Debug for Blocking<R, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Blocking(***)")
    }
}

/// No signature came. What the service said is in [`source`](std::error::Error::source); it may repeat parts of the message, so that it
/// stands in neither `Display` nor `Debug`.
#[derive(thiserror::Error)]
#[error("the remote signing key gave no signature; check the connection and the key's service, then try again")]
pub struct RemoteError(#[source] Box<dyn std::error::Error + Send + Sync>);

impl RemoteError {
    /// For this reason.
    pub fn new(reason: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> RemoteError {
        RemoteError(reason.into())
    }

    /// A stable name of the error.
    pub fn code(&self) -> &'static str {
        "REMOTE_SIGNER_FAILED"
    }

    /// The refusal in Chinese.
    pub fn zh(&self) -> &'static str {
        "远程签名密钥未给出签名，请检查网络和密钥服务后重试"
    }
}

impl fmt::Debug for RemoteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RemoteError(***)")
    }
}

/// Why a permit was not issued with a remote key.
#[derive(Debug, thiserror::Error)]
pub enum RemoteIssueError {
    /// No signature came.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// The values do not go together, or the signature is wrong.
    #[error(transparent)]
    Issue(#[from] IssueError),
}

impl RemoteIssueError {
    /// A stable name of the error.
    pub fn code(&self) -> &'static str {
        match self {
            RemoteIssueError::Remote(error) => error.code(),
            RemoteIssueError::Issue(error) => error.code(),
        }
    }

    /// The refusal in Chinese.
    pub fn zh(&self) -> String {
        match self {
            RemoteIssueError::Remote(error) => error.zh().into(),
            RemoteIssueError::Issue(error) => error.zh(),
        }
    }
}

/// Why a status list was not signed with a remote key.
#[derive(Debug, thiserror::Error)]
pub enum RemoteStatusError {
    /// No signature came.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// The list cannot be made, or the signature is wrong.
    #[error(transparent)]
    Status(#[from] StatusError),
}

impl RemoteStatusError {
    /// A stable name of the error.
    pub fn code(&self) -> &'static str {
        match self {
            RemoteStatusError::Remote(error) => error.code(),
            RemoteStatusError::Status(error) => error.code(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;
    use std::task::Poll;

    use credential_format::display_text::DisplayText;
    use ed25519_dalek::SigningKey;
    use pollster::block_on;

    use super::*;
    use crate::bulk::{self, Bearer, Job};
    use crate::issue::tests::{SLOT, device, key, now};
    use crate::request::tests::{sample, today};

    /// A service that answers at the second look, in one of several ways.
    struct Service {
        public: PublicKey,
        answer: Answer,
    }

    #[derive(Clone, Copy)]
    enum Answer {
        SignedWith(u8),
        Flipped,
        Failed,
    }

    fn service(answer: Answer) -> Service {
        Service { public: *key(1).public(), answer }
    }

    impl RemoteSigner for Service {
        fn public_key(&self) -> PublicKey {
            self.public
        }

        async fn sign(&self, message: &[u8]) -> Result<[u8; 64], RemoteError> {
            let mut asked = false;
            std::future::poll_fn(|context| {
                if std::mem::replace(&mut asked, true) {
                    return Poll::Ready(());
                }
                context.waker().wake_by_ref();
                Poll::Pending
            })
            .await;
            let sign = |seed: u8| SigningKey::from_bytes(&[seed; 32]).sign(message).to_bytes();
            match self.answer {
                Answer::SignedWith(seed) => Ok(sign(seed)),
                Answer::Flipped => {
                    let mut signature = sign(1);
                    signature[40] ^= 1;
                    Ok(signature)
                }
                Answer::Failed => Err(RemoteError::new("403 for 欧阳示范")),
            }
        }
    }

    fn note() -> VoucherNote {
        VoucherNote { serial: DisplayText::parse("TH-1").unwrap(), place: DisplayText::parse("受理点").unwrap() }
    }

    #[test]
    fn the_right_signature_gives_the_same_permit_as_a_key_here() {
        let request = sample().check(today()).unwrap();
        let right = service(Answer::SignedWith(1));
        let permit = block_on(issue_remote(&request, &device(9), SLOT, now(), &right)).unwrap();
        assert!(permit == crate::issue(&request, &device(9), SLOT, now(), &key(1)).unwrap());
        let paper = block_on(voucher_remote(&request, &note(), SLOT, now(), &right)).unwrap();
        assert!(paper == crate::voucher(&request, &note(), SLOT, now(), &key(1)).unwrap());
    }

    #[test]
    fn no_wrong_signature_is_released() {
        let request = sample().check(today()).unwrap();
        let code = |answer| {
            let service = service(answer);
            let issued = block_on(issue_remote(&request, &device(9), SLOT, now(), &service)).map_err(|e| e.code());
            let paper = block_on(voucher_remote(&request, &note(), SLOT, now(), &service)).map_err(|e| e.code());
            assert_eq!(issued.as_ref().err(), paper.as_ref().err());
            issued.err()
        };
        assert_eq!(code(Answer::SignedWith(1)), None);
        assert_eq!(code(Answer::SignedWith(2)), Some("SIGNATURE_REFUSED"));
        assert_eq!(code(Answer::Flipped), Some("SIGNATURE_REFUSED"));
        assert_eq!(code(Answer::Failed), Some("REMOTE_SIGNER_FAILED"));
    }

    #[test]
    fn status_lists_too() {
        let uri = StatusUri::parse("https://status.example.cn/tianhe").unwrap();
        let period = StatusPeriod::new(now(), 86_400, 3_600).unwrap();
        let sign = |answer| {
            let service = service(answer);
            let list = sign_status_list_remote([(7, Status::Cancelled)], 1, &uri, period, &service);
            block_on(list).map(|list| list.bytes().to_vec()).map_err(|error| error.code())
        };
        let here = crate::status::sign([(7, Status::Cancelled)], 1, &uri, period, &key(1)).unwrap();
        assert_eq!(sign(Answer::SignedWith(1)).as_deref(), Ok(here.bytes()));
        assert_eq!(sign(Answer::SignedWith(2)), Err("SIGNATURE_REFUSED"));
        assert_eq!(sign(Answer::Flipped), Err("SIGNATURE_REFUSED"));
        assert_eq!(sign(Answer::Failed), Err("REMOTE_SIGNER_FAILED"));
    }

    #[test]
    fn who_waits_signs_batches_with_it() {
        let request = sample().check(today()).unwrap();
        let codes = |answer| {
            let key = Blocking::new(service(answer), |signing| block_on(signing)).issuing_key().unwrap();
            let jobs = (0..20).map(|index| Job {
                request: request.clone(),
                bearer: Bearer::Device(device(9)),
                slot: StatusSlot { list: 1, index },
            });
            let mut codes = Vec::new();
            bulk::issue_all(jobs, now(), &key, |_, permit| -> Result<(), ()> {
                codes.push(permit.map_or_else(|error| error.code(), |_| "OK"));
                Ok(())
            })
            .unwrap();
            codes
        };
        assert_eq!(codes(Answer::SignedWith(1)), ["OK"; 20]);
        assert_eq!(codes(Answer::SignedWith(2)), ["SIGNATURE_REFUSED"; 20]);
        assert_eq!(codes(Answer::Failed), ["SIGNER_FAILED"; 20]);
    }

    #[test]
    fn a_call_that_is_given_up_leaves_nothing_and_can_be_made_on_any_thread() {
        fn is_send<T: Send>(value: T) -> T {
            value
        }
        let request = sample().check(today()).unwrap();
        let device = device(9);
        let right = service(Answer::SignedWith(1));
        let mut call = std::pin::pin!(is_send(issue_remote(&request, &device, SLOT, now(), &right)));
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(call.as_mut().poll(&mut context).is_pending());
    }

    #[test]
    fn what_the_service_said_is_at_hand_but_not_printed() {
        let error = RemoteError::new("403 for 欧阳示范");
        assert!(!format!("{error} {error:?} {:?}", RemoteIssueError::from(RemoteError::new("欧阳"))).contains("欧阳"));
        assert_eq!(error.source().unwrap().to_string(), "403 for 欧阳示范");
    }
}
