//! The scenes, in the order of their clock.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use credential_format::challenge::Challenge;
use credential_format::key::Algorithm;
use credential_format::status_list::Status;
use credential_format::timestamp::Timestamp;
use issuer::RawRequest;
use verifier::verdict::{Reason, Words};

use crate::authority::{self, Authorities, Key};
use crate::counter::Counter;
use crate::fault::{Because, Fault};
use crate::folder::Draft;
use crate::forgery::{self, OneDigit};
use crate::phone::Phone;
use crate::picture::Sight;
use crate::sample::{self, Sample};
use crate::story::Place::{self, Fresh, Mountain, Nanshan, Tianhe};
use crate::story::{Scene, Section, Stage, words};

/// Electronic permits began on this day; the samples' own days of issue may be earlier.
const BEGIN: &str = "2026-04-01T09:00:00+08:00";

/// Sets the world up, then plays everything.
pub(crate) fn play<'d>(stage: Stage<'d>, day: &str) -> Result<Stage<'d>, Fault> {
    let mut world = World::set_up(stage, day)?;
    own_phone(&mut world)?;
    copies(&mut world)?;
    twenty_samples(&mut world)?;
    life(&mut world)?;
    forgeries(&mut world)?;
    paper(&mut world)?;
    pictures(&mut world)?;
    stick(&mut world)?;
    lists_and_clocks(&mut world)?;
    world.stage.settle()?;
    Ok(world.stage)
}

/// Everything that is there when the first counter opens.
struct World<'d> {
    stage: Stage<'d>,
    samples: BTreeMap<u16, Sample>,
    phones: BTreeMap<u16, Phone>,
    authorities: Authorities,
    now: Timestamp,
}

