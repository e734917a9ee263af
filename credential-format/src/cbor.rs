//! Strict CBOR (RFC 8949, core deterministic encoding 4.2.1; SPEC section 2).
//!
//! One rule makes it strict: **bytes are accepted only if encoding the parsed value gives the same bytes back.** With it go indefinite
//! lengths, longer-than-needed integers, unordered or repeated keys, trailing bytes and every tag that the type does not write.
//! Before anything is parsed, the shape is walked once without allocation: depth, number of items, and lengths that reach beyond the end.

use alloc::string::String;
use alloc::vec::Vec;

use ciborium::Value;
use minicbor::{Decoder, Encoder};

use crate::limits::{CBOR_DEPTH_MAX, CBOR_ITEMS_MAX};

/// An object with exactly one encoding: how to read it, how to write it, and how large it may be.
pub trait Strict<'b>: Sized {
    /// The most bytes an encoding may have.
    const BYTES_MAX: usize;
    /// The most data items (RFC 8949 section 2) an encoding may have.
    const ITEMS_MAX: usize = CBOR_ITEMS_MAX;

    /// Reads the object; need not check determinism, that is done for it.
    ///
    /// # Errors
    /// What is wrong with the bytes.
    fn read(reader: &mut Reader<'b>) -> Result<Self, Malformed>;

    /// Writes the object, the same bytes every time.
    fn write<W: minicbor::encode::Write>(&self, writer: &mut Writer<W>) -> Result<(), WriteStopped>;
}

/// Reads an object from exactly these bytes.
///
/// # Errors
/// [`Malformed`]: too long, too deep, too many items, a length beyond the end, another shape than the type's, a value out of its
/// bounds, or bytes that are not the deterministic encoding of what they say.
pub fn parse<'b, T: Strict<'b>>(bytes: &'b [u8]) -> Result<T, Malformed> {
    if bytes.len() > T::BYTES_MAX {
        return Err(Malformed::TooLong { bytes: bytes.len(), most: T::BYTES_MAX });
    }
    walk(bytes, T::ITEMS_MAX)?;
    let value = T::read(&mut Reader(Decoder::new(bytes)))?;
    let mut same = Writer(Encoder::new(Compare(bytes)));
    match value.write(&mut same) {
        Ok(()) if same.0.writer().0.is_empty() => Ok(value),
        _ => Err(Malformed::NotDeterministic),
    }
}

/// The object's one encoding.
pub fn to_vec<'b, T: Strict<'b>>(value: &T) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(256);
    // Writing into memory does not stop.
    let _ = value.write(&mut Writer(Encoder::new(&mut bytes)));
    bytes
}

/// Why bytes are not an object of this format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// More bytes than the object may have.
    #[error("{bytes} bytes, at most {most} are allowed")]
    TooLong {
        /// How many there are.
        bytes: usize,
        /// How many there may be.
        most: usize,
    },
    /// Arrays, maps or tags nested deeper than [`CBOR_DEPTH_MAX`].
    #[error("nested deeper than 8 levels")]
    TooDeep,
    /// More data items than the object may have.
    #[error("more than {0} data items")]
    TooManyItems(usize),
    /// A length reaches beyond the last byte.
    #[error("cut short: the item at byte {0} needs more bytes than there are")]
    CutShort(usize),
    /// Bytes after the end.
    #[error("{0} bytes too many after the end")]
    Trailing(usize),
    /// An indefinite length, a reserved head, a float or a simple value at this byte.
    #[error("an encoding that this format does not use, at byte {0}")]
    Encoding(usize),
    /// Not the shape that the object has here.
    #[error("expected {expected} at byte {at}")]
    Shape {
        /// What the format has here.
        expected: &'static str,
        /// Offset in bytes.
        at: usize,
    },
    /// The parsed value has another encoding than these bytes.
    #[error("not the deterministic encoding: an integer too long, keys out of order or a repeated key")]
    NotDeterministic,
    /// A value out of its bounds; `code` names the rule.
    #[error("{field} is not acceptable ({code})")]
    Field {
        /// The field's name in `permit.cddl`.
        field: &'static str,
        /// A stable name of the rule that was broken.
        code: &'static str,
    },
    /// A division code that is not in this version's tables. It may be newer than they are, so that this is no reason to reject.
    #[error("{field} has a division code that this version does not know; update the program")]
    UnknownDivision {
        /// The field's name in `permit.cddl`.
        field: &'static str,
    },
}

