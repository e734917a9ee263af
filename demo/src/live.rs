//! The story live: a phone with a code that changes, and the page of a counter, on one machine and by its real clock.

mod cast;
mod counter_page;
mod phone_page;
#[cfg(test)]
mod tests;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use credential_format::timestamp::Timestamp;
use verifier::verdict::Words;

use crate::authority::Authorities;
use crate::counter::Counter;
use crate::fault::{Because, Fault};
use crate::folder::Draft;
use cast::Cast;
use counter_page::CounterPage;
use phone_page::PhonePage;

/// The port of the phone's page, unless another is asked for.
pub(crate) const PHONE_PORT: u16 = 8_687;

/// Where the counter's state is in the folder.
const COUNTER: &str = "counter";

/// Sets everything up in a folder, and serves the phone's page until the program is stopped.
pub(crate) fn serve(place: &Path, port: u16) -> Result<(), Fault> {
    // First of all, so that nothing is made, and nobody's folder replaced, where another demonstration is running.
    let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).because(format!(
        "port {port} of this computer cannot be had; stop what uses it, or give another with --port"
    ))?;
    let address = listener.local_addr().because("the phone's page has no address")?;
    listener.set_nonblocking(true).because("the phone's page cannot be served")?;

    let (folder, cast) = set_up(place, now()?)?;
    let counter = CounterPage::start(&folder.join(COUNTER))?;
    println!("{}", how_to_play(&address, &counter));
    let page = PhonePage { cast, counter, clock: now, host: address };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.because("the phone's page cannot be served")?.block_on(async {
        let listener = tokio::net::TcpListener::from_std(listener).because("the phone's page cannot be served")?;
        let served = axum::serve(listener, phone_page::router(Arc::new(page)));
        tokio::select! {
            served = served.into_future() => served.because("the phone's page cannot be served any more"),
            () = stopped() => Ok(()),
        }
    })
}

/// Comes with Ctrl-C, or when somebody ends the program in an orderly way: the counter that it has started ends with it.
async fn stopped() {
    #[cfg(unix)]
    if let Ok(mut terminated) = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminated.recv() => {}
        }
        return;
    }
    let _ = tokio::signal::ctrl_c().await;
}

/// The authorities, their lists, the phones, and a counter that has taken the lists: all of them as of `now`.
fn set_up(place: &Path, now: Timestamp) -> Result<(PathBuf, Cast), Fault> {
    let draft = Draft::begin(place)?;
    let earlier = |days: u64| now.checked_sub(days * 86_400).because("this computer's clock is wrong");
    let mut authorities = Authorities::found(&draft, earlier(3 * 365)?)?;
    authorities.publish_trust_list(&draft, earlier(14)?)?;
    let cast = Cast::meet(&mut authorities, now)?;
    authorities.publish_status_lists(&draft, now)?;
    let name = Words { zh: "演示窗口", en: "the counter of the demonstration" };
    let mut counter = Counter::install(&draft.path().join(COUNTER), "DEMO-01", authorities.root()?, name)?;
    counter.synchronise(&draft.path().join("published"), now)?;
    // Files that are open cannot be moved everywhere.
    drop((authorities, counter));
    Ok((draft.finish()?, cast))
}

/// This computer's time.
fn now() -> Result<Timestamp, Fault> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).because("this computer's clock is wrong")?;
    Timestamp::new(since.as_secs()).because("this computer's clock is wrong")
}

fn how_to_play(phone: &SocketAddr, counter: &CounterPage) -> String {
    let counter = match counter.address() {
        Some(address) => format!("窗口 counter   {address}"),
        None => format!("窗口 counter   请另开终端运行 start it in another terminal: {}", counter.command()),
    };
    format!(
        "\
居码 Juma — 现场演示 live demonstration
人员均为虚构测试数据。All persons are invented test data.

手机 phone     http://{phone}/
{counter}

有摄像头：把手机页面放在另一块屏幕上，或用手机给它拍照，30 秒内对准窗口的摄像头。
With a camera: show the phone page on another screen, or take a picture of it with a phone, and hold it before the
counter's camera within 30 seconds.
没有摄像头：在手机页面点“复制数字”，到窗口页面粘贴。
Without: press Copy digits on the phone page, and paste them into the counter page.

按 Ctrl-C 停止。Stop with Ctrl-C."
    )
}