impl<'d> World<'d> {
    fn set_up(mut stage: Stage<'d>, day: &str) -> Result<World<'d>, Fault> {
        let at =
            |time: &str| Timestamp::parse(&format!("{day}T{time}+08:00")).because("the day of the story is refused");
        let begin = Timestamp::parse(BEGIN).because("the first day is refused")?;
        let draft: &Draft = stage.draft;
        let samples: BTreeMap<u16, Sample> = sample::samples()?.into_iter().map(|sample| (sample.no, sample)).collect();

        let mut authorities = Authorities::found(draft, begin)?;
        authorities.publish_trust_list(draft, at("08:00:00")?.checked_sub(14 * 86_400).because("too early")?)?;
        let mut phones = BTreeMap::new();
        for sample in samples.values() {
            // Half of all phones have secure hardware that knows P-256 only.
            let algorithm = if sample.no % 2 == 0 { Algorithm::Esp256 } else { Algorithm::Ed25519 };
            let mut phone = Phone::new(algorithm)?;
            let signed_at = sample.signed_at(begin)?;
            let permit = authorities.issue(sample, sample.request(signed_at)?, &phone, signed_at)?;
            stage.story.permit_bytes.push(permit.bytes().len());
            draft.write(&format!("permits/{:02}.cose", sample.no), permit.bytes())?;
            phone.take(permit.bytes())?;
            if let Some(cancelled_at) = sample.cancelled_at()? {
                authorities.set_status(sample, Status::Cancelled, cancelled_at)?;
            }
            phones.insert(sample.no, phone);
        }
        authorities.publish_status_lists(draft, at("08:45:00")?)?;

        let now = at("10:00:00")?;
        let root = authorities.root()?;
        for (place, folder, id, name) in [
            (Tianhe, "state-a", "TIANHE-03", Words { zh: "甲窗口（天河）", en: "counter A, Tianhe" }),
            (Nanshan, "state-b", "NANSHAN-01", Words { zh: "乙窗口（南山）", en: "counter B, Nanshan" }),
        ] {
            let mut counter = Counter::install(&draft.path().join(folder), id, root, name)?;
            counter.synchronise(&draft.path().join("published"), now)?;
            stage.counters.insert(place, counter);
        }
        Ok(World { stage, samples, phones, authorities, now })
    }

    fn sample(&self, no: u16) -> Result<&Sample, Fault> {
        self.samples.get(&no).because(format!("there is no sample {no}"))
    }

    fn phone(&self, no: u16) -> Result<&Phone, Fault> {
        self.phones.get(&no).because(format!("sample {no} has no phone"))
    }

    /// Time passes.
    fn wait(&mut self, secs: u64) -> Result<Timestamp, Fault> {
        self.now = self.now.checked_add(secs).because("the story goes on too long")?;
        Ok(self.now)
    }

    /// The next holder steps up, and shows the phone; the code is then some seconds old when it is read.
    fn next_shows(&mut self, no: u16) -> Result<String, Fault> {
        let shown_at = self.wait(25)?;
        self.wait(4)?;
        self.phone(no)?.show(shown_at)
    }

    /// Plays a scene at this counter and at this time. Returns the name of its picture.
    fn at(&mut self, place: Place, scene: Scene) -> String {
        self.stage.play(scene, place, self.now)
    }

    /// The counter shows a challenge.
    fn challenge(&mut self, place: Place, purpose: &str) -> Result<Challenge, Fault> {
        let now = self.now;
        self.counter(place)?.challenge(purpose, now)
    }

    fn counter(&mut self, place: Place) -> Result<&mut Counter, Fault> {
        self.stage.counters.get_mut(&place).because("there is no such counter")
    }

    /// What is published now is copied to a stick, and the counter in the mountains takes it from there.
    fn bring_a_stick(&mut self, stick: &str) -> Result<(), Fault> {
        let (draft, now) = (self.stage.draft, self.now);
        let stick = draft.path().join(stick);
        copy_folder(&draft.path().join("published"), &stick).because("the stick cannot be written")?;
        self.counter(Mountain)?.synchronise(&stick, now)
    }

    /// The authorities publish new lists, and both counters take them.
    fn publish_and_synchronise(&mut self) -> Result<(), Fault> {
        self.stage.settle()?;
        let (draft, now) = (self.stage.draft, self.now);
        self.authorities.publish_status_lists(draft, now)?;
        for place in [Tianhe, Nanshan] {
            self.counter(place)?.synchronise(&draft.path().join("published"), now)?;
        }
        Ok(())
    }
}

fn own_phone(world: &mut World<'_>) -> Result<(), Fault> {
    world.stage.begin(Section {
        key: "showing",
        title: Words { zh: "亮证", en: "Showing a permit" },
        lead: Words {
            zh: "持证人在手机上亮码，窗口用普通摄像头读取，离线核验。",
            en: "The holder shows the code on the phone; the counter reads it with an ordinary camera and verifies it offline.",
        },
        compact: false,
    })?;
    let shown = world.next_shows(1)?;
    world.at(
        Tianhe,
        scene(
            "own-phone",
            words("本人亮证", "Shown on the holder's own phone"),
            words(
                "手机密钥为 Ed25519；签发机关签名与手机签名均成立。",
                "The phone's key is Ed25519; the issuer's signature and the phone's both hold.",
            ),
            Sight::Phone(shown),
            Reason::Valid,
        ),
    );
    let shown = world.next_shows(6)?;
    world.at(
        Tianhe,
        scene(
            "p256-phone",
            words("另一种手机", "Another kind of phone"),
            words(
                "手机安全芯片只支持 P-256，同样核验。",
                "Its secure hardware knows P-256 only; that is verified just as well.",
            ),
            Sight::Phone(shown),
            Reason::Valid,
        ),
    );
    let shown = world.next_shows(2)?;
    world.at(
        Tianhe,
        scene(
            "window-guangdong",
            words("广东：签注期为最后一个月", "Guangdong: the last month is the endorsement window"),
            words(
                "签注有效期至 7 月 20 日，6 月 20 日起可签注。",
                "Endorsed until 20 July; it can be endorsed again since 20 June.",
            ),
            Sight::Phone(shown),
            Reason::ValidEndorsable,
        ),
    );
    let shown = world.next_shows(10)?;
    world.at(
        Nanshan,
        scene(
            "window-shenzhen",
            words("深圳：签注期为最后六十日", "Shenzhen: the last sixty days are the window"),
            words(
                "签注有效期至 8 月 20 日，6 月 21 日起可签注。",
                "Endorsed until 20 August; it can be endorsed again since 21 June.",
            ),
            Sight::Phone(shown),
            Reason::ValidEndorsable,
        ),
    );
    let shown = same_last_day_in_guangdong(world)?;
    world.at(
        Tianhe,
        scene(
            "same-day-guangdong",
            words("同一到期日，在广东尚不可签注", "The same last day, in Guangdong: not yet"),
            words(
                "同样至 8 月 20 日，但按广东规则 7 月 20 日才可签注。地区规则是信任名单中的数据，不是程序。",
                "Also until 20 August, but by Guangdong's rule the window opens on 20 July. Region rules are signed data, not code.",
            ),
            Sight::Phone(shown),
            Reason::Valid,
        ),
    );
    let shown = world.next_shows(8)?;
    world.at(
        Tianhe,
        scene(
            "agent",
            words("代他人亮证", "Shown by a family agent"),
            words(
                "持证人是儿童，证照绑定在监护人的手机上，结论中写明代办人。",
                "The holder is a child; the permit is bound to the guardian's phone, and the verdict names the agent.",
            ),
            Sight::Phone(shown),
            Reason::Valid,
        ),
    );
    world.wait(25)?;
    let challenge = world.challenge(Tianhe, "办理社保")?;
    let shown_at = world.wait(9)?;
    let answer = world.phone(13)?.answer(&challenge, shown_at)?;
    world.wait(3)?;
    world.at(
        Tianhe,
        Scene {
            asked: Some(challenge),
            ..scene(
                "challenge",
                words("应答挑战码", "The counter asks, the phone answers"),
                words(
                    "窗口屏幕显示挑战码，手机扫描后应答：此码不可能是事先生成的，也不能用于别的窗口。",
                    "The counter's screen shows a challenge, the phone scans and answers it: this code cannot have been made before, nor serve elsewhere.",
                ),
                Sight::Phone(answer),
                Reason::Valid,
            )
        },
    );
    Ok(())
}

/// Person 1 with another permit: the last day that the Shenzhen sample has, under Guangdong's rule.
fn same_last_day_in_guangdong(world: &mut World<'_>) -> Result<String, Fault> {
    let key = world.authorities.guangdong_key()?;
    shown_with(world, &key, |raw| {
        raw.issued_on = Some("2025-08-20".to_owned());
        raw.endorsed_until = Some("2026-08-20".to_owned());
        raw.endorsement_years = None;
    })
}

fn copies(world: &mut World<'_>) -> Result<(), Fault> {
    world.stage.begin(Section {
        key: "copies",
        title: Words { zh: "截图、转发与冒用", en: "Screenshots, forwarding, other people's permits" },
        lead: Words {
            zh: "亮码每 15 秒更换，由手机签名。照片和截图能做什么，不能做什么。",
            en: "A code lives 15 seconds and the phone signs each one. What a photograph of it can do, and what it cannot.",
        },
        compact: false,
    })?;
    let shown = world.next_shows(7)?;
    let picture = world.at(
        Tianhe,
        scene(
            "first-showing",
            words("首次出示", "Shown for the first time"),
            words(
                "接受前先在磁盘上登记，之后才显示结论。",
                "It is recorded on the disk first; only then is the verdict shown.",
            ),
            Sight::Phone(shown),
            Reason::Valid,
        ),
    );
    world.wait(8)?;
    world.at(
        Tianhe,
        scene(
            "replayed",
            words("同一画面再扫一次", "The very same picture again"),
            words("12 秒内同一个码第二次出现。", "The same code a second time, 12 seconds after it was made."),
            Sight::Again(picture.clone()),
            Reason::Replayed,
        ),
    );
    world.wait(8)?;
    world.at(
        Nanshan,
        scene(
            "other-counter",
            words("同一个码，另一个窗口", "The same code at another counter"),
            words(
                "如实说明：30 秒内另一窗口也会接受。两个离线窗口互不知情，被动亮码无法阻止；“保证程度”因此写明 passive。",
                "Said honestly: within 30 seconds the other counter accepts it too. Two offline counters do not know of each other, and a passive code cannot prevent it; that is why the verdict says “passive”.",
            ),
            Sight::Again(picture.clone()),
            Reason::Valid,
        ),
    );
    world.wait(25)?;
    world.at(
        Tianhe,
        scene(
            "screenshot",
            words("截图，过了时限", "The screenshot, later"),
            words("45 秒后再出示同一画面。", "The same picture 45 seconds after the code was made."),
            Sight::Again(picture),
            Reason::PresentationExpired,
        ),
    );

    world.wait(20)?;
    let of_tianhe = world.challenge(Tianhe, "办理社保")?;
    let of_nanshan = world.challenge(Nanshan, "入学登记")?;
    let shown_at = world.wait(8)?;
    let answer = world.phone(7)?.answer(&of_tianhe, shown_at)?;
    world.wait(5)?;
    world.at(
        Nanshan,
        asked(
            &of_nanshan,
            scene(
                "forwarded-answer",
                words("转发的应答", "An answer forwarded from elsewhere"),
                words(
                    "手机应答的是甲窗口的挑战码，被拿到乙窗口。挑战码能阻止被动亮码阻止不了的事。",
                    "The phone answered counter A's challenge and the code is shown at counter B. A challenge stops what a passive code cannot.",
                ),
                Sight::Phone(answer.clone()),
                Reason::ChallengeMismatch,
            ),
        ),
    );
    world.wait(3)?;
    world.at(
        Tianhe,
        asked(
            &of_tianhe,
            scene(
                "right-counter",
                words("同一应答，在发问的窗口", "The same answer at the counter that asked"),
                words("此处有效，挑战码随即用掉。", "Here it is valid, and the challenge is used up with it."),
                Sight::Phone(answer),
                Reason::Valid,
            ),
        ),
    );
    let shown_at = world.wait(6)?;
    let again = world.phone(9)?.answer(&of_tianhe, shown_at)?;
    world.wait(4)?;
    world.at(
        Tianhe,
        asked(
            &of_tianhe,
            scene(
                "challenge-used",
                words("挑战码用第二次", "The challenge, a second time"),
                words(
                    "另一部手机应答了已用过的挑战码。",
                    "Another phone answers a challenge that was answered before.",
                ),
                Sight::Phone(again),
                Reason::ChallengeExpired,
            ),
        ),
    );
    world.wait(20)?;
    let challenge = world.challenge(Tianhe, "办理社保")?;
    let shown = world.next_shows(16)?;
    world.at(
        Tianhe,
        asked(
            &challenge,
            scene(
                "challenge-missing",
                words("没有应答挑战码", "The challenge is not answered"),
                words(
                    "窗口发问，手机却只亮出普通的码。",
                    "The counter asked; the phone shows a code without an answer.",
                ),
                Sight::Phone(shown),
                Reason::ChallengeMissing,
            ),
        ),
    );

    let bare = world.phone(5)?.permit_alone()?;
    world.wait(25)?;
    world.at(
        Tianhe,
        scene(
            "bare-permit",
            words("只有证照，没有手机签名", "The permit file without the phone's signature"),
            words("证照文件被复制，做成了二维码。", "Somebody copied the permit file and made a code of it."),
            Sight::Phone(bare),
            Reason::HolderProofMissing,
        ),
    );
    let copied = world.phone(5)?.permit_bytes()?.to_vec();
    let shown_at = world.wait(25)?;
    let foreign = world.phone(7)?.sign_foreign(&copied, None, shown_at)?;
    world.wait(4)?;
    world.at(
        Tianhe,
        scene(
            "other-phone",
            words("别人的手机签名", "Signed by somebody else's phone"),
            words("复制的证照由另一部手机签名亮出。", "The copied permit is shown with another phone's signature."),
            Sight::Phone(foreign),
            Reason::DeviceSignature,
        ),
    );
    Ok(())
}

fn twenty_samples(world: &mut World<'_>) -> Result<(), Fault> {
    world.stage.begin(Section {
        key: "samples",
        title: Words { zh: "二十个样例", en: "The twenty samples" },
        lead: Words {
            zh: "每个样例亮证一次，结论须与样例数据中的预期状态一致。",
            en: "Each sample is shown once; the verdict must be the one that the sample data expect on this day.",
        },
        compact: true,
    })?;
    for no in world.samples.keys().copied().collect::<Vec<_>>() {
        let expected = world.sample(no)?.expected()?;
        let in_shenzhen = world.sample(no)?.division()?.prefecture_name() == Some("深圳市");
        let shown = world.next_shows(no)?;
        let place = if in_shenzhen { Nanshan } else { Tianhe };
        world.at(
            place,
            scene(
                &format!("sample-{no:02}"),
                words(format!("样例 {no}"), format!("Sample {no}")),
                words(format!("预期：{}", expected.title().zh), format!("Expected: {}", expected.code())),
                Sight::Phone(shown),
                expected,
            ),
        );
    }
    Ok(())
}

fn life(world: &mut World<'_>) -> Result<(), Fault> {
    world.stage.begin(Section {
        key: "life",
        title: Words { zh: "签注、注销与变更", en: "Lapse, cancellation, change" },
        lead: Words {
            zh: "签注是否过期写在证照里；注销、中止和更新写在状态名单里，窗口事先下载。",
            en: "Whether the endorsement has lapsed is in the permit; what the authority decides is in the status list that counters fetch beforehand.",
        },
        compact: false,
    })?;
    let shown = world.next_shows(3)?;
    world.at(
        Tianhe,
        scene(
            "lapsed",
            words("签注逾期", "Endorsement lapsed"),
            words(
                "逾期 40 天，使用功能中止；补办签注即可恢复。",
                "Forty days overdue: suspended, until the endorsement is made up.",
            ),
            Sight::Phone(shown),
            Reason::EndorsementLapsed,
        ),
    );
    let shown = world.next_shows(11)?;
    world.at(
        Nanshan,
        scene(
            "two-years-to-the-day",
            words("中止满两年的最后一天", "The last day of two suspended years"),
            words(
                "深圳：今天还能补办签注，明天自动注销（见最后一节）。",
                "Shenzhen: today it can still be made up; tomorrow it is cancelled by itself (last section).",
            ),
            Sight::Phone(shown),
            Reason::EndorsementLapsed,
        ),
    );
    let shown = world.next_shows(12)?;
    world.at(
        Nanshan,
        scene(
            "auto-cancelled",
            words("中止满两年，自动注销", "Suspended for two years: cancelled by itself"),
            words(
                "没有人下载过任何东西：窗口按规则自己算出。",
                "Nobody had to tell the counter: it follows from the date and the region rule.",
            ),
            Sight::Phone(shown),
            Reason::AutoCancelled,
        ),
    );
    let shown = world.next_shows(4)?;
    world.at(
        Tianhe,
        scene(
            "cancelled",
            words("屋主申报注销", "Cancelled: the landlord reported it"),
            words(
                "4 月 15 日起在状态名单中为已注销；手机上的证照本身没有变。",
                "In the status list since 15 April; the permit on the phone itself is unchanged.",
            ),
            Sight::Phone(shown),
            Reason::Cancelled,
        ),
    );

    let suspended = world.sample(9)?.clone();
    let decided_at = world.wait(120)?;
    world.authorities.set_status(&suspended, Status::Suspended, decided_at)?;
    world.wait(30)?;
    world.publish_and_synchronise()?;
    let shown = world.next_shows(9)?;
    world.at(
        Tianhe,
        scene(
            "suspended",
            words("机关决定中止", "Suspended by the authority"),
            words(
                "几分钟前还有效（样例 9）；机关中止、发布新名单、窗口同步之后。",
                "Valid minutes ago (sample 9); then the authority suspended it, published a new list, and the counters took it.",
            ),
            Sight::Phone(shown),
            Reason::Suspended,
        ),
    );

    let old = world.phone(7)?.clone();
    moved(world)?;
    let shown_at = world.wait(25)?;
    world.wait(4)?;
    world.at(
        Tianhe,
        scene(
            "superseded",
            words("迁居后，旧证照", "Moved: the old copy"),
            words(
                "现居住地址已变更，手机还亮着变更前的证照。",
                "The address has changed; the phone still shows the permit from before.",
            ),
            Sight::Phone(old.show(shown_at)?),
            Reason::Superseded,
        ),
    );
    let shown = world.next_shows(7)?;
    world.at(
        Tianhe,
        scene(
            "renewed",
            words("迁居后，新证照", "Moved: the new permit"),
            words("同一部手机刷新证照之后。", "The same phone after it fetched the new permit."),
            Sight::Phone(shown),
            Reason::Valid,
        ),
    );
    Ok(())
}

/// Person 7 moves to another district: a new permit, and the old one superseded.
fn moved(world: &mut World<'_>) -> Result<(), Fault> {
    let now = world.wait(60)?;
    let sample = world.sample(7)?.clone();
    let request = sample.request_with(
        |raw| {
            raw.address_division = Some("440403".to_owned());
            raw.address = Some("广东省珠海市斗门区井岸镇虚构花园5栋101".to_owned());
        },
        now,
    )?;
    let mut phone = world.phone(7)?.clone();
    let permit = world.authorities.issue(&sample, request, &phone, now)?;
    world.stage.story.permit_bytes.push(permit.bytes().len());
    phone.take(permit.bytes())?;
    world.phones.insert(7, phone);
    world.wait(30)?;
    world.publish_and_synchronise()
}

fn forgeries(world: &mut World<'_>) -> Result<(), Fault> {
    world.stage.begin(Section {
        key: "forgery",
        title: Words { zh: "篡改与假冒", en: "Tampering and false issuers" },
        lead: Words {
            zh: "每个字节都在签名之下。改一位数字，换一把密钥，都会被发现。",
            en: "Every byte is under a signature. One digit changed, or another key, and it shows.",
        },
        compact: false,
    })?;
    let changed = |change: &OneDigit| (change.place, change.from, change.to);

    let original = world.next_shows(1)?;
    let change = forgery::other_name(&original).because("no single digit changes the name alone")?;
    let (place, from, to) = changed(&change);
    world.at(
        Tianhe,
        scene(
            "name-changed",
            words("改了姓名", "The name was changed"),
            words(
                format!("第 {place} 位数字由 {from} 改为 {to}，姓名随之不同。"),
                format!("Digit {place} was changed from {from} to {to}, and the name reads differently."),
            ),
            Sight::Phone(change.digits),
            Reason::IssuerSignature,
        ),
    );
    let original = world.next_shows(1)?;
    let change = forgery::other_nonce(&original).because("no single digit changes the nonce alone")?;
    let (place, from, to) = changed(&change);
    world.at(
        Tianhe,
        scene(
            "nonce-changed",
            words("改了随机数", "The nonce was changed"),
            words(
                format!("第 {place} 位数字由 {from} 改为 {to}，想让用过的码看似新码；手机签名不再成立。"),
                format!("Digit {place} was changed from {from} to {to} to make a used code look new; the phone's signature no longer holds."),
            ),
            Sight::Phone(change.digits),
            Reason::DeviceSignature,
        ),
    );
    let original = world.next_shows(1)?;
    let change = forgery::unreadable(&original).because("no single digit makes the code unreadable")?;
    let (place, from, to) = changed(&change);
    world.at(
        Tianhe,
        scene(
            "structure-changed",
            words("改坏了结构", "The structure was broken"),
            words(
                format!("第 {place} 位数字由 {from} 改为 {to}，内容已无法严格读出。"),
                format!("Digit {place} was changed from {from} to {to}, and the content is no longer well formed."),
            ),
            Sight::Phone(change.digits),
            Reason::Malformed,
        ),
    );

    let zhejiang = world.authorities.zhejiang_key()?;
    let shown = shown_with(world, &zhejiang, |_| {})?;
    world.at(
        Tianhe,
        scene(
            "other-region",
            words("外地机关签发", "Signed by another region's authority"),
            words(
                "浙江的真密钥签发了广东的居住证。",
                "A true Zhejiang key signed a permit for an address in Guangdong.",
            ),
            Sight::Phone(shown),
            Reason::IssuerOutOfScope,
        ),
    );
    let shown = shown_with(world, &authority::random_key()?, |_| {})?;
    world.at(
        Tianhe,
        scene(
            "unknown-key",
            words("无人认识的密钥", "A key that nobody knows"),
            words("格式完全正确，密钥却不在信任名单中。", "Perfectly formed, but the key is not in the trust list."),
            Sight::Phone(shown),
            Reason::IssuerUnknown,
        ),
    );
    let specimen = world.authorities.specimen_key();
    let shown = shown_with(world, &specimen, |_| {})?;
    world.at(
        Tianhe,
        scene(
            "specimen",
            words("培训用样本", "A specimen for training"),
            words(
                "样本密钥签发，一切检查都通过，也绝不显示为有效。",
                "Signed with the specimen key: every check passes, and still it is never shown as valid.",
            ),
            Sight::Phone(shown),
            Reason::Specimen,
        ),
    );
    Ok(())
}

/// A permit for person 1 with something entered differently, signed with this key beside the ledger, bound to a new phone and shown by it.
fn shown_with(world: &mut World<'_>, key: &Key, change: impl FnOnce(&mut RawRequest)) -> Result<String, Fault> {
    let begin = Timestamp::parse(BEGIN).because("the first day is refused")?;
    let begin = world.sample(1)?.signed_at(begin)?;
    let request = world.sample(1)?.request_with(change, begin)?;
    let mut phone = Phone::new(Algorithm::Ed25519)?;
    let permit = authority::sign_beside_the_ledger(key, &request, &phone, begin)?;
    phone.take(permit.bytes())?;
    let shown_at = world.wait(25)?;
    world.wait(4)?;
    phone.show(shown_at)
}

fn paper(world: &mut World<'_>) -> Result<(), Fault> {
    world.stage.begin(Section {
        key: "paper",
        title: Words { zh: "纸质凭证", en: "Paper vouchers" },
        lead: Words {
            zh: "深圳的信息单、浙江的确认单可以打印；广东没有纸质凭证。",
            en: "Shenzhen prints 信息单 and Zhejiang 确认单; Guangdong has no paper.",
        },
        compact: false,
    })?;
    for (no, place, key, zh, en, expected) in [
        (14, Nanshan, "voucher-shenzhen", "深圳信息单", "Shenzhen's information sheet", Reason::VoucherValid),
        (15, Tianhe, "voucher-wenzhou", "温州确认单", "Wenzhou's confirmation sheet", Reason::VoucherValid),
        (
            1,
            Tianhe,
            "voucher-guangdong",
            "广东的“纸质凭证”",
            "A paper voucher from Guangdong",
            Reason::VoucherNotAllowed,
        ),
    ] {
        let now = world.wait(30)?;
        let sample = world.sample(no)?.clone();
        let permit = world.authorities.print(sample.voucher_request(now)?, now)?;
        world.stage.draft.write(&format!("permits/{key}.cose"), permit.bytes())?;
        world.wait(300)?;
        let told = match &sample.voucher {
            Some(voucher) => words(
                format!("{}，打印五分钟后出示。纸质凭证谁拿着都一样，所以须核对身份证件。", voucher.kind),
                "Printed five minutes ago. Paper is the same in anyone's hands, so the identity card must be checked."
                    .to_owned(),
            ),
            None => words(
                "签名成立，但广东的规则不允许纸质凭证。",
                "The signature holds, but Guangdong's rule allows no paper.",
            ),
        };
        world.at(place, scene(key, words(zh, en), told, Sight::Paper(permit.text()), expected));
    }
    Ok(())
}

fn pictures(world: &mut World<'_>) -> Result<(), Fault> {
    world.stage.begin(Section {
        key: "pictures",
        title: Words { zh: "画面", en: "What the camera sees" },
        lead: Words {
            zh: "摄像头前不一定只有一个居住证二维码。",
            en: "There is not always exactly one permit code before the camera.",
        },
        compact: false,
    })?;
    let (left, right) = (world.next_shows(1)?, world.phone(5)?.show(world.now)?);
    world.at(
        Tianhe,
        scene(
            "two-permits",
            words("画面中有两个居住证", "Two permits in one picture"),
            words(
                "两部手机并排。窗口不挑选，请只出示一个。",
                "Two phones side by side. It is not for the counter to choose.",
            ),
            Sight::TwoPhones(left, right),
            Reason::MultipleCodes,
        ),
    );
    world.wait(20)?;
    world.at(
        Tianhe,
        scene(
            "web-address",
            words("别的二维码", "Another kind of code"),
            words(
                "手机上是一个网址。程序只读文字，从不打开网址。",
                "The phone shows a web address. The verifier reads text and never opens it.",
            ),
            Sight::ForeignCode("https://www.example.cn/juzhuzheng?id=1".to_owned()),
            Reason::NotAPermitCode,
        ),
    );
    world.wait(20)?;
    world.at(
        Tianhe,
        scene(
            "no-code",
            words("没有二维码", "No code at all"),
            words(
                "亮证页面尚未打开；看了五帧都没有二维码。",
                "The permit page is not open yet; five frames, and no code in any.",
            ),
            Sight::NoCode,
            Reason::NoCode,
        ),
    );
    Ok(())
}

/// A counter in the mountains, without any network since it was installed: somebody brings a stick now and then.
fn stick(world: &mut World<'_>) -> Result<(), Fault> {
    world.stage.begin(Section {
        key: "stick",
        title: Words { zh: "从未联网的窗口", en: "A counter that never had a network" },
        lead: Words {
            zh: "山区窗口只靠 U 盘送来的名单核验。U 盘就是一个文件夹，谁送来都一样：每份名单的签名都由窗口自己核对。",
            en: "A counter in the mountains goes by the lists that a USB stick brings. A stick is a folder, and it does not matter who brings it: the counter checks every signature itself.",
        },
        compact: false,
    })?;
    let elsewhere = tempfile::tempdir().because("no temporary folder can be made")?;
    let name = Words { zh: "丁窗口（连南，从未联网）", en: "counter D, Liannan, never online" };
    let counter = Counter::install(&elsewhere.path().join("state-d"), "LIANNAN-01", world.authorities.root()?, name)?;
    world.stage.counters.insert(Mountain, counter);
    world.bring_a_stick("stick-1")?;
    let shown = world.next_shows(5)?;
    world.at(
        Mountain,
        scene(
            "first-stick",
            words("U 盘送到之后", "After the first stick"),
            words(
                "窗口只知道根密钥指纹和 U 盘上的名单（样例 5）。",
                "The counter knows the root key's thumbprint and what was on the stick (sample 5).",
            ),
            Sight::Phone(shown),
            Reason::Valid,
        ),
    );
    world.stage.settle()?;

    let cancelled = world.sample(5)?.clone();
    let decided_at = world.wait(3_600)?;
    world.authorities.set_status(&cancelled, Status::Cancelled, decided_at)?;
    let draft = world.stage.draft;
    world.authorities.share_the_root(draft, decided_at)?;
    world.wait(30)?;
    world.publish_and_synchronise()?;
    let shown = world.next_shows(5)?;
    world.at(
        Mountain,
        scene(
            "news-on-its-way",
            words("注销的消息还在路上", "The news is still on its way"),
            words(
                "一小时前已注销，别的窗口已知道；这里的名单旧了一小时，页面上写明。",
                "Cancelled an hour ago, and other counters know; the list here is an hour older, as the verdict says.",
            ),
            Sight::Phone(shown),
            Reason::Valid,
        ),
    );
    world.stage.settle()?;
    world.bring_a_stick("stick-2")?;
    let shown = world.next_shows(5)?;
    world.at(
        Mountain,
        scene(
            "second-stick",
            words("第二个 U 盘送到之后", "After the second stick"),
            words("同一部手机，新名单。", "The same phone, the new list."),
            Sight::Phone(shown),
            Reason::Cancelled,
        ),
    );
    let shown = world.next_shows(1)?;
    world.at(
        Mountain,
        scene(
            "root-shared",
            words("根密钥换成三把中的两把", "Two of three root keys"),
            words(
                "U 盘上还有第 2 版信任名单：旧根密钥和新根密钥都签了名，窗口不用重装。",
                "The stick also brought version 2 of the trust list, signed by the old root key and by two of the new three: nothing to install again.",
            ),
            Sight::Phone(shown),
            Reason::Valid,
        ),
    );
    world.stage.settle()?;
    world.stage.counters.remove(&Mountain);
    Ok(())
}

fn lists_and_clocks(world: &mut World<'_>) -> Result<(), Fault> {
    world.stage.begin(Section {
        key: "lists",
        title: Words { zh: "名单与时钟", en: "Lists and clocks" },
        lead: Words {
            zh: "不知道的、太旧的，一律是“无法判定”，绝不放行，并说明该做什么。",
            en: "What is unknown or too old is undecided, never accepted, and the verdict says what to do.",
        },
        compact: false,
    })?;
    // A counter outside the folder: it is of no use to anyone afterwards.
    let elsewhere = tempfile::tempdir().because("no temporary folder can be made")?;
    let name = Words { zh: "丙窗口（新装）", en: "counter C, just installed" };
    let fresh = Counter::install(&elsewhere.path().join("state-c"), "NEW-01", world.authorities.root()?, name)?;
    world.stage.counters.insert(Fresh, fresh);
    let shown = world.next_shows(1)?;
    world.at(
        Fresh,
        scene(
            "no-trust-list",
            words("新装的窗口，没有名单", "A new counter without any list"),
            words("只装了根密钥指纹，尚未同步。", "It has the root key's thumbprint and has not synchronised yet."),
            Sight::Phone(shown),
            Reason::TrustListMissing,
        ),
    );
    world.stage.settle()?;
    let (trust_list, now) = (world.authorities.trust_list()?.to_vec(), world.now);
    world.counter(Fresh)?.take_trust_list(&trust_list, now)?;
    let shown = world.next_shows(1)?;
    world.at(
        Fresh,
        scene(
            "no-status-list",
            words("有信任名单，没有状态名单", "A trust list, but no status list"),
            words(
                "签名成立；是否已注销却无从得知。",
                "The signatures hold; whether the permit was cancelled cannot be told.",
            ),
            Sight::Phone(shown),
            Reason::StatusListMissing,
        ),
    );
    world.stage.settle()?;
    world.stage.counters.remove(&Fresh);

    let shown = world.next_shows(1)?;
    let today = world.now;
    world.now = today.checked_sub(86_400).because("there is no day before")?;
    world.at(
        Tianhe,
        scene(
            "clock-set-back",
            words("电脑时钟被拨回一天", "The computer's clock set back by a day"),
            words(
                "时钟早于机关已签名的时间，不可信。",
                "The clock is behind a time that the authorities have signed already.",
            ),
            Sight::Phone(shown),
            Reason::ClockSuspect,
        ),
    );
    world.now = today;

    // Midnight passes.
    let midnight = world.now.day().add_days(1).because("there is no next day")?.start_of_day();
    world.now = midnight.max(world.now);
    let shown = world.next_shows(11)?;
    world.at(
        Nanshan,
        scene(
            "next-day",
            words("午夜过后", "After midnight"),
            words(
                "昨天还可补办（样例 11），今天零时起自动注销。",
                "Yesterday it could still be made up (sample 11); since midnight it is cancelled.",
            ),
            Sight::Phone(shown),
            Reason::AutoCancelled,
        ),
    );
    world.wait(7 * 86_400 + 11 * 3_600)?;
    let shown = world.next_shows(1)?;
    world.at(
        Tianhe,
        scene(
            "stale-lists",
            words("八天没有同步", "Eight days without synchronising"),
            words("状态名单超过七天，不再作数。", "A status list older than seven days answers nothing."),
            Sight::Phone(shown),
            Reason::StatusListStale,
        ),
    );
    Ok(())
}

fn copy_folder(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

fn scene(key: &str, title: Words<String>, told: Words<String>, sight: Sight, expected: Reason) -> Scene {
    Scene { key: key.to_owned(), title, told, sight, asked: None, expected }
}

fn asked(challenge: &Challenge, scene: Scene) -> Scene {
    Scene { asked: Some(challenge.clone()), ..scene }
}