impl Malformed {
    /// A stable name of what is wrong: the shape of the bytes, or the rule that a value breaks.
    pub fn code(&self) -> &'static str {
        match self {
            Malformed::TooLong { .. } => "TOO_LONG",
            Malformed::TooDeep => "TOO_DEEP",
            Malformed::TooManyItems(_) => "TOO_MANY_ITEMS",
            Malformed::CutShort(_) => "CUT_SHORT",
            Malformed::Trailing(_) => "TRAILING_BYTES",
            Malformed::Encoding(_) => "ENCODING_UNUSED",
            Malformed::Shape { .. } => "SHAPE",
            Malformed::NotDeterministic => "NOT_DETERMINISTIC",
            Malformed::Field { code, .. } => code,
            Malformed::UnknownDivision { .. } => "DIVISION_UNKNOWN",
        }
    }

    /// For `map_err`: a value of this field breaks the rule `code`.
    pub(crate) fn field(field: &'static str, code: &'static str) -> Malformed {
        Malformed::Field { field, code }
    }
}

/// Walks the items once: heads, lengths and nesting, nothing else. Allocates nothing.
fn walk(bytes: &[u8], items_max: usize) -> Result<(), Malformed> {
    let mut open = [0u64; CBOR_DEPTH_MAX];
    let mut depth = 0usize;
    let mut at = 0usize;
    for _ in 0..items_max {
        let begin = at;
        let (major, argument) = head(bytes, &mut at).ok_or_else(|| match bytes.get(begin) {
            Some(first) if first & 0x1f > 27 => Malformed::Encoding(begin),
            _ => Malformed::CutShort(begin),
        })?;
        let children = match major {
            0 | 1 => 0,
            2 | 3 => {
                let end = usize::try_from(argument).ok().and_then(|len| at.checked_add(len));
                at = end.filter(|end| *end <= bytes.len()).ok_or(Malformed::CutShort(begin))?;
                0
            }
            // Every element takes a byte at least, so that a claimed length can be refused at once.
            4 | 5 => {
                let count = if major == 5 { argument.checked_mul(2) } else { Some(argument) };
                count.filter(|count| *count <= (bytes.len() - at) as u64).ok_or(Malformed::CutShort(begin))?
            }
            6 => 1,
            // false and true: the sign of a compressed point. No floats, no null.
            _ if argument == 20 || argument == 21 => 0,
            _ => return Err(Malformed::Encoding(begin)),
        };
        // An empty array nests as deep as a full one.
        if (4..=6).contains(&major) {
            let level = open.get_mut(depth).ok_or(Malformed::TooDeep)?;
            if children > 0 {
                *level = children;
                depth += 1;
                continue;
            }
        }
        // An item is complete: so may be the arrays around it.
        while let Some(left) = depth.checked_sub(1).and_then(|top| open.get_mut(top)) {
            *left -= 1;
            if *left > 0 {
                break;
            }
            depth -= 1;
        }
        if depth == 0 {
            return if at == bytes.len() { Ok(()) } else { Err(Malformed::Trailing(bytes.len() - at)) };
        }
    }
    Err(Malformed::TooManyItems(items_max))
}

