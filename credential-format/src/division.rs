//! Administrative divisions of GB/T 2260: the six-digit codes, in force and retired, and prefixes of them.

use alloc::{borrow::Cow, format, string::String};
use core::fmt;

use thiserror::Error;

// PROVINCE_STARTS, CODES, NAMES and LAST_YEARS: see build.rs.
include!(concat!(env!("OUT_DIR"), "/divisions.rs"));

/// A division of GB/T 2260 that exists or once existed: two digits province, two city, two county.
///
/// Retired codes stay known, because the code inside a citizen ID number is for life. Codes of every level are known:
/// some cities have no counties (441900 东莞市) and stand for themselves.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Division {
    code: u32,
    /// The place of the code in the tables, found once.
    row: u16,
}

impl Division {
    /// Reads the wire form, a number of six digits whose code is known now or was in the past.
    pub fn new(code: u64) -> Result<Self, DivisionError> {
        let short = u32::try_from(code).ok().filter(|c| (100_000..1_000_000).contains(c));
        let short = short.ok_or(DivisionError::NotSixDigits)?;
        row_of(short).map(|row| Self { code: short, row }).ok_or(DivisionError::Unknown { code: short })
    }

    /// Reads six ASCII digits.
    pub fn parse(text: &str) -> Result<Self, DivisionError> {
        if text.len() != 6 || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(DivisionError::NotSixDigits);
        }
        Self::new(text.parse().map_err(|_| DivisionError::NotSixDigits)?)
    }

    /// The six digits.
    pub fn code(self) -> u32 {
        self.code
    }

    /// The name of the division itself, without those above it: 天河区.
    pub fn name(self) -> &'static str {
        NAMES.get(usize::from(self.row)).copied().unwrap_or_default()
    }

    /// Whether the code is no longer in force.
    pub fn is_retired(self) -> bool {
        self.last_year() != 0
    }

    /// The last year in which the code was in force; none if it still is, or if the year is not known.
    pub fn retired_last_year(self) -> Option<u16> {
        Some(self.last_year()).filter(|year| *year > 1)
    }

    /// The province, autonomous region or municipality that this division belongs to, or is.
    pub fn province(self) -> Option<Self> {
        Self::known(self.code / 10_000 * 10_000)
    }

    /// The city, prefecture or league that this division belongs to, or is. None for provinces, for municipalities and
    /// for counties directly under a province: what stands on the city level there (110100 市辖区) is no place.
    pub fn prefecture(self) -> Option<Self> {
        let code = self.code / 100 * 100;
        Self::known(code).filter(|row| !code.is_multiple_of(10_000) && !row.is_level_row())
    }

    /// The name of the province; empty if the tables have none.
    pub fn province_name(self) -> &'static str {
        self.province().map_or("", Self::name)
    }

    /// The name of the prefecture, where there is one.
    pub fn prefecture_name(self) -> Option<&'static str> {
        self.prefecture().map(Self::name)
    }

    /// The names an address of this division begins with in practice: province, city where it is needed, county.
    ///
    /// The city is needed for districts, whose names repeat from city to city (广东省广州市天河区), and left out for
    /// counties, county-level cities and banners (浙江省苍南县, 湖北省恩施市).
    pub fn address_prefix(self) -> String {
        let [province, prefecture, county] = self.address_names();
        let needed = county.is_empty() || county.ends_with('区');
        format!("{province}{}{county}", if needed { prefecture } else { "" })
    }

    /// What is left of an address after the names that this division implies; none if the address does not begin with
    /// them. The city may stand there or not; an autonomous region may be written in short (广西, 新疆).
    pub(crate) fn strip_address_prefix(self, address: &str) -> Option<&str> {
        let [province, prefecture, county] = self.address_names();
        let rest = address.strip_prefix(province).or_else(|| address.strip_prefix(short_region(province)?))?;
        match (rest.strip_prefix(prefecture).filter(|_| !prefecture.is_empty()), county) {
            (Some(rest), "") => Some(rest),
            (None, "") => Some(rest).filter(|_| prefecture.is_empty()),
            // A county may begin with the name of its city; then the city's name was no city.
            (Some(after), county) => after.strip_prefix(county).or_else(|| rest.strip_prefix(county)),
            (None, county) => rest.strip_prefix(county),
        }
    }

    /// Province, prefecture and county, each empty where an address names none.
    fn address_names(self) -> [&'static str; 3] {
        let is_county = !self.code.is_multiple_of(100) && !self.is_level_row();
        [self.province_name(), self.prefecture_name().unwrap_or(""), if is_county { self.name() } else { "" }]
    }

    /// Whether this row only stands for a level of the tables and names no place.
    fn is_level_row(self) -> bool {
        // 林区 is the name that 422900 had while 神农架林区 stood alone under it.
        matches!(self.name(), "市辖区" | "市区" | "县" | "市" | "林区" | "省直辖县级行政单位" | "省直辖行政单位")
    }

    fn last_year(self) -> u16 {
        LAST_YEARS.get(usize::from(self.row)).copied().unwrap_or_default()
    }

    fn known(code: u32) -> Option<Self> {
        row_of(code).map(|row| Self { code, row })
    }
}

