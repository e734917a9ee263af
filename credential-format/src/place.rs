//! A place of residence or of household registration: a division and the address within it.

use alloc::{borrow::Cow, format, string::String};
use core::fmt;

use thiserror::Error;

use crate::{
    display_text::{DisplayText, DisplayTextError},
    division::Division,
};

/// The address within a division, without the names that the division's code implies.
pub type AddressDetail = DisplayText<120>;

/// A place: a division and the address within it.
///
/// The names of province, city and county are not carried, because the code implies them. `Debug` gives nothing of it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    division: Division,
    detail: AddressDetail,
}

impl Place {
    /// A place from its two parts.
    pub fn new(division: Division, detail: AddressDetail) -> Self {
        Self { division, detail }
    }

    /// Splits a whole address: the names that the division's code implies are taken off, with the city or without it
    /// (浙江省温州市苍南县… and 浙江省苍南县… are the same). An address that does not begin with them is refused.
    pub fn from_address(division: Division, address: &str) -> Result<Self, PlaceError> {
        let detail = division.strip_address_prefix(address).ok_or(PlaceError::OtherDivision { division })?;
        Ok(Self { division, detail: DisplayText::parse(detail).map_err(PlaceError::Detail)? })
    }

    /// The division.
    pub fn division(&self) -> Division {
        self.division
    }

    /// The address within the division.
    pub fn detail(&self) -> &AddressDetail {
        &self.detail
    }

    /// The whole address, as addresses are written in practice: 浙江省苍南县灵溪镇样板路70号.
    pub fn to_address(&self) -> String {
        format!("{}{}", self.division.address_prefix(), self.detail)
    }

    /// The address for screens: to the township (街道, 镇, 乡, 苏木) or, without one, to the street, then three stars. Where
    /// neither is found, to the county. Nothing from the first number on is ever shown.
    pub fn masked(&self) -> String {
        format!("{}{}***", self.division.address_prefix(), to_township_or_street(self.detail.as_str()))
    }

    /// The address where even less may be seen: to the county, then three stars.
    pub fn masked_strict(&self) -> String {
        format!("{}***", self.division.address_prefix())
    }
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Place(***)")
    }
}

/// Why an address is not a [`Place`]. No variant holds any of the address but a refused character.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum PlaceError {
    /// The address does not begin with the names of the division.
    #[error(
        "the address does not begin with the names of division {division}; write the province, the city and the county \
         first, or correct the division code"
    )]
    OtherDivision {
        /// The division that was given.
        division: Division,
    },
    /// What follows those names cannot be shown.
    #[error("the address after the names of the division: {0}")]
    Detail(DisplayTextError),
}

impl PlaceError {
    /// The stable code of this refusal.
    pub fn code(self) -> &'static str {
        match self {
            Self::OtherDivision { .. } => "PLACE_DIVISION",
            Self::Detail(error) => error.code(),
        }
    }

    /// The refusal in Chinese.
    pub fn zh(self) -> Cow<'static, str> {
        match self {
            Self::OtherDivision { division } => {
                format!("地址开头与行政区划{division}的名称不符，请先写省、市、县（区），或更正行政区划代码").into()
            }
            Self::Detail(error) => format!("行政区划名称之后的地址：{}", error.zh()).into(),
        }
    }
}

/// The beginning of an address up to and with its township or street; empty if it names neither before the first
/// number or house.
fn to_township_or_street(detail: &str) -> &str {
    // Of the Han numerals Unicode counts this one alone as a number; all of them stand in the names of roads (二〇一路).
    let is_number = |c: char| c.is_numeric() && c != '〇';
    let is_house = |c: char| matches!(c, '号' | '栋' | '幢');
    let named =
        detail.find(|c| is_number(c) || c.is_ascii() || is_house(c)).map_or(detail, |end| detail.split_at(end).0);
    // A sign at the very beginning is part of a name (镇安街道), not the end of one.
    let end_of = |sign: &str| {
        let first = named.chars().next().map_or(0, char::len_utf8);
        named.get(first..)?.find(sign).map(|at| first + at + sign.len())
    };
    // 街道 first: the name of a subdistrict may hold the other signs (西乡街道).
    let township = end_of("街道").or_else(|| ["镇", "乡", "苏木"].into_iter().filter_map(end_of).min());
    let street = || ["路", "街", "道", "巷", "里", "弄", "胡同"].into_iter().filter_map(end_of).min();
    township.or_else(street).and_then(|end| named.get(..end)).unwrap_or("")
}