/// One head (RFC 8949 section 3): major type and argument. `None` at the end, for indefinite lengths and reserved values.
fn head(bytes: &[u8], at: &mut usize) -> Option<(u8, u64)> {
    let first = *bytes.get(*at)?;
    let (major, info) = (first >> 5, first & 0x1f);
    *at += 1;
    let width = match info {
        0..=23 => return Some((major, u64::from(info))),
        24 => 1,
        25 => 2,
        26 => 4,
        27 => 8,
        _ => return None,
    };
    let argument = bytes.get(*at..*at + width)?.iter().fold(0u64, |value, byte| value << 8 | u64::from(*byte));
    *at += width;
    // Simple values 0 to 31 in two bytes are not well-formed (RFC 8949 section 3.3); floats have wider arguments.
    if major == 7 { Some((major, u64::MAX)) } else { Some((major, argument)) }
}

/// Reads the items of an object, borrowed from its bytes. Made by [`parse`] only, which has walked the shape before.
pub struct Reader<'b>(Decoder<'b>);

impl<'b> Reader<'b> {
    /// An unsigned integer.
    ///
    /// # Errors
    /// [`Malformed::Shape`].
    pub fn uint(&mut self) -> Result<u64, Malformed> {
        let at = self.0.position();
        self.0.u64().map_err(|_| Malformed::Shape { expected: "an unsigned integer", at })
    }

    /// A signed integer.
    ///
    /// # Errors
    /// [`Malformed::Shape`].
    pub fn int(&mut self) -> Result<i64, Malformed> {
        let at = self.0.position();
        self.0.i64().map_err(|_| Malformed::Shape { expected: "an integer", at })
    }

    /// `false` or `true`.
    ///
    /// # Errors
    /// [`Malformed::Shape`].
    pub fn bool(&mut self) -> Result<bool, Malformed> {
        let at = self.0.position();
        self.0.bool().map_err(|_| Malformed::Shape { expected: "a boolean", at })
    }

    /// A byte string.
    ///
    /// # Errors
    /// [`Malformed::Shape`].
    pub fn bytes(&mut self) -> Result<&'b [u8], Malformed> {
        let at = self.0.position();
        self.0.bytes().map_err(|_| Malformed::Shape { expected: "a byte string", at })
    }

    /// A byte string of this length.
    ///
    /// # Errors
    /// [`Malformed::Shape`].
    pub fn bytes_of<const N: usize>(&mut self, expected: &'static str) -> Result<&'b [u8; N], Malformed> {
        let at = self.0.position();
        self.0.bytes().ok().and_then(|b| b.try_into().ok()).ok_or(Malformed::Shape { expected, at })
    }

    /// A text string of UTF-8.
    ///
    /// # Errors
    /// [`Malformed::Shape`].
    pub fn text(&mut self) -> Result<&'b str, Malformed> {
        let at = self.0.position();
        self.0.str().map_err(|_| Malformed::Shape { expected: "a text of UTF-8", at })
    }

    /// The head of an array; gives its length.
    ///
    /// # Errors
    /// [`Malformed::Shape`].
    pub fn array(&mut self) -> Result<u64, Malformed> {
        let at = self.0.position();
        self.0.array().ok().flatten().ok_or(Malformed::Shape { expected: "an array", at })
    }

    /// The head of an array of this length.
    ///
    /// # Errors
    /// [`Malformed::Shape`].
    pub fn array_of(&mut self, len: u64, expected: &'static str) -> Result<(), Malformed> {
        let at = self.0.position();
        if self.0.array().ok().flatten() == Some(len) { Ok(()) } else { Err(Malformed::Shape { expected, at }) }
    }

    /// The head of a map; gives the number of its pairs.
    ///
    /// # Errors
    /// [`Malformed::Shape`].
    pub fn map(&mut self) -> Result<u64, Malformed> {
        let at = self.0.position();
        self.0.map().ok().flatten().ok_or(Malformed::Shape { expected: "a map", at })
    }

    /// The head of a map with this many pairs.
    ///
    /// # Errors
    /// [`Malformed::Shape`].
    pub fn map_of(&mut self, pairs: u64, expected: &'static str) -> Result<(), Malformed> {
        let at = self.0.position();
        if self.0.map().ok().flatten() == Some(pairs) { Ok(()) } else { Err(Malformed::Shape { expected, at }) }
    }

    /// This key of a map.
    ///
    /// # Errors
    /// [`Malformed::Shape`] when another key, or none, stands here.
    pub fn key(&mut self, key: i64, expected: &'static str) -> Result<(), Malformed> {
        let at = self.0.position();
        if self.0.i64().ok() == Some(key) { Ok(()) } else { Err(Malformed::Shape { expected, at }) }
    }

    /// This key of a map if it stands here: optional pairs come in the order of their keys, so a look at the next key is enough.
    pub fn optional_key(&mut self, key: i64) -> bool {
        let at = self.0.position();
        if self.0.i64().ok() == Some(key) {
            return true;
        }
        self.0.set_position(at);
        false
    }

    /// The empty map of unprotected headers.
    ///
    /// # Errors
    /// [`Malformed::Shape`] when there is a header in it, or something else here.
    pub fn no_unprotected(&mut self) -> Result<(), Malformed> {
        self.map_of(0, "an empty map of unprotected headers")
    }

    /// This tag.
    ///
    /// # Errors
    /// [`Malformed::Shape`].
    pub fn tag(&mut self, tag: u64, expected: &'static str) -> Result<(), Malformed> {
        let at = self.0.position();
        if self.0.tag().ok().map(|t| t.as_u64()) == Some(tag) { Ok(()) } else { Err(Malformed::Shape { expected, at }) }
    }

    /// The bytes of the whole item that stands here, unread.
    ///
    /// # Errors
    /// [`Malformed::Encoding`].
    pub fn raw(&mut self) -> Result<&'b [u8], Malformed> {
        let begin = self.0.position();
        self.0.skip().map_err(|_| Malformed::Encoding(begin))?;
        self.0.input().get(begin..self.0.position()).ok_or(Malformed::CutShort(begin))
    }

    /// Any item, as a tree: what an extension may hold. No tags and no floats.
    ///
    /// # Errors
    /// [`Malformed::Encoding`] for what the format does not use.
    pub fn any(&mut self) -> Result<Value, Malformed> {
        let begin = self.0.position();
        let raw = self.raw()?;
        let value: Value = ciborium::from_reader(raw).map_err(|_| Malformed::Encoding(begin))?;
        canonical(&value).map(|_| value).ok_or(Malformed::Encoding(begin))
    }
}

