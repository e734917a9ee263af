//! `issuer trust show`

use std::path::PathBuf;

use clap::Args;
use command_line::files;
use command_line::refusal::{Exit, Refusal};
use credential_format::key::PublicKey;
use credential_format::limits::TRUST_LIST_BYTES_MAX;
use credential_format::region::Window;
use credential_format::trust_list::UnverifiedTrustList;
use issuer::trust::TrustDraft;
use serde_json::json;

use super::super::say;
use super::{not_a_list, thumbprints};

#[derive(Args)]
pub(crate) struct Show {
    /// A trust list
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

impl Show {
    pub(super) fn run(&self, json: bool) -> Result<Exit, Refusal> {
        let bytes = files::read_limited(&self.file, TRUST_LIST_BYTES_MAX as u64)?;
        let read = UnverifiedTrustList::parse(&bytes).map_err(|error| not_a_list(&self.file, &error))?;
        let list = read.unverified_list();
        let consistent = list.check();
        let signed = read.signed_by(&list.roots);
        let value = json!({
            "v": 1,
            "version": list.version,
            "issued_at": list.issued_at.to_string(),
            "expires_at": list.expires_at.to_string(),
            "root_thumbprints": thumbprints(&list.roots),
            "signed_by_its_own_roots": signed,
            "consistent": consistent.is_ok(),
            "list": TrustDraft::of(list),
        });
        let mut text = format!(
            "version      {}\nissued at    {}\nexpires at   {}\nroots        {} of {} must sign\n",
            list.version,
            list.issued_at,
            list.expires_at,
            list.roots.threshold(),
            list.roots.keys().len(),
        );
        for thumbprint in thumbprints(&list.roots) {
            text.push_str(&format!("  {thumbprint}\n"));
        }
        for issuer in &list.issuers {
            let divisions: Vec<&str> = issuer.divisions.iter().map(|division| division.as_str()).collect();
            text.push_str(&format!(
                "issuer       {} {} for {}, {}\n",
                issuer.id,
                issuer.name,
                divisions.join(","),
                issuer.status_uri
            ));
            for key in &issuer.keys {
                let kid =
                    PublicKey::try_from(&key.key).map_or_else(|_| "unfit".to_owned(), |key| key.kid().to_string());
                let usages: Vec<String> = key.usages.iter().map(|usage| format!("{usage:?}").to_lowercase()).collect();
                let specimen = if key.specimen { ", specimens only" } else { "" };
                text.push_str(&format!(
                    "  key {kid}: {}, {} to {}{specimen}\n",
                    usages.join(","),
                    key.not_before,
                    key.not_after
                ));
            }
        }
        for rule in &list.rules {
            let window = match rule.window() {
                Window::Months(1) => "1 month".to_owned(),
                Window::Months(months) => format!("{months} months"),
                Window::Days(days) => format!("{days} days"),
            };
            let cancelled =
                rule.auto_cancel_years().map_or(String::new(), |years| format!(", cancelled after {years} years"));
            let paper = rule.voucher_name().map_or(String::new(), |name| format!(", paper {}", name.as_str()));
            let live = if rule.live_code() { "" } else { ", no live code" };
            text.push_str(&format!(
                "rule         {} {}, endorsed in the last {window}{cancelled}{paper}{live}\n",
                rule.prefix(),
                rule.permit_name(),
            ));
        }
        match (&consistent, signed) {
            (Err(error), _) => text.push_str(&format!("contradicts itself: {error} [{}]", error.code())),
            (Ok(()), true) => text.push_str("signed by its own root keys; trust it only if you know their thumbprints"),
            (Ok(()), false) => text.push_str("NOT signed by enough of its own root keys"),
        }
        say(json, &value, &text)?;
        Ok(if signed && consistent.is_ok() { Exit::Done } else { Exit::Rejected })
    }
}
