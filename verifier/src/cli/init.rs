//! `init`: a counter is told its root key.

use clap::Args;
use command_line::random::random_bytes;
use command_line::refusal::{Exit, Refusal};
use credential_format::counter_id::CounterId;
use credential_format::key::Thumbprint;
use verifier::state::State;

use super::terminal::Page;
use super::{StateArguments, state_refusal};

#[derive(Args)]
pub(super) struct Init {
    #[command(flatten)]
    state: StateArguments,
    /// The thumbprint of the root key, 64 hex digits; compare it with the one the authority published
    #[arg(long, value_name = "THUMBPRINT")]
    root: String,
    /// The name of this counter, A-Z, 0-9 and -, for example TIANHE-03 [default: C- and 8 random characters]
    #[arg(long, value_name = "ID")]
    counter: Option<String>,
}

impl Init {
    pub(super) fn run(self) -> Result<Exit, Refusal> {
        let root = Thumbprint::parse(&self.root).ok_or_else(|| {
            Refusal::usage(
                "ROOT_THUMBPRINT",
                "--root is not a thumbprint of 64 hex digits",
                "copy it whole from what the authority published; colons and spaces between the digits are fine",
            )
        })?;
        let counter = match &self.counter {
            Some(id) => CounterId::parse(id),
            None => CounterId::parse(&format!("C-{}", hex::encode_upper(random_bytes::<4>()?))),
        }
        .map_err(|error| {
            Refusal::usage(error.code(), error.to_string(), "give an id like TIANHE-03, or leave --counter out")
        })?;
        let state = State::create(self.state.path(), root, counter).map_err(|error| state_refusal(&error))?;
        let mut page = Page::default();
        page.line(format!("已建立核验状态 / state made: {}", state.folder().display()));
        page.line(format!("柜台 / counter: {}", state.counter()));
        page.line(format!("根密钥指纹 / root key: {root}"));
        page.line(format!("下一步：同步名单 / next: verifier sync --state {} FOLDER", state.folder().display()));
        page.print()?;
        Ok(Exit::Done)
    }
}
