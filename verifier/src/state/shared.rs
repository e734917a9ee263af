//! The guard that this counter was told to share with others.

use credential_format::counter_id::CounterId;
use credential_format::timestamp::Timestamp;

use super::settings::GuardAddress;
use crate::hall::SharedGuard;
#[cfg(feature = "redis")]
use crate::redis_guard::{RedisAddress, RedisGuard};
use crate::replay::{GuardUnavailable, Sighting};

/// A counter that was told to share a guard never goes on as if it had not been told.
pub(super) enum Shared {
    #[cfg(feature = "redis")]
    Redis(Box<RedisGuard>),
    /// The address is none, or this program was built without the guard.
    Unusable,
}

impl Shared {
    pub(super) fn at(address: &GuardAddress, counter: &CounterId) -> Shared {
        #[cfg(feature = "redis")]
        if let Ok(address) = RedisAddress::parse(&address.0) {
            return Shared::Redis(Box::new(RedisGuard::new(address, counter.clone())));
        }
        let _ = (address, counter);
        Shared::Unusable
    }

    /// Code, English sentence with what to do, Chinese sentence.
    pub(super) fn trouble(&self) -> Option<(&'static str, String, String)> {
        match self {
            #[cfg(feature = "redis")]
            Shared::Redis(guard) => {
                guard.trouble().map(|trouble| (trouble.code(), format!("{trouble}; {}", trouble.remedy()), trouble.zh()))
            }
            Shared::Unusable => Some((
                "GUARD_UNUSABLE",
                "this program cannot use the guard that is set; set it again with verifier policy, or use a program built with the feature redis".into(),
                "本程序无法使用已设置的共用查重服务器，请用 verifier policy 重新设置，或换用带 redis 功能的程序".into(),
            )),
        }
    }
}

impl SharedGuard for Shared {
    fn first(&mut self, sighting: &Sighting, now: Timestamp) -> Result<bool, GuardUnavailable> {
        match self {
            #[cfg(feature = "redis")]
            Shared::Redis(guard) => guard.first(sighting, now),
            Shared::Unusable => {
                let _ = (sighting, now);
                Err(GuardUnavailable)
            }
        }
    }
}
