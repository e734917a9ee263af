//! What a clerk is told of a picture: where its codes lie, what keeps one from being read, and that another is in view.

use image::codecs::jpeg::JpegEncoder;
use image::{GrayImage, Luma, imageops};
use qrcode::{Color, EcLevel, QrCode};
use serde_json::{Value, json};
use tests::commands::{Ran, World};

const WIDTH: u32 = 1_280;
const HEIGHT: u32 = 720;

/// A grey desk with codes on white screens: the text, pixels to the module, the left upper corner of the symbol.
fn desk(codes: &[(&str, u32, u32, u32)]) -> GrayImage {
    let mut desk = GrayImage::from_pixel(WIDTH, HEIGHT, Luma([120]));
    for (text, px, left, top) in codes {
        let code = QrCode::with_error_correction_level(text, EcLevel::L).expect("a text that fits");
        let side = code.width() as u32 * px;
        for y in top.saturating_sub(4 * px)..(top + side + 4 * px).min(HEIGHT) {
            for x in left.saturating_sub(4 * px)..(left + side + 4 * px).min(WIDTH) {
                let module = |at: u32, from: &u32| {
                    at.checked_sub(*from).map(|at| (at / px) as usize).filter(|at| *at < code.width())
                };
                let dark = match (module(x, left), module(y, top)) {
                    (Some(x), Some(y)) => code[(x, y)] == Color::Dark,
                    _ => false,
                };
                desk.put_pixel(x, y, Luma([if dark { 20 } else { 230 }]));
            }
        }
    }
    desk
}

fn covered(mut desk: GrayImage, left: u32, top: u32, side: u32) -> GrayImage {
    let finger = GrayImage::from_pixel(side, side, Luma([150]));
    imageops::overlay(&mut desk, &finger, left.into(), top.into());
    desk
}

fn look(world: &World, picture: &GrayImage, seconds: i64, more: &[&str]) -> Ran {
    picture.save(world.path("desk.png")).expect("written");
    look_at(world, "desk.png", seconds, more)
}

fn look_at(world: &World, name: &str, seconds: i64, more: &[&str]) -> Ran {
    let verify = ["verify", "--state", "counter", "--image", name];
    world.run_at(seconds, "verifier", &[&verify[..], more].concat())
}

/// Corners within so many pixels of a square.
#[track_caller]
fn lies_at(corners: &Value, left: i64, top: i64, side: i64, tolerance: i64) {
    let square = [(left, top), (left + side, top), (left + side, top + side), (left, top + side)];
    let corners = corners.as_array().expect("corners");
    assert_eq!(corners.len(), 4);
    for (corner, (x, y)) in corners.iter().zip(square) {
        let off = |at: usize, exact: i64| (corner[at].as_i64().expect("whole pixels") - exact).abs();
        assert!(off(0, x) <= tolerance && off(1, y) <= tolerance, "{corners:?} and not {square:?}");
    }
}

fn modules(text: &str) -> i64 {
    QrCode::with_error_correction_level(text, EcLevel::L).expect("a text that fits").width() as i64
}

#[test]
fn a_permit_alone_needs_no_advice_and_has_its_box() {
    let world = World::new();
    let code = world.code("phone", 1, 0, &[]);
    let verdict = look(&world, &desk(&[(&code, 6, 400, 100)]), 4, &["--json"]).exits(0).json();
    assert_eq!(verdict["reason"], "VALID");
    assert_eq!((verdict.get("advice"), verdict.get("advice_words")), (None, None));
    assert_eq!(verdict["picture"], json!({"width": WIDTH, "height": HEIGHT}));
    assert_eq!(verdict["unread_codes"], json!([]));
    let [only] = verdict["codes"].as_array().expect("codes").as_slice() else { panic!("{verdict}") };
    lies_at(&only["corners"], 400, 100, 6 * modules(&code), 12);
    assert_eq!(only["version"].as_i64().expect("a version") * 4 + 17, modules(&code));
    assert!((only["px_per_module"].as_f64().expect("pixels") - 6.0).abs() < 0.3, "{only}");
    assert!(!only.to_string().contains(&code[..20]), "where it is, not what it says");
    // Of typed digits there is no picture.
    let typed =
        world.run_at(5, "verifier", &["verify", "--state", "counter", "--text", &code, "--json"]).exits(1).json();
    for member in ["picture", "codes", "unread_codes", "advice"] {
        assert_eq!(typed.get(member), None, "{member}");
    }
}

