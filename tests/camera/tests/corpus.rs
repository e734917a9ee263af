//! The corpus is what it says: the same bytes from the same seed, texts of permits, codes that are where they should be.

use std::collections::{BTreeMap, BTreeSet};

use camera::{
    Kind, NEGATIVES, Resolution, SEQUENCE_FRAMES, SEQUENCES, STILLS, Split, Still, negative, sequence, still,
};
use rxing::Binarizer as _;
use rxing::common::{DetectorRXingResult as _, HybridBinarizer};
use rxing::qrcode::cpp_port::decoder::Decode;
use rxing::qrcode::cpp_port::detector::{FindFinderPatterns, GenerateFinderPatternSets, SampleQR};

const SPLITS: [Split; 2] = [Split::Develop, Split::HeldBack];

#[test]
fn the_same_number_gives_the_same_bytes_on_every_machine() {
    // They change when anything that is drawn changes, and then all that was measured with the corpus is void.
    let stills = [
        (Split::Develop, 0),
        (Split::Develop, 11),
        (Split::Develop, 160),
        (Split::HeldBack, 5),
        (Split::HeldBack, 319),
    ];
    let found = stills.map(|(split, index)| hash(&still(split, index).jpeg));
    assert_eq!(
        found,
        [11854720486623404771, 13200784348543602010, 1107818724978772340, 15018541635496127254, 1006666973281554915]
    );
    assert_eq!(hash(&negative(Split::Develop, 3).jpeg), 10603359504097225130);
    assert_eq!(hash(&sequence(Split::HeldBack, 7).frame(12).jpeg), 6935030859150582529);
}

#[test]
fn stills_are_what_they_say() {
    let mut kinds = BTreeSet::new();
    for split in SPLITS {
        for index in (0..STILLS).step_by(40) {
            let still = still(split, index);
            kinds.insert(still.kind);
            assert!((11..=17).contains(&still.version), "{}: version {}", still.name, still.version);
            assert_eq!(still.text.len(), 1);
            assert!((400..=1_600).contains(&still.text[0].len()) && still.text[0].bytes().all(|b| b.is_ascii_digit()));
            assert_eq!(still.frame.dimensions(), still.resolution.size());
            assert!(still.px_per_module > 1.5 && still.px_per_module < 9.0, "{}", still.name);
            assert!(still.jpeg.starts_with(&[0xff, 0xd8, 0xff]));
            let half = if split == Split::Develop { "d-" } else { "h-" };
            assert!(still.name.starts_with(half) && still.name.contains(still.kind.name()));
        }
    }
    assert!(kinds.len() >= 6, "{kinds:?}");
}

#[test]
fn the_halves_have_nothing_in_common() {
    let texts = |split| [0, 1, 2, 3].map(|index| still(split, index).text);
    let (develop, held_back) = (texts(Split::Develop), texts(Split::HeldBack));
    assert!(develop.iter().all(|text| !held_back.contains(text)));
}

#[test]
fn easy_frames_are_read_and_say_what_they_should() {
    let mut easy = 0;
    for still in (0..48).map(|index| still(Split::Develop, index)).filter(|still| still.kind == Kind::Easy) {
        assert_eq!(read(&still), still.text, "{}", still.name);
        easy += 1;
    }
    assert!(easy >= 2);
}

#[test]
fn frames_without_a_code_have_none_and_the_others_say_what_is_in_them() {
    let mut kinds: BTreeMap<Kind, usize> = BTreeMap::new();
    for index in 0..12 {
        let frame = negative(Split::Develop, index);
        *kinds.entry(frame.kind).or_default() += 1;
        let expected = match frame.kind {
            Kind::NoCode => 0,
            Kind::ShopCode => 1,
            Kind::TwoPermits | Kind::ForgedBeside => 2,
            other => panic!("{other:?} is a permit by itself"),
        };
        assert_eq!(frame.text.len(), expected, "{}", frame.name);
        assert_eq!(frame.version == 0, expected == 0);
        if frame.kind == Kind::ShopCode {
            assert_eq!(read(&frame), frame.text, "{}", frame.name);
        }
        if frame.kind == Kind::ForgedBeside {
            let differences = frame.text[0].bytes().zip(frame.text[1].bytes()).filter(|(a, b)| a != b).count();
            assert_eq!(differences, 1, "{}", frame.name);
        }
    }
    assert_eq!(kinds.values().sum::<usize>(), 12);
    assert_eq!(kinds[&Kind::NoCode], 6);
    assert_eq!(NEGATIVES % 12, 0);
}

#[test]
fn a_code_comes_in_stays_whole_for_a_second_and_can_be_drawn_in_any_order() {
    let mut changed = 0;
    for split in SPLITS {
        for index in 0..SEQUENCES {
            let sequence = sequence(split, index);
            assert!((1..=15).contains(&sequence.first_whole), "{}: whole from {}", sequence.name, sequence.first_whole);
            changed += usize::from(sequence.texts().len() == 2);
            assert!((1..=2).contains(&sequence.texts().len()));
        }
    }
    assert!((5..=30).contains(&changed), "{changed} of 60 change their code");
    let sequence = sequence(Split::Develop, 5);
    let [last, first] = [SEQUENCE_FRAMES - 1, 0].map(|number| sequence.frame(number));
    assert!(last.whole && !first.whole);
    assert_eq!((first.number, last.number), (0, SEQUENCE_FRAMES - 1));
    assert_eq!(first.at.as_millis(), 0);
    assert_eq!(last.at.as_millis(), 1_933);
    assert_eq!(sequence.frame(0).jpeg, first.jpeg);
    assert_eq!(last.frame.dimensions(), Resolution::Hd1080.size());
}

/// FNV-1a, 64 bits.
fn hash(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The first code that a decoder other than ours reads.
fn read(still: &Still) -> Vec<String> {
    let (width, height) = still.frame.dimensions();
    let source = rxing::Luma8Source::new_with_slice(still.frame.as_raw(), width, height).unwrap();
    let binarizer = HybridBinarizer::new(source);
    let dark = binarizer.get_black_matrix().unwrap();
    let mut patterns = FindFinderPatterns(dark, true, 0);
    let read = GenerateFinderPatternSets(&mut patterns).into_iter().find_map(|three| {
        let symbol = SampleQR(dark, &three).ok()?;
        let read = Decode(symbol.getBits()).ok().filter(|read| read.isValid())?;
        String::from_utf8(read.content().bytes().to_vec()).ok()
    });
    read.into_iter().collect()
}