/// The code: `440106`.
impl fmt::Display for Division {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)
    }
}

impl fmt::Debug for Division {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Division({})", self.code)
    }
}

/// The first two, four or six digits of division codes: a province, a city, or one division alone.
///
/// A prefix need not be of a division known here: new divisions come, and a trust list that names one must still load
/// in an older verifier. Six digits name one code only: `440100` is the city of Guangzhou without its districts, `4401`
/// is the city with them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DivisionPrefix {
    /// ASCII digits; zero bytes after the prefix.
    digits: [u8; 6],
    length: u8,
}

impl DivisionPrefix {
    /// Reads two, four or six ASCII digits; the first is not 0.
    pub fn parse(text: &str) -> Result<Self, DivisionError> {
        let length = match text.len() {
            2 => 2,
            4 => 4,
            6 => 6,
            _ => return Err(DivisionError::Prefix),
        };
        if text.starts_with('0') || !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(DivisionError::Prefix);
        }
        let mut digits = [0; 6];
        digits.iter_mut().zip(text.bytes()).for_each(|(digit, byte)| *digit = byte);
        Ok(Self { digits, length })
    }

    /// The wire form: the digits as text.
    pub fn as_str(&self) -> &str {
        // Digits are UTF-8, and the length is at most six.
        self.digits.get(..usize::from(self.length)).and_then(|d| core::str::from_utf8(d).ok()).unwrap_or_default()
    }

    /// How many digits the prefix has: 2, 4 or 6. The longer prefix is the more exact one.
    pub fn length(self) -> u8 {
        self.length
    }

    /// Whether the division's code begins with this prefix.
    pub fn contains(self, division: Division) -> bool {
        let digit = |divisor: u32| b'0' + (division.code / divisor % 10) as u8;
        let code = [digit(100_000), digit(10_000), digit(1_000), digit(100), digit(10), digit(1)];
        code.starts_with(self.as_str().as_bytes())
    }

    /// Whether every code that begins with `other` also begins with this prefix.
    pub fn contains_prefix(self, other: Self) -> bool {
        other.as_str().starts_with(self.as_str())
    }
}

/// The digits: `4403`.
impl fmt::Display for DivisionPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for DivisionPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DivisionPrefix({self})")
    }
}

/// Why something is not a [`Division`] or a [`DivisionPrefix`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum DivisionError {
    /// The code is not a number of six digits.
    #[error("the division code does not have six digits; use the GB/T 2260 code, for example 440106")]
    NotSixDigits,
    /// GB/T 2260 has no such code, neither in force nor retired.
    #[error("GB/T 2260 has no division {code}, neither in force nor retired; check the code, or update the program")]
    Unknown {
        /// The code that was not found.
        code: u32,
    },
    /// The prefix is not two, four or six digits.
    #[error("the division prefix is not two, four or six digits; write it like 44, 4403 or 440305")]
    Prefix,
}

impl DivisionError {
    /// The stable code of this refusal.
    pub fn code(self) -> &'static str {
        match self {
            Self::NotSixDigits => "DIVISION_DIGITS",
            Self::Unknown { .. } => "DIVISION_UNKNOWN",
            Self::Prefix => "DIVISION_PREFIX",
        }
    }

    /// The refusal in Chinese.
    pub fn zh(self) -> Cow<'static, str> {
        match self {
            Self::NotSixDigits => "行政区划代码不是六位数字，请使用GB/T 2260代码，如440106".into(),
            Self::Unknown { code } => {
                format!("行政区划代码{code}不存在（含已撤销的代码），请核对代码，或更新程序").into()
            }
            Self::Prefix => "行政区划前缀应为两位、四位或六位数字，如44、4403、440305".into(),
        }
    }
}