#[test]
fn two_permits_have_two_boxes() {
    let world = World::new();
    let (one, two) = (world.code("phone", 1, 0, &[]), world.code("phone-p256", 2, 0, &[]));
    let picture = desk(&[(&one, 6, 60, 100), (&two, 6, 700, 140)]);
    let verdict = look(&world, &picture, 4, &["--json"]).exits(1).json();
    assert_eq!(verdict["reason"], "MULTIPLE_CODES");
    let mut codes = verdict["codes"].as_array().expect("codes").clone();
    codes.sort_by_key(|code| code["corners"][0][0].as_i64());
    assert_eq!(codes.len(), 2, "{verdict}");
    lies_at(&codes[0]["corners"], 60, 100, 6 * modules(&one), 12);
    lies_at(&codes[1]["corners"], 700, 140, 6 * modules(&two), 12);
    assert_eq!(verdict["unread_codes"], json!([]));
    let page = look(&world, &picture, 4, &[]).exits(1).out;
    assert!(page.contains("codes in view: 读出 2 个，未读出 0 个 / 2 read, 0 not read"), "{page}");
}

/// A permit that is good, and beside it one that a finger covers: what it is nobody knows, but the clerk hears of it.
#[test]
fn another_code_in_view_is_never_passed_over_in_silence() {
    let world = World::new();
    let (one, two) = (world.code("phone", 1, 0, &[]), world.code("phone-p256", 2, 0, &[]));
    let picture = covered(desk(&[(&one, 6, 60, 100), (&two, 6, 700, 140)]), 820, 250, 160);
    let verdict = look(&world, &picture, 4, &["--json"]).exits(0).json();
    assert_eq!((&verdict["reason"], &verdict["advice"]), (&json!("VALID"), &json!("ANOTHER_CODE")));
    assert_eq!(verdict["advice_words"]["zh"], "画面中还有一个二维码没有读出，请只出示一个");
    assert_eq!(verdict["codes"].as_array().map(Vec::len), Some(1));
    let [unread] = verdict["unread_codes"].as_array().expect("codes").as_slice() else { panic!("{verdict}") };
    lies_at(&unread["corners"], 700, 140, 6 * modules(&two), 18);
    assert_eq!(unread.get("version"), None);
    let page = look(&world, &picture, 5, &[]).exits(1).out;
    let line = "提示 / advice: 画面中还有一个二维码没有读出，请只出示一个 / another code is in view and was not read: show one code only [ANOTHER_CODE]";
    assert!(page.lines().any(|shown| shown == line), "{page}");
    assert!(page.contains("1 read, 1 not read"), "{page}");
}

