//! The authorities of the story: their keys, their ledgers, their lists.

use std::path::Path;

use credential_format::key::{CoseKey, PublicKey, Thumbprint};
use credential_format::permit::StatusSlot;
use credential_format::region;
use credential_format::status_list::Status;
use credential_format::timestamp::Timestamp;
use credential_format::trust_list::{Issuer, IssuerKey, RootKeys, TrustList, Usage};
use ed25519_dalek::SigningKey;
use issuer::status::{self, StatusPeriod, StatusUri};
use issuer::{Device, IssuedPermit, IssuingKey, PermitRequest, trust};

use crate::dice;
use crate::fault::{Because, Fault};
use crate::folder::Draft;

pub(crate) type Key = IssuingKey<SigningKey>;
