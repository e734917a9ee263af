//! Every bound of the format, each with its reason. SPEC section 9 lists the same numbers.

/// Decimal digits in a code: QR version 40 at level M holds 5,596 in numeric mode; ours never need a quarter of it.
pub const TEXT_DIGITS_MAX: usize = 5_000;

/// Bytes of a presentation, and of a permit alone: the longest sample is 460; 2,048 is 4,974 digits, which still fits one QR code.
pub const PRESENTATION_BYTES_MAX: usize = 2_048;

/// Bytes of a challenge or an enrolment: both are shown on small screens.
pub const SMALL_OBJECT_BYTES_MAX: usize = 512;

/// Bytes of a trust list: a nation of 3,000 issuers with three keys each is about 0.7 MB.
pub const TRUST_LIST_BYTES_MAX: usize = 4_194_304;

/// Nesting of arrays, maps and tags in one CBOR object; an embedded `bstr .cbor` begins again at one.
pub const CBOR_DEPTH_MAX: usize = 8;

/// Data items in a permit, presentation, challenge or enrolment: the fullest permit has 40.
pub const CBOR_ITEMS_MAX: usize = 256;

/// Data items in a trust list.
pub const TRUST_LIST_ITEMS_MAX: usize = 400_000;

/// The highest version of a trust list: one a second for a century. No list, however it came about, can use up the numbers above it.
pub const TRUST_VERSION_MAX: u64 = 4_294_967_295;

/// Bits of a status list entry (four states).
pub const STATUS_BITS: u64 = 2;

/// Entries in one status list: 2^20, so that a list is 262,144 bytes in memory and one person hides among a million.
pub const STATUS_ENTRIES_MAX: u64 = 1 << 20;

/// Bytes of a status list token: an incompressible list of 2^20 entries, and the token around it.
pub const STATUS_TOKEN_BYTES_MAX: usize = 300_000;

/// Root keys in a trust list.
pub const ROOT_KEYS_MAX: usize = 32;

/// Bytes of the text that names a status list (its `sub`).
pub const STATUS_URI_BYTES_MAX: usize = 256;
