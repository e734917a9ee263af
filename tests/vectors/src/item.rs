//! CBOR items that can be written in any way, also in wrong ones: an encoder of its own, beside the one under test.

/// A CBOR data item. Written in the shortest form, in the order given; [`Item::Raw`] stands for any bytes at all.
#[derive(Clone, Debug, PartialEq)]
pub enum Item {
    /// Major type 0.
    Uint(u64),
    /// Major type 1: -1 less this number.
    Negative(u64),
    /// Major type 2.
    Bytes(Vec<u8>),
    /// Major type 3.
    Text(String),
    /// Major type 4.
    Array(Vec<Item>),
    /// Major type 5, the pairs as they stand: neither sorted nor distinct unless the caller sees to it.
    Map(Vec<(Item, Item)>),
    /// Major type 6.
    Tag(u64, Box<Item>),
    /// false and true.
    Bool(bool),
    /// These bytes, whatever they are.
    Raw(Vec<u8>),
}

impl Item {
    /// A text.
    pub fn text(text: &str) -> Item {
        Item::Text(text.into())
    }

    /// A byte string.
    pub fn bytes(bytes: &[u8]) -> Item {
        Item::Bytes(bytes.into())
    }

    /// Any bytes, written in hex.
    pub fn raw(hex: &str) -> Item {
        Item::Raw(hex::decode(hex).expect("hex"))
    }

    /// A signed integer.
    pub fn int(value: i64) -> Item {
        if value < 0 { Item::Negative(!value as u64) } else { Item::Uint(value as u64) }
    }

    /// A map with integer keys.
    pub fn map<const N: usize>(pairs: [(i64, Item); N]) -> Item {
        Item::Map(pairs.into_iter().map(|(key, value)| (Item::int(key), value)).collect())
    }

    /// An array.
    pub fn array<const N: usize>(items: [Item; N]) -> Item {
        Item::Array(items.into())
    }

    /// A byte string that holds an item.
    pub fn embedded(item: &Item) -> Item {
        Item::Bytes(item.encode())
    }