/// The writer stopped: only the comparison in [`parse`] does, at the first byte that differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriteStopped;

/// Writes the items of an object.
pub struct Writer<W>(Encoder<W>);

impl<W: minicbor::encode::Write> Writer<W> {
    /// An unsigned integer.
    ///
    /// # Errors
    /// None but [`WriteStopped`]; so for all below.
    pub fn uint(&mut self, value: u64) -> Result<&mut Self, WriteStopped> {
        self.0.u64(value).map_err(|_| WriteStopped)?;
        Ok(self)
    }

    /// A signed integer; keys of maps are written with it.
    #[allow(clippy::missing_errors_doc)]
    pub fn int(&mut self, value: i64) -> Result<&mut Self, WriteStopped> {
        self.0.i64(value).map_err(|_| WriteStopped)?;
        Ok(self)
    }

    /// `false` or `true`.
    #[allow(clippy::missing_errors_doc)]
    pub fn bool(&mut self, value: bool) -> Result<&mut Self, WriteStopped> {
        self.0.bool(value).map_err(|_| WriteStopped)?;
        Ok(self)
    }

    /// A byte string.
    #[allow(clippy::missing_errors_doc)]
    pub fn bytes(&mut self, value: &[u8]) -> Result<&mut Self, WriteStopped> {
        self.0.bytes(value).map_err(|_| WriteStopped)?;
        Ok(self)
    }

    /// A text string.
    #[allow(clippy::missing_errors_doc)]
    pub fn text(&mut self, value: &str) -> Result<&mut Self, WriteStopped> {
        self.0.str(value).map_err(|_| WriteStopped)?;
        Ok(self)
    }