#[cfg(test)]
mod tests {
    use alloc::{borrow::ToOwned, string::ToString};

    use super::*;

    /// Household places and addresses of invented persons, and how they are masked.
    const SAMPLES: [(u64, &str, &str); 40] = [
        (430_407, "湖南省衡阳市石鼓区示范路12号", "湖南省衡阳市石鼓区示范路***"),
        (441_900, "广东省东莞市南城街道样板大道88号3栋502房", "广东省东莞市南城街道***"),
        (450_102, "广西壮族自治区南宁市兴宁区虚构街5号", "广西壮族自治区南宁市兴宁区虚构街***"),
        (440_106, "广东省广州市天河区示范东路6号901房", "广东省广州市天河区示范东路***"),
        (360_102, "江西省南昌市东湖区虚构巷7号", "江西省南昌市东湖区虚构巷***"),
        (440_105, "广东省广州市海珠区样板街22号之一1204房", "广东省广州市海珠区样板街***"),
        (640_104, "宁夏回族自治区银川市兴庆区示例路3号", "宁夏回族自治区银川市兴庆区示例路***"),
        (440_106, "广东省广州市天河区虚构横路9号1房", "广东省广州市天河区虚构横路***"),
        (441_881, "广东省英德市示例镇虚构村8号", "广东省英德市示例镇***"),
        (440_113, "广东省广州市番禺区样板路1号2座1501", "广东省广州市番禺区样板路***"),
        (510_104, "四川省成都市锦江区虚构路66号", "四川省成都市锦江区虚构路***"),
        (440_403, "广东省珠海市斗门区白藤街道示范一路10号6栋203房", "广东省珠海市斗门区白藤街道***"),
        (422_801, "湖北省恩施市示例路1号", "湖北省恩施市示例路***"),
        (440_402, "广东省珠海市香洲区样板街道虚构路300号7单元1102", "广东省珠海市香洲区样板街道***"),
        (522_601, "贵州省凯里市示例街道虚构小区2栋", "贵州省凯里市示例街道***"),
        (440_403, "广东省珠海市斗门区白蕉镇样板花园9栋1201房", "广东省珠海市斗门区白蕉镇***"),
        (210_102, "辽宁省沈阳市和平区示例街4号", "辽宁省沈阳市和平区示例街***"),
        (440_402, "广东省珠海市香洲区虚构里1号401", "广东省珠海市香洲区虚构里***"),
        (350_102, "福建省福州市鼓楼区示例路15号", "福建省福州市鼓楼区示例路***"),
        (440_305, "广东省深圳市南山区粤海街道样板科技园A栋2007", "广东省深圳市南山区粤海街道***"),
        (522_631, "贵州省黎平县示例镇虚构村", "贵州省黎平县示例镇***"),
        (440_306, "广东省深圳市宝安区西乡街道样板路8号502", "广东省深圳市宝安区西乡街道***"),
        (410_102, "河南省郑州市中原区示例路20号", "河南省郑州市中原区示例路***"),
        (440_309, "广东省深圳市龙华区民治街道虚构新村3栋", "广东省深圳市龙华区民治街道***"),
        (410_102, "河南省郑州市中原区示例路21号", "河南省郑州市中原区示例路***"),
        (440_309, "广东省深圳市龙华区大浪街道样板苑1栋808", "广东省深圳市龙华区大浪街道***"),
        (222_401, "吉林省延吉市示例街11号", "吉林省延吉市示例街***"),
        (440_305, "广东省深圳市南山区沙河街道虚构大厦1606", "广东省深圳市南山区沙河街道***"),
        (320_102, "江苏省南京市玄武区示例路2号", "江苏省南京市玄武区示例路***"),
        (330_302, "浙江省温州市鹿城区五马街道样板巷6号2幢301室", "浙江省温州市鹿城区五马街道***"),
        (340_102, "安徽省合肥市瑶海区示例路29号", "安徽省合肥市瑶海区示例路***"),
        (330_383, "浙江省龙港市样板街道虚构路229号", "浙江省龙港市样板街道***"),
        (513_401, "四川省西昌市示例镇虚构村9组", "四川省西昌市示例镇***"),
        (330_327, "浙江省苍南县灵溪镇样板路70号", "浙江省苍南县灵溪镇***"),
        (653_101, "新疆维吾尔自治区喀什市示例街道虚构路1号", "新疆维吾尔自治区喀什市示例街道***"),
        (
            440_111,
            "广东省广州市白云区人和镇示范工业园区中心大道北侧第三排样板员工集体宿舍(含过渡安置区)C区12栋附属楼B座3单元1807房之二自编08号床位",
            "广东省广州市白云区人和镇***",
        ),
        (371_002, "山东省威海市环翠区示例路𠮷巷3号", "山东省威海市环翠区示例路***"),
        (440_305, "广东省深圳市南山区招商街道虚构街1号", "广东省深圳市南山区招商街道***"),
        (540_102, "西藏自治区拉萨市城关区示例路1号", "西藏自治区拉萨市城关区示例路***"),
        (330_302, "浙江省温州市鹿城区滨江街道虚构里5号", "浙江省温州市鹿城区滨江街道***"),
    ];