    /// The item's bytes.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.push(&mut out);
        out
    }

    /// The value of this key in a map.
    pub fn entry(&mut self, key: i64) -> &mut Item {
        let Item::Map(pairs) = self else { panic!("not a map") };
        let key = Item::int(key);
        pairs.iter_mut().find(|(k, _)| *k == key).map(|(_, value)| value).expect("such a key")
    }

    /// The element at this place of an array.
    pub fn element(&mut self, place: usize) -> &mut Item {
        let Item::Array(items) = self else { panic!("not an array") };
        items.get_mut(place).expect("such an element")
    }

    /// The elements of an array.
    pub fn elements(&mut self) -> &mut Vec<Item> {
        let Item::Array(items) = self else { panic!("not an array") };
        items
    }

    /// The pairs of a map.
    pub fn pairs(&mut self) -> &mut Vec<(Item, Item)> {
        let Item::Map(pairs) = self else { panic!("not a map") };
        pairs
    }

    /// Puts another item in this one's place.
    pub fn set(&mut self, item: Item) {
        *self = item;
    }

    /// Takes a key out of a map.
    pub fn remove(&mut self, key: i64) {
        let key = Item::int(key);
        self.pairs().retain(|(k, _)| *k != key);
    }

    /// Puts a pair into a map, at the place that the deterministic order wants.
    pub fn insert(&mut self, key: i64, value: Item) {
        let encoded = Item::int(key).encode();
        let pairs = self.pairs();
        let place = pairs.iter().position(|(k, _)| k.encode() > encoded).unwrap_or(pairs.len());
        pairs.insert(place, (Item::int(key), value));
    }

    /// The same item with an integer or a length written with this many bytes (1, 2, 4, 8) more than its first, whether needed or not.
    pub fn widened(&self, width: usize) -> Item {
        let (major, argument, rest) = match self {
            Item::Uint(n) => (0, *n, Vec::new()),
            Item::Negative(n) => (1, *n, Vec::new()),
            Item::Bytes(b) => (2, b.len() as u64, b.clone()),
            Item::Text(t) => (3, t.len() as u64, t.clone().into_bytes()),
            Item::Array(items) => (4, items.len() as u64, items.iter().flat_map(Item::encode).collect()),
            Item::Map(pairs) => {
                (5, pairs.len() as u64, pairs.iter().flat_map(|(k, v)| [k.encode(), v.encode()].concat()).collect())
            }
            Item::Tag(tag, item) => (6, *tag, item.encode()),
            Item::Bool(_) | Item::Raw(_) => panic!("nothing to widen"),
        };
        let info = match width {
            1 => 24,
            2 => 25,
            4 => 26,
            8 => 27,
            _ => panic!("no such width"),
        };
        let mut bytes = vec![major << 5 | info];
        bytes.extend_from_slice(&argument.to_be_bytes()[8 - width..]);
        bytes.extend(rest);
        Item::Raw(bytes)
    }

    /// The same string, array or map with an indefinite length.
    pub fn indefinite(&self) -> Item {
        let (first, rest): (u8, Vec<u8>) = match self {
            // One chunk.
            Item::Bytes(_) => (0x5f, self.encode()),
            Item::Text(_) => (0x7f, self.encode()),
            Item::Array(items) => (0x9f, items.iter().flat_map(Item::encode).collect()),
            Item::Map(pairs) => (0xbf, pairs.iter().flat_map(|(k, v)| [k.encode(), v.encode()].concat()).collect()),
            _ => panic!("nothing that has a length"),
        };
        Item::Raw([vec![first], rest, vec![0xff]].concat())
    }

    fn push(&self, out: &mut Vec<u8>) {
        match self {
            Item::Uint(n) => push_head(0, *n, out),
            Item::Negative(n) => push_head(1, *n, out),
            Item::Bytes(b) => {
                push_head(2, b.len() as u64, out);
                out.extend_from_slice(b);
            }
            Item::Text(t) => {
                push_head(3, t.len() as u64, out);
                out.extend_from_slice(t.as_bytes());
            }
            Item::Array(items) => {
                push_head(4, items.len() as u64, out);
                items.iter().for_each(|item| item.push(out));
            }
            Item::Map(pairs) => {
                push_head(5, pairs.len() as u64, out);
                for (key, value) in pairs {
                    key.push(out);
                    value.push(out);
                }
            }
            Item::Tag(tag, item) => {
                push_head(6, *tag, out);
                item.push(out);
            }
            Item::Bool(value) => out.push(0xf4 + u8::from(*value)),
            Item::Raw(bytes) => out.extend_from_slice(bytes),
        }
    }
}

/// The shortest head (RFC 8949 section 4.2.1).
fn push_head(major: u8, argument: u64, out: &mut Vec<u8>) {
    let width = match argument {
        0..=23 => {
            out.push(major << 5 | argument as u8);
            return;
        }
        24..=0xff => 1,
        0x100..=0xffff => 2,
        0x1_0000..=0xffff_ffff => 4,
        _ => 8,
    };
    out.push(major << 5 | (24 + [1, 2, 4, 8].iter().position(|w| *w == width).expect("a width") as u8));
    out.extend_from_slice(&argument.to_be_bytes()[8 - width..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8949 appendix A.
    #[test]
    fn published_encodings() {
        let samples = [
            (Item::Uint(23), "17"),
            (Item::Uint(24), "1818"),
            (Item::Uint(1000), "1903e8"),
            (Item::Uint(1_000_000), "1a000f4240"),
            (Item::Uint(u64::MAX), "1bffffffffffffffff"),
            (Item::int(-1), "20"),
            (Item::int(-1000), "3903e7"),
            (Item::bytes(&[1, 2, 3, 4]), "4401020304"),
            (Item::text("水"), "63e6b0b4"),
            (Item::array([Item::Uint(1), Item::array([Item::Uint(2), Item::Uint(3)])]), "8201820203"),
            (Item::map([(1, Item::Uint(2)), (3, Item::Uint(4))]), "a201020304"),
            (Item::Tag(32, Box::new(Item::text("a"))), "d8206161"),
            (Item::Bool(true), "f5"),
            (Item::Uint(1).widened(1), "1801"),
            (Item::text("a").widened(2), "79000161"),
            (Item::array([Item::Uint(1)]).indefinite(), "9f01ff"),
            (Item::bytes(&[1]).indefinite(), "5f4101ff"),
        ];
        for (item, hex) in samples {
            assert_eq!(hex::encode(item.encode()), hex);
        }
    }
}
