//! Which permits in force hang on which key: read from a ledger that is not touched.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use command_line::refusal::{Exit, Refusal};
use credential_format::permit::UnverifiedPermit;
use issuer::ledger::LedgerError;
use issuer::trust::lint::{KeyUse, PermitTimes};
use rusqlite::{Connection, OpenFlags};

use super::super::from_sentence;

/// The permits that are valid or suspended, by the key that signed them.
pub(super) fn read(path: &Path) -> Result<Vec<KeyUse>, Refusal> {
    if let Err(error) = path.metadata() {
        return Err(from_ledger(path, &LedgerError::File(error)));
    }
    permits(path).map_err(|error| from_ledger(path, &error))
}

fn permits(path: &Path) -> Result<Vec<KeyUse>, LedgerError> {
    let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connection.busy_timeout(Duration::from_secs(30))?;
    let known = "SELECT count(*) = 2 FROM sqlite_schema WHERE type = 'table' AND name IN ('ledger', 'permit')";
    if !connection.query_row(known, [], |row| row.get(0))? {
        return Err(LedgerError::NotALedger);
    }
    let mut statement = connection.prepare("SELECT bytes FROM permit WHERE status IN (0, 2)")?;
    let mut rows = statement.query([])?;
    let mut keys: BTreeMap<_, Vec<PermitTimes>> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let bytes = row.get_ref(0)?.as_blob().map_err(|_| LedgerError::Damaged)?;
        let permit = UnverifiedPermit::parse(bytes).map_err(|_| LedgerError::Damaged)?;
        let claims = permit.unverified_claims();
        let times = PermitTimes { issued_at: claims.issued_at, expires_at: claims.expires_at };
        keys.entry(permit.kid()).or_default().push(times);
    }
    Ok(keys.into_iter().map(|(kid, permits)| KeyUse { kid, permits }).collect())
}

/// Nothing was issued here, whatever the ledger's own sentences say of batches.
fn from_ledger(path: &Path, error: &LedgerError) -> Refusal {
    let what = match error {
        LedgerError::Database(error) => {
            format!(
                "the ledger cannot be read: {error}; if its folder cannot be written to, copy the ledger with the files beside it"
            )
        }
        other => other.to_string(),
    };
    let exit = match error {
        LedgerError::NotALedger | LedgerError::File(_) => Exit::Usage,
        _ => Exit::Internal,
    };
    from_sentence(error.code(), exit, &format!("{}: {what}", path.display()))
}
