//! Random bits for keys, nonces and challenges: real ones, though the story is invented.

use crate::fault::{Because, Fault};

/// As many random bytes as the caller's array has.
pub(crate) fn roll<const N: usize>() -> Result<[u8; N], Fault> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).because("the system gives no random numbers")?;
    Ok(bytes)
}