/// Where a code stands in the tables. The first two digits lead to the rows of a province; the rest is a binary search
/// among at most a few hundred.
fn row_of(code: u32) -> Option<u16> {
    let province = usize::try_from(code / 10_000).ok()?;
    let start = *PROVINCE_STARTS.get(province)?;
    let end = *PROVINCE_STARTS.get(province + 1)?;
    let rows = CODES.get(usize::from(start)..usize::from(end))?;
    let offset = rows.binary_search(&code).ok()?;
    Some(start + u16::try_from(offset).ok()?)
}

/// The short name of an autonomous region, as identity cards print it.
fn short_region(name: &str) -> Option<&'static str> {
    ["内蒙古", "广西", "西藏", "宁夏", "新疆"].into_iter().find(|short| name.starts_with(short))
}

#[cfg(test)]
mod tests {
    use alloc::{format, string::ToString};

    use super::*;

    fn division(code: u64) -> Division {
        Division::new(code).unwrap()
    }

    #[test]
    fn every_row_of_the_tables_is_found_at_its_place() {
        assert_eq!(CODES.len(), 3212 + 4002);
        for (row, code) in CODES.iter().enumerate() {
            assert_eq!(row_of(*code).map(usize::from), Some(row));
            let division = division(u64::from(*code));
            assert!(!division.name().is_empty() && !division.province_name().is_empty(), "{code}");
            assert!(division.address_prefix().starts_with(division.province_name()), "{code}");
        }
        let known = (100_000..1_000_000).filter(|code| Division::new(*code).is_ok()).count();
        assert_eq!(known, CODES.len());
    }

    #[test]
    fn bounds_and_unknown_codes() {
        for code in [0, 44, 99_999, 1_000_000, (1 << 32) + 440_106, u64::MAX] {
            assert_eq!(Division::new(code), Err(DivisionError::NotSixDigits), "{code}");
        }
        for code in [100_000, 990_101, 830_000, 999_999, 440_199] {
            assert_eq!(Division::new(code), Err(DivisionError::Unknown { code: u32::try_from(code).unwrap() }));
        }
        assert_eq!(Division::parse("440106"), Ok(division(440_106)));
        for text in ["", "44010", "4401060", "0440106", "+44010", " 44010", "44010a", "４４０１０６"] {
            assert_eq!(Division::parse(text), Err(DivisionError::NotSixDigits), "{text}");
        }
    }

    #[test]
    fn names_and_years() {
        let names = [
            (440_100, "广州市"),
            (440_300, "深圳市"),
            (440_403, "斗门区"),
            (330_300, "温州市"),
            (440_106, "天河区"),
            (330_302, "鹿城区"),
            (330_383, "龙港市"),
            (441_900, "东莞市"),
            (110_000, "北京市"),
        ];
        for (code, name) in names {
            assert_eq!(division(code).name(), name);
            assert!(!division(code).is_retired());
            assert_eq!(division(code).retired_last_year(), None);
        }
        let retired = division(330_123);
        assert_eq!((retired.name(), retired.is_retired(), retired.retired_last_year()), ("富阳县", true, Some(1993)));
        let undated = division(330_104);
        assert_eq!((undated.name(), undated.is_retired(), undated.retired_last_year()), ("江干区", true, None));
        assert_eq!(division(440_106).province_name(), "广东省");
        assert_eq!(division(440_106).prefecture_name(), Some("广州市"));
        assert_eq!(division(440_000).prefecture(), None);
        assert_eq!(division(110_101).prefecture(), None);
        assert_eq!(division(429_004).prefecture(), None);
        assert_eq!(division(441_900).prefecture(), Some(division(441_900)));
        assert_eq!(division(440_106).to_string(), "440106");
    }