/// The camera lies on its side: the boxes are in the picture as it is shown.
#[test]
fn boxes_are_in_the_upright_picture() {
    let world = World::new();
    let (one, two) = (world.code("phone", 1, 0, &[]), world.code("phone-p256", 2, 0, &[]));
    let shown = covered(desk(&[(&one, 6, 60, 100), (&two, 6, 700, 140)]), 820, 250, 160);
    // Orientation 6: the file is to be turned a quarter clockwise to be shown.
    let mut jpeg = Vec::new();
    let stored = imageops::rotate270(&shown);
    JpegEncoder::new_with_quality(&mut jpeg, 92).encode_image(&stored).expect("a JPEG file");
    let exif: &[u8] = b"\xff\xe1\0\x22Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    let file = [&jpeg[..2], exif, &jpeg[2..]].concat();
    std::fs::write(world.path("turned.jpg"), file).expect("written");
    let verdict = look_at(&world, "turned.jpg", 4, &["--json"]).exits(0).json();
    assert_eq!(verdict["picture"], json!({"width": WIDTH, "height": HEIGHT}));
    // The symbol itself stands upright in what is shown, so its first corner is at the left and top.
    lies_at(&verdict["codes"][0]["corners"], 60, 100, 6 * modules(&one), 12);
    let unread = verdict["unread_codes"][0]["corners"].as_array().expect("a box");
    assert_eq!(unread.len(), 4);
    let middle = |at: usize| unread.iter().filter_map(|corner| corner[at].as_i64()).sum::<i64>() / 4;
    let exact = 3 * modules(&two);
    assert!((middle(0) - 700 - exact).abs() < 18 && (middle(1) - 140 - exact).abs() < 18, "{unread:?}");
}

#[test]
fn what_keeps_a_code_from_being_read_is_told() {
    let world = World::new();
    let code = world.code("phone", 1, 0, &[]);
    let side = 6 * modules(&code) as u32;
    let good = desk(&[(&code, 6, 400, 100)]);
    let dark = |picture: &GrayImage, by: u32| {
        let mut dark = picture.clone();
        dark.pixels_mut().for_each(|pixel| pixel.0[0] = (u32::from(pixel.0[0]) / by) as u8);
        dark
    };
    // Two pixels to the module can be read, so that a finger has to lie on it as well.
    let small = covered(good.clone(), 460, 160, side - 120);
    let small = imageops::resize(&small, WIDTH / 3, HEIGHT / 3, imageops::FilterType::Triangle);
    let mut distant = GrayImage::from_pixel(WIDTH, HEIGHT, Luma([120]));
    imageops::overlay(&mut distant, &small, 500, 300);
    let mut out = GrayImage::from_pixel(WIDTH, HEIGHT, Luma([120]));
    imageops::overlay(&mut out, &good, -560, 0);
    for (picture, advice) in [
        (GrayImage::from_pixel(WIDTH, HEIGHT, Luma([120])), "NO_CODE_SEEN"),
        (distant, "TOO_SMALL"),
        (imageops::blur(&good, 9.0), "BLURRED"),
        (dark(&GrayImage::from_pixel(WIDTH, HEIGHT, Luma([120])), 12), "TOO_DARK"),
        (out, "PARTLY_OUT"),
        (covered(good.clone(), 460, 160, side - 120), "COVERED"),
    ] {
        let ran = look(&world, &picture, 4, &["--json"]);
        let verdict = ran.json();
        assert_eq!(ran.exit, Some(3), "{advice}: {}", verdict["reason"]);
        assert_eq!((&verdict["reason"], &verdict["advice"]), (&json!("NO_CODE"), &json!(advice)), "{ran}");
        assert_eq!(verdict["codes"], json!([]), "{advice}");
        let words =
            [&verdict["advice_words"]["zh"], &verdict["advice_words"]["en"]].map(|word| word.as_str().expect("words"));
        let page = look(&world, &picture, 4, &[]).exits(3).out;
        assert!(page.contains(&format!("提示 / advice: {} / {} [{advice}]", words[0], words[1])), "{page}");
    }
    let menu = desk(&[("https://shop.example/menu", 8, 400, 100)]);
    let verdict = look(&world, &menu, 4, &["--json"]).exits(1).json();
    assert_eq!((&verdict["reason"], &verdict["advice"]), (&json!("NOT_A_PERMIT_CODE"), &json!("NOT_A_PERMIT")));
    assert_eq!(verdict["codes"].as_array().map(Vec::len), Some(1));
    // The permit itself was never used up by all this.
    assert_eq!(look(&world, &good, 4, &["--json"]).exits(0).json()["reason"], "VALID");
}
