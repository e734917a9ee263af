//! The only place that asks for random numbers.

use crate::refusal::Refusal;

/// `N` bytes from the operating system's generator, fit for keys, salts and challenges.
///
/// # Errors
///
/// `RANDOM` when the operating system gives none.
pub fn random_bytes<const N: usize>() -> Result<[u8; N], Refusal> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(no_random)?;
    Ok(bytes)
}

fn no_random(error: getrandom::Error) -> Refusal {
    Refusal::internal(
        "RANDOM",
        format!("the operating system gave no random numbers: {error}"),
        "restart the machine; in a container, see that the getrandom system call is allowed",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::refusal::Exit;

    #[test]
    fn bytes_differ_and_fill_the_array() {
        let first: [u8; 32] = random_bytes().expect("random");
        let second: [u8; 32] = random_bytes().expect("random");
        assert_ne!(first, second);
        let long: [u8; 4096] = random_bytes().expect("random");
        assert!(long[4064..].iter().any(|byte| *byte != 0));
    }

    #[test]
    fn a_silent_generator_is_a_machine_fault() {
        let refusal = no_random(getrandom::Error::UNSUPPORTED);
        assert_eq!((refusal.code(), refusal.exit()), ("RANDOM", Exit::Internal));
    }
}
