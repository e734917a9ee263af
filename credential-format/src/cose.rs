//! COSE_Sign1 and COSE_Sign (RFC 9052 section 4), and the domains that keep one object's signature from serving as another's.
//!
//! ```cddl
//! COSE_Sign1 = [protected: bstr, {}, payload: bstr, signature: bstr .size 64]
//! COSE_Sign  = [h'', {}, payload: bstr, [+ [protected: bstr, {}, signature: bstr .size 64]]]
//! ```

use alloc::vec::Vec;

use minicbor::Encoder;

use crate::cbor::{Malformed, Reader, WriteStopped, Writer};

/// What is signed. Its `external_aad` goes into every signature (SPEC section 3), so that no object can be fed in where another belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Domain {
    /// 居住证凭证
    Permit,
    /// 亮码
    Presentation,
    /// 绑定申请
    Enrolment,
    /// 信任名单
    TrustList,
    /// 状态名单: its own specification wants an empty external_aad; its `typ` header tells it apart.
    StatusList,
}

impl Domain {
    /// The external_aad of RFC 9052 section 4.3.
    pub fn external_aad(self) -> &'static [u8] {
        match self {
            Domain::Permit => b"juma/1/permit",
            Domain::Presentation => b"juma/1/presentation",
            Domain::Enrolment => b"juma/1/enrolment",
            Domain::TrustList => b"juma/1/trust-list",
            Domain::StatusList => b"",
        }
    }
}

/// The parts of a COSE_Sign1, borrowed from its bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Sign1<'b> {
    /// The protected headers, encoded.
    pub protected: &'b [u8],
    /// The payload, encoded.
    pub payload: &'b [u8],
    /// The signature.
    pub signature: &'b [u8; 64],
}

impl<'b> Sign1<'b> {
    pub(crate) fn read(reader: &mut Reader<'b>) -> Result<Self, Malformed> {
        reader.array_of(4, "a COSE_Sign1 of four elements")?;
        let protected = reader.bytes()?;
        reader.no_unprotected()?;
        let payload = reader.bytes()?;
        let signature = reader.bytes_of("a signature of 64 bytes")?;
        Ok(Sign1 { protected, payload, signature })
    }

    pub(crate) fn write<W: minicbor::encode::Write>(&self, writer: &mut Writer<W>) -> Result<(), WriteStopped> {
        writer.array(4)?.bytes(self.protected)?.map(0)?.bytes(self.payload)?.bytes(self.signature)?;
        Ok(())
    }

    /// The bytes that were signed: over the received bytes, never over a re-encoding.
    pub fn message(&self, domain: Domain) -> Vec<u8> {
        sign1_message(domain, self.protected, self.payload)
    }
}

/// `Sig_structure` of a COSE_Sign1 (RFC 9052 section 4.4): `["Signature1", protected, external_aad, payload]`.
fn sign1_message(domain: Domain, protected: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut message = Vec::with_capacity(48 + protected.len() + payload.len());
    // Writing into memory does not fail.
    let _ = Encoder::new(&mut message)
        .array(4)
        .and_then(|w| w.str("Signature1")?.bytes(protected)?.bytes(domain.external_aad())?.bytes(payload).map(|_| ()));
    message
}

/// `Sig_structure` of one signer of a COSE_Sign: `["Signature", body protected, sign protected, external_aad, payload]`.
pub(crate) fn sign_message(domain: Domain, sign_protected: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut message = Vec::with_capacity(48 + sign_protected.len() + payload.len());
    let _ = Encoder::new(&mut message).array(5).and_then(|w| {
        w.str("Signature")?.bytes(&[])?.bytes(sign_protected)?.bytes(domain.external_aad())?.bytes(payload).map(|_| ())
    });
    message
}

/// An object that is complete but for its signature: sign [`message`](ToSign::message), then [`finish`](ToSign::finish).
///
/// No key comes near this crate: a file, a hardware module or a phone's secure element makes the signature.
#[derive(Clone)]
pub struct ToSign {
    tag: Option<u64>,
    protected: Vec<u8>,
    payload: Vec<u8>,
    message: Vec<u8>,
}

impl ToSign {
    pub(crate) fn new(domain: Domain, tag: Option<u64>, protected: Vec<u8>, payload: Vec<u8>) -> ToSign {
        let message = sign1_message(domain, &protected, &payload);
        ToSign { tag, protected, payload, message }
    }

    /// The bytes to sign.
    pub fn message(&self) -> &[u8] {
        &self.message
    }

    /// The whole object. Whether the signature is right is for the caller to check before anything leaves.
    pub fn finish(&self, signature: &[u8; 64]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(80 + self.protected.len() + self.payload.len());
        let mut writer = Encoder::new(&mut bytes);
        if let Some(tag) = self.tag {
            let _ = writer.tag(minicbor::data::Tag::new(tag));
        }
        let _ = writer
            .array(4)
            .and_then(|w| w.bytes(&self.protected)?.map(0)?.bytes(&self.payload)?.bytes(signature).map(|_| ()));
        bytes
    }
}