    #[test]
    fn how_addresses_begin() {
        let prefixes = [
            (440_106, "广东省广州市天河区"),
            (441_900, "广东省东莞市"),
            (620_200, "甘肃省嘉峪关市"),
            (440_300, "广东省深圳市"),
            (440_000, "广东省"),
            (441_881, "广东省英德市"),
            (330_327, "浙江省苍南县"),
            (422_801, "湖北省恩施市"),
            (653_101, "新疆维吾尔自治区喀什市"),
            (150_121, "内蒙古自治区土默特左旗"),
            (540_102, "西藏自治区拉萨市城关区"),
            (110_101, "北京市东城区"),
            (500_230, "重庆市丰都县"),
            (310_100, "上海市"),
            (429_004, "湖北省仙桃市"),
            (429_021, "湖北省神农架林区"),
            (469_026, "海南省昌江黎族自治县"),
            (659_001, "新疆维吾尔自治区石河子市"),
            (330_101, "浙江省杭州市"),
            (330_123, "浙江省富阳县"),
            (110_103, "北京市崇文区"),
            (132_100, "河北省邯郸地区"),
        ];
        for (code, prefix) in prefixes {
            assert_eq!(division(code).address_prefix(), prefix, "{code}");
            assert_eq!(division(code).strip_address_prefix(&format!("{prefix}样板路1号")), Some("样板路1号"), "{code}");
        }
    }

    #[test]
    fn every_division_strips_its_own_prefix() {
        for code in CODES {
            let division = division(u64::from(code));
            let address = division.address_prefix() + "样板路1号";
            assert_eq!(division.strip_address_prefix(&address), Some("样板路1号"), "{code}");
        }
    }

    #[test]
    fn spellings_of_the_prefix() {
        let stripped = [
            (330_327, "浙江省温州市苍南县灵溪镇", Some("灵溪镇")),
            (330_327, "浙江省苍南县灵溪镇", Some("灵溪镇")),
            (440_106, "广东省天河区样板路", Some("样板路")),
            (450_102, "广西南宁市兴宁区虚构街", Some("虚构街")),
            (653_101, "新疆喀什市示例路", Some("示例路")),
            (653_101, "新疆喀什地区喀什市示例路", Some("示例路")),
            (440_106, "广州市天河区样板路", None),
            (440_106, "广东省广州市海珠区样板路", None),
            (440_106, "浙江省广州市天河区样板路", None),
            (440_106, " 广东省广州市天河区样板路", None),
            (441_900, "广东省南城街道", None),
            (440_106, "", None),
            (440_106, "广东省广州市天河区", Some("")),
        ];
        for (code, address, rest) in stripped {
            assert_eq!(division(code).strip_address_prefix(address), rest, "{address}");
        }
    }

    #[test]
    fn prefixes() {
        let prefix = |text| DivisionPrefix::parse(text).unwrap();
        assert!(prefix("44").contains(division(440_305)));
        assert!(prefix("4403").contains(division(440_305)));
        assert!(prefix("440305").contains(division(440_305)));
        assert!(!prefix("440305").contains(division(440_306)));
        assert!(!prefix("4404").contains(division(440_305)));
        assert!(!prefix("33").contains(division(440_305)));
        assert!(prefix("44").contains_prefix(prefix("4403")));
        assert!(prefix("44").contains_prefix(prefix("44")));
        assert!(!prefix("4403").contains_prefix(prefix("44")));
        assert!(!prefix("4403").contains_prefix(prefix("4404")));
        assert!(!prefix("45").contains_prefix(prefix("440300")));
        assert_eq!(prefix("4403").to_string(), "4403");
        assert_eq!(format!("{:?}, {:?}", prefix("4403"), division(440_106)), "DivisionPrefix(4403), Division(440106)");
        assert_eq!((prefix("4403").as_str(), prefix("4403").length()), ("4403", 4));
        assert_eq!((prefix("44").as_str(), prefix("440305").as_str()), ("44", "440305"));
        for text in ["", "4", "440", "44030", "4403050", "04", "4a", "+4", "４４"] {
            assert_eq!(DivisionPrefix::parse(text), Err(DivisionError::Prefix), "{text}");
        }
    }

    #[test]
    fn every_refusal_has_its_own_code_and_words() {
        let all = [DivisionError::NotSixDigits, DivisionError::Unknown { code: 990_101 }, DivisionError::Prefix];
        for (n, error) in all.iter().enumerate() {
            assert!(error.code().starts_with("DIVISION_") && !error.zh().is_empty() && !error.to_string().is_empty());
            assert!(all.iter().skip(n + 1).all(|other| other.code() != error.code() && other.zh() != error.zh()));
        }
        assert!(all[1].to_string().contains("990101") && all[1].zh().contains("990101"));
    }
}