    /// The head of an array.
    #[allow(clippy::missing_errors_doc)]
    pub fn array(&mut self, len: usize) -> Result<&mut Self, WriteStopped> {
        self.0.array(len as u64).map_err(|_| WriteStopped)?;
        Ok(self)
    }

    /// The head of a map of this many pairs.
    #[allow(clippy::missing_errors_doc)]
    pub fn map(&mut self, pairs: usize) -> Result<&mut Self, WriteStopped> {
        self.0.map(pairs as u64).map_err(|_| WriteStopped)?;
        Ok(self)
    }

    /// A tag.
    #[allow(clippy::missing_errors_doc)]
    pub fn tag(&mut self, tag: u64) -> Result<&mut Self, WriteStopped> {
        self.0.tag(minicbor::data::Tag::new(tag)).map_err(|_| WriteStopped)?;
        Ok(self)
    }

    /// An item that is encoded already.
    #[allow(clippy::missing_errors_doc)]
    pub fn raw(&mut self, item: &[u8]) -> Result<&mut Self, WriteStopped> {
        self.0.writer_mut().write_all(item).map_err(|_| WriteStopped)?;
        Ok(self)
    }

    /// A tree, in its canonical encoding; stops where it has none.
    #[allow(clippy::missing_errors_doc)]
    pub fn any(&mut self, value: &Value) -> Result<&mut Self, WriteStopped> {
        let bytes = canonical(value).ok_or(WriteStopped)?;
        self.raw(&bytes)
    }
}

/// The deterministic encoding of a tree (RFC 8949 section 4.2.1), `None` if it holds what the format does not use: a float, a tag, a
/// null, a repeated key, a big number, text that is not fit for a screen is *not* looked for here.
pub fn canonical(value: &Value) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    push_canonical(value, &mut bytes, CBOR_DEPTH_MAX)?;
    Some(bytes)
}

/// `depth`: how many levels of arrays and maps may still open.
fn push_canonical(value: &Value, bytes: &mut Vec<u8>, depth: usize) -> Option<()> {
    let mut encoder = Encoder::new(&mut *bytes);
    match value {
        Value::Integer(n) => encoder.int(minicbor::data::Int::try_from(i128::from(*n)).ok()?).ok().map(|_| ()),
        Value::Bytes(b) => encoder.bytes(b).ok().map(|_| ()),
        Value::Text(t) => encoder.str(t).ok().map(|_| ()),
        Value::Bool(b) => encoder.bool(*b).ok().map(|_| ()),
        Value::Array(items) => {
            let depth = depth.checked_sub(1)?;
            encoder.array(items.len() as u64).ok()?;
            items.iter().try_for_each(|item| push_canonical(item, bytes, depth))
        }
        Value::Map(pairs) => {
            let depth = depth.checked_sub(1)?;
            encoder.map(pairs.len() as u64).ok()?;
            let mut encoded = Vec::with_capacity(pairs.len());
            for (key, item) in pairs {
                let mut pair = Vec::new();
                push_canonical(key, &mut pair, depth)?;
                let key_len = pair.len();
                push_canonical(item, &mut pair, depth)?;
                encoded.push((key_len, pair));
            }
            encoded.sort_by(|(a_len, a), (b_len, b)| a.get(..*a_len).cmp(&b.get(..*b_len)));
            let repeated = encoded.windows(2).any(|w| match w {
                [(a_len, a), (b_len, b)] => a.get(..*a_len) == b.get(..*b_len),
                _ => false,
            });
            if repeated {
                return None;
            }
            encoded.iter().for_each(|(_, pair)| bytes.extend_from_slice(pair));
            Some(())
        }
        _ => None,
    }
}

/// A tree in diagnostic notation (RFC 8949 section 8), for people who look into a code. Texts and byte strings are shown whole.
pub fn diagnostic(value: &Value) -> String {
    let mut out = String::new();
    push_diagnostic(value, &mut out);
    out
}

