//! Trust lists and status lists.

use std::io::Read as _;

use credential_format::limits::STATUS_ENTRIES_MAX;
use credential_format::status_list::{Status, StatusListDraft, StatusListError, StatusListHead, UnverifiedStatusList};
use credential_format::trust_list::UnverifiedTrustList;
use verifier::status::TrustedStatusList;
use verifier::trust::TrustedList;

use crate::samples;
use crate::seeds;

/// Only the list that the root signed is trusted, and it is trusted whole.
pub(crate) fn trust_list(bytes: &[u8]) {
    if let Ok(list) = UnverifiedTrustList::parse(bytes) {
        let content = list.unverified_list();
        if content.check().is_ok() {
            content.to_sign().expect("a consistent list cannot be signed");
        }
    }
    let signed = seeds::trust();
    let root = samples::root();
    for result in [
        TrustedList::first(bytes, &root, samples::now()).map(Some),
        TrustedList::next(bytes, signed, samples::now()),
        TrustedList::reload(bytes).map(|list| (list.list().roots == signed.list().roots).then_some(list)),
    ] {
        match result {
            Ok(Some(list)) => {
                assert_eq!((list.bytes(), bytes), (signed.bytes(), signed.bytes()), "another list is trusted")
            }
            Ok(None) => {}
            Err(refusal) => assert!(refusal.code().starts_with("TRUST_") && !refusal.zh().is_ascii()),
        }
    }
}

/// Only a list that the issuer signed is taken.
pub(crate) fn status_list(bytes: &[u8]) {
    if let Ok(token) = UnverifiedStatusList::parse(bytes) {
        let _ = format!("{:?}", token.unverified_head());
    }
    match TrustedStatusList::check(bytes, seeds::trust()) {
        Ok(list) => {
            assert!(seeds::status_lists().iter().any(|signed| signed == bytes), "another list is trusted");
            assert!(list.list().len() <= STATUS_ENTRIES_MAX);
            assert_eq!(list.list().get(list.list().len()), None);
        }
        Err(refusal) => assert!(refusal.code().starts_with("STATUS_") && !refusal.zh().is_ascii()),
    }
}

/// A stream that is taken is whole, as another inflater sees it, and no larger than a list may be.
pub(crate) fn inflate(bytes: &[u8]) {
    let most = usize::try_from(STATUS_ENTRIES_MAX / 4).expect("64 bits");
    let mut inflated = Vec::new();
    let mut stream = flate2::bufread::ZlibDecoder::new(bytes);
    let is_whole = stream.by_ref().take(most as u64 + 1).read_to_end(&mut inflated).is_ok()
        && stream.total_in() == bytes.len() as u64
        && inflated.len() <= most;
    let mut draft = StatusListDraft::new(inflated.len().min(most) as u64 * 4);
    for (place, byte) in inflated.iter().take(most).enumerate() {
        for quarter in 0..4 {
            assert!(draft.set(place as u64 * 4 + quarter, Status::from_bits(byte >> (2 * quarter))));
        }
    }
    assert_eq!(draft.bytes(), &inflated[..inflated.len().min(most)]);
    let head = StatusListHead {
        subject: format!("{}/1", samples::STATUS_URI),
        issued_at: samples::issued_at(),
        expires_at: None,
        ttl_secs: None,
    };
    match draft.to_sign_compressed(bytes, &head, &samples::public(&samples::issuing_secret())) {
        Ok(_) => assert!(is_whole, "another inflater does not take this stream"),
        Err(error) => assert!(matches!(error, StatusListError::Zlib | StatusListError::TooLarge), "{error}"),
    }
}