    fn place(division: u64, address: &str) -> Place {
        Place::from_address(Division::new(division).unwrap(), address).unwrap()
    }

    #[test]
    fn samples() {
        for (division, address, masked) in SAMPLES {
            let place = place(division, address);
            assert_eq!(place.to_address(), address);
            assert_eq!(place.masked(), masked);
            assert_eq!(place.masked_strict(), place.division().address_prefix() + "***");
            assert_eq!(u64::from(place.division().code()), division);
            assert_eq!(format!("{place:?}"), "Place(***)");
            assert_eq!(Place::new(place.division(), place.detail().clone()), place);
            assert!(!place.detail().as_str().starts_with(place.division().province_name()));
        }
    }

    #[test]
    fn the_city_may_be_written_or_not() {
        assert_eq!(
            place(330_327, "浙江省温州市苍南县灵溪镇样板路70号"),
            place(330_327, "浙江省苍南县灵溪镇样板路70号")
        );
        assert_eq!(place(440_106, "广东省天河区样板路1号").to_address(), "广东省广州市天河区样板路1号");
        assert_eq!(place(441_900, "广东省东莞市南城街道").detail().as_str(), "南城街道");
    }

    #[test]
    fn other_divisions_and_bad_details_are_refused() {
        let division = Division::new(440_106).unwrap();
        let refused = [
            ("广东省广州市海珠区样板路1号", "PLACE_DIVISION"),
            ("天河区样板路1号", "PLACE_DIVISION"),
            ("", "PLACE_DIVISION"),
            ("广东省广州市天河区", "TEXT_EMPTY"),
            ("广东省广州市天河区 样板路", "TEXT_OUTER_SPACE"),
            ("广东省广州市天河区样板路\u{202E}1号", "TEXT_INVISIBLE_CHARACTER"),
        ];
        for (address, code) in refused {
            let error = Place::from_address(division, address).unwrap_err();
            assert_eq!(error.code(), code, "{address}");
            assert!(!error.to_string().contains("样板") && !error.zh().contains("样板"));
        }
        assert!(Place::from_address(division, &("广东省广州市天河区".to_owned() + &"路".repeat(120))).is_ok());
        let long = Place::from_address(division, &("广东省广州市天河区".to_owned() + &"路".repeat(121)));
        assert_eq!(long.map_err(PlaceError::code), Err("TEXT_TOO_LONG"));
        let other = PlaceError::OtherDivision { division };
        assert!(other.to_string().contains("440106") && other.zh().contains("440106"));
    }

    #[test]
    fn masks_show_nothing_after_the_first_number() {
        let shown = [
            ("示范镇虚构村8号", "示范镇"),
            ("镇安街道样板路1号", "镇安街道"),
            ("西乡街道样板路1号", "西乡街道"),
            ("镇", ""),
            ("路", ""),
            ("中山三路88号", "中山三路"),
            ("二〇七路12号", "二〇七路"),
            ("样板大道北侧", "样板大道"),
            ("样板胡同3号", "样板胡同"),
            ("虚构村9组", ""),
            ("5号楼样板路", ""),
            ("５号样板路", ""),
            ("①号样板路", ""),
            ("A座样板路", ""),
            ("甲号楼样板路", ""),
            ("样板花园三栋里", ""),
            ("鼓楼街道样板路", "鼓楼街道"),
            ("样板苏木虚构嘎查", "样板苏木"),
            ("样板乡镇东路1号", "样板乡"),
            ("样板５路", ""),
            ("样板①路", ""),
            ("1", ""),
        ];
        for (detail, shown) in shown {
            assert_eq!(to_township_or_street(detail), shown, "{detail}");
        }
    }
}