fn push_diagnostic(value: &Value, out: &mut String) {
    use core::fmt::Write;
    let _ = match value {
        Value::Integer(n) => write!(out, "{}", i128::from(*n)),
        Value::Bytes(b) => {
            out.push_str("h'");
            b.iter().for_each(|byte| _ = write!(out, "{byte:02x}"));
            out.write_str("'")
        }
        Value::Text(t) => write!(out, "{t:?}"),
        Value::Bool(b) => write!(out, "{b}"),
        Value::Null => out.write_str("null"),
        Value::Float(f) => write!(out, "{f:?}"),
        Value::Tag(tag, inner) => {
            let _ = write!(out, "{tag}(");
            push_diagnostic(inner, out);
            out.write_str(")")
        }
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { ", " });
                push_diagnostic(item, out);
            }
            out.write_str("]")
        }
        Value::Map(pairs) => {
            out.push('{');
            for (index, (key, item)) in pairs.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { ", " });
                push_diagnostic(key, out);
                out.push_str(": ");
                push_diagnostic(item, out);
            }
            out.write_str("}")
        }
        _ => out.write_str("?"),
    };
}

/// Reads any CBOR of this format as a tree: for tools that look into an object (`inspect`), never for deciding.
///
/// # Errors
/// [`Malformed`], also for what is well-formed but not deterministic.
pub fn read_tree(bytes: &[u8], items_max: usize) -> Result<Value, Malformed> {
    walk(bytes, items_max)?;
    let (tags, inner) = strip_tags(bytes);
    let value: Value = ciborium::from_reader(inner).map_err(|_| Malformed::Encoding(bytes.len() - inner.len()))?;
    match canonical(&value) {
        Some(same) if same == inner => {
            Ok(tags.into_iter().rev().fold(value, |value, tag| Value::Tag(tag, value.into())))
        }
        _ => Err(Malformed::NotDeterministic),
    }
}

/// Tags stand before the object only (18 and 98); inside, none are used.
fn strip_tags(mut bytes: &[u8]) -> (Vec<u64>, &[u8]) {
    let mut tags = Vec::new();
    let mut at = 0;
    while let Some((6, tag)) = head(bytes, &mut at) {
        tags.push(tag);
        bytes = bytes.get(at..).unwrap_or_default();
        at = 0;
    }
    (tags, bytes)
}

/// Compares what is written with what was read, without a copy.
struct Compare<'b>(&'b [u8]);

