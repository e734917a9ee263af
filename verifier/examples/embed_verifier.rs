//! The verifier inside another program: no state folder, no command line, just the library.
//!
//! ```text
//! cargo run -p verifier --no-default-features --example embed_verifier ROOT_THUMBPRINT trust.cose status.cwt 8611…
//! ```

use std::time::{SystemTime, UNIX_EPOCH};

use credential_format::{key::Thumbprint, text, timestamp::Timestamp};
use verifier::replay::MemoryGuard;
use verifier::status::{StatusLists, TrustedStatusList};
use verifier::trust::TrustedList;
use verifier::verify::{Asked, Context, verify};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [root, trust_file, status_file, typed] = arguments.as_slice() else {
        return Err("usage: embed_verifier ROOT_THUMBPRINT TRUST_LIST STATUS_LIST DIGITS".into());
    };
    let now = Timestamp::new(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())?;
    let root = Thumbprint::parse(root).ok_or("the root thumbprint is not 64 hex digits")?;
    let trust = TrustedList::first(&std::fs::read(trust_file)?, &root, now)?;
    let mut status = StatusLists::new();
    status.replace(TrustedStatusList::check(&std::fs::read(status_file)?, &trust)?, now)?;
    let verdict = verify(
        &[text::from_keyboard(typed)],
        &mut Context {
            now,
            trust: Some(&trust),
            status: &status,
            newest_signed_time: None,
            asked: Asked::Nothing,
            replay: &mut MemoryGuard::new(100_000), // a counter keeps what it accepted on disk: feature `state`
            policy: Default::default(),
        },
    );
    println!("{}: {}", verdict.reason.code(), verdict.reason.title().en);
    Ok(())
}