impl minicbor::encode::Write for Compare<'_> {
    type Error = WriteStopped;

    fn write_all(&mut self, written: &[u8]) -> Result<(), WriteStopped> {
        self.0 = self.0.strip_prefix(written).ok_or(WriteStopped)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    /// `[uint, {1: bstr, ? 2: text}]`
    #[derive(Debug, PartialEq)]
    struct Sample<'b>(u64, &'b [u8], Option<&'b str>);

    impl<'b> Strict<'b> for Sample<'b> {
        const BYTES_MAX: usize = 64;

        fn read(r: &mut Reader<'b>) -> Result<Self, Malformed> {
            r.array_of(2, "an array of two")?;
            let number = r.uint()?;
            let pairs = r.map()?;
            r.key(1, "key 1")?;
            let bytes = r.bytes()?;
            let text = if pairs > 1 && r.optional_key(2) { Some(r.text()?) } else { None };
            Ok(Sample(number, bytes, text))
        }

        fn write<W: minicbor::encode::Write>(&self, w: &mut Writer<W>) -> Result<(), WriteStopped> {
            w.array(2)?.uint(self.0)?.map(1 + usize::from(self.2.is_some()))?.int(1)?.bytes(self.1)?;
            self.2.map_or(Ok(()), |text| w.int(2)?.text(text).map(|_| ()))
        }
    }

    fn read(hex: &str) -> Result<(u64, Vec<u8>), Malformed> {
        let bytes: Vec<u8> =
            (0..hex.len() / 2).map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap()).collect();
        parse::<Sample>(&bytes).map(|s| (s.0, s.1.to_vec()))
    }

    #[test]
    fn only_the_deterministic_encoding_is_read() {
        assert_eq!(read("8205a10141aa"), Ok((5, vec![0xaa])));
        assert_eq!(read("8205a20141aa026161"), Ok((5, vec![0xaa])));
        assert_eq!(read("821805a10141aa"), Err(Malformed::NotDeterministic), "longer integer");
        assert_eq!(read("82190005a10141aa"), Err(Malformed::NotDeterministic));
        assert_eq!(read("9805a1"), Err(Malformed::CutShort(0)));
        assert_eq!(read("980205a10141aa"), Err(Malformed::NotDeterministic), "longer array head");
        assert_eq!(read("8205a1015801aa"), Err(Malformed::NotDeterministic), "longer byte string head");
        assert_eq!(read("8205b8010141aa"), Err(Malformed::NotDeterministic), "longer map head");
        assert_eq!(read("8205a20141aa0141bb"), Err(Malformed::NotDeterministic), "repeated key");
        assert_eq!(read("8205a20261610141aa"), Err(Malformed::Shape { expected: "key 1", at: 3 }), "order");
        assert_eq!(read("9f05a10141aaff"), Err(Malformed::Encoding(0)), "indefinite array");
        assert_eq!(read("8205bf0141aaff"), Err(Malformed::Encoding(2)), "indefinite map");
        assert_eq!(read("8205a1015f41aaff"), Err(Malformed::Encoding(4)), "chunked bytes");
        assert_eq!(read("8205a10141aa00"), Err(Malformed::Trailing(1)));
        assert_eq!(read("82f90000a10141aa"), Err(Malformed::Encoding(1)), "float");
        assert_eq!(read("82f6a10141aa"), Err(Malformed::Encoding(1)), "null");
        assert_eq!(read("82c105a10141aa"), Err(Malformed::Shape { expected: "an unsigned integer", at: 1 }), "tag");
        assert_eq!(read("8220a10141aa"), Err(Malformed::Shape { expected: "an unsigned integer", at: 1 }), "negative");
        assert_eq!(read("8205a20141aa0262ff61"), Err(Malformed::Shape { expected: "a text of UTF-8", at: 7 }));
        assert_eq!(read("8205a20141aa0262c080"), Err(Malformed::Shape { expected: "a text of UTF-8", at: 7 }));
    }

    #[test]
    fn bounds_hold_before_anything_is_parsed() {
        assert_eq!(walk(&[0x9b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], 9), Err(Malformed::CutShort(0)));
        assert_eq!(walk(&[0xbb, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], 9), Err(Malformed::CutShort(0)));
        assert_eq!(walk(&[0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], 9), Err(Malformed::CutShort(0)));
        assert_eq!(walk(&[], 9), Err(Malformed::CutShort(0)));
        let nested = |levels: usize| {
            let mut bytes = vec![0x81; levels];
            bytes.push(0);
            bytes
        };
        assert_eq!(walk(&nested(8), 9), Ok(()));
        assert_eq!(walk(&nested(9), 99), Err(Malformed::TooDeep));
        assert_eq!(walk(&[&[0x81; 7][..], &[0x80]].concat(), 99), Ok(()), "the eighth is empty");
        assert_eq!(walk(&[&[0x81; 8][..], &[0x80]].concat(), 99), Err(Malformed::TooDeep), "the ninth is empty");
        assert_eq!(walk(&[&[0x81; 8][..], &[0xa0]].concat(), 99), Err(Malformed::TooDeep));
        assert_eq!(walk(&nested(1_000_000), 2_000_000), Err(Malformed::TooDeep));
        assert_eq!(walk(&vec![0xc1; 1_000_000], 2_000_000), Err(Malformed::TooDeep), "tags nest as well");
        for reserved in [0x1c, 0x1d, 0x1e, 0x1f] {
            assert_eq!(walk(&[reserved], 9), Err(Malformed::Encoding(0)), "{reserved}");
        }
        for cut in [0x18, 0x19, 0x1a, 0x1b] {
            assert_eq!(walk(&[cut], 9), Err(Malformed::CutShort(0)), "{cut}");
        }
        assert_eq!(walk(&[0x1b, 1, 2, 3, 4, 5, 6, 7, 8], 9), Ok(()));
        assert_eq!(walk(&[0x1b, 1, 2, 3, 4, 5, 6, 7], 9), Err(Malformed::CutShort(0)));
        assert_eq!((walk(&[0xf4], 9), walk(&[0xf5], 9)), (Ok(()), Ok(())), "false and true");
        assert_eq!(walk(&[0xf3], 9), Err(Malformed::Encoding(0)));
        assert_eq!(walk(&[0xf6], 9), Err(Malformed::Encoding(0)));
        assert_eq!(walk(&[1, 2, 3], 9), Err(Malformed::Trailing(2)));
        assert_eq!(walk(&[0x83, 1, 2, 3], 4), Ok(()));
        assert_eq!(walk(&[0x83, 1, 2, 3], 3), Err(Malformed::TooManyItems(3)));
        let long = [[0x82, 5, 0xa1, 1, 0x58, 58].as_slice(), &[0; 58]].concat();
        assert_eq!(parse::<Sample>(&long).map(|s| s.1.len()), Ok(58), "64 bytes are allowed");
        let longer = [[0x82, 5, 0xa1, 1, 0x58, 59].as_slice(), &[0; 59]].concat();
        assert_eq!(parse::<Sample>(&longer), Err(Malformed::TooLong { bytes: 65, most: 64 }));
    }

    #[test]
    fn trees_are_canonical_or_refused() {
        let tree = |bytes: &[u8]| read_tree(bytes, 64);
        assert!(tree(&[&[0x81; 8][..], &[0x00]].concat()).is_ok(), "eight levels");
        assert_eq!(tree(&[&[0x81; 9][..], &[0x00]].concat()), Err(Malformed::TooDeep));
        assert!(tree(&[0xa2, 1, 2, 3, 4]).is_ok());
        assert_eq!(tree(&[0xa2, 3, 4, 1, 2]), Err(Malformed::NotDeterministic));
        assert_eq!(tree(&[0xa2, 1, 2, 1, 2]), Err(Malformed::NotDeterministic));
        assert_eq!(tree(&[0x81, 0xa2, 3, 4, 1, 2]), Err(Malformed::NotDeterministic));
        assert_eq!(tree(&[0x18, 5]), Err(Malformed::NotDeterministic));
        assert_eq!(tree(&[0xf9, 0, 0]), Err(Malformed::Encoding(0)));
        assert_eq!(tree(&[0xf8, 0x14]), Err(Malformed::Encoding(0)));
        let tagged = tree(&[0xd2, 0x81, 0x20]).unwrap();
        assert_eq!(diagnostic(&tagged), "18([-1])");
        assert_eq!(tree(&[0x81, 0xd2, 0x20]), Err(Malformed::NotDeterministic), "no tags inside");
        assert_eq!(tree(&[0xd2, 0xd2, 0x62, 0xc0, 0x80]), Err(Malformed::Encoding(2)), "no UTF-8 in it");
        assert_eq!(canonical(&Value::Null), None);
        assert_eq!(canonical(&Value::from(u64::MAX)).unwrap(), [0x1b, 255, 255, 255, 255, 255, 255, 255, 255]);
    }

    #[test]
    fn diagnostic_notation_shows_every_kind_of_item() {
        let bytes = b"\x86\x18\x64\x20\x42\x0a\xff\x62\"a\xf5\xa2\x01\x80\x02\xf4";
        assert_eq!(diagnostic(&read_tree(bytes, 64).unwrap()), r#"[100, -1, h'0aff', "\"a", true, {1: [], 2: false}]"#);
        // No object holds these; a tree may.
        let others = Value::Array(vec![Value::Null, Value::Float(1.5)]);
        assert_eq!(diagnostic(&others), "[null, 1.5]");
    }
}
