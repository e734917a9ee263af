//! The outer edge that the binaries `issuer`, `holder` and `verifier` share.
//!
//! Everything here touches the machine: files, the clock, random numbers, the terminal. The libraries behind the
//! binaries touch none of it; they are handed what this crate fetched.
//!
//! | module | what it answers for |
//! |---|---|
//! | [`refusal`] | a sentence, a remedy, a stable code and an exit code for everything that can go wrong; [`refusal::run`] around `main` |
//! | [`files`] | bounded reading; writing a whole file or none; standard input and output |
//! | [`clock`] | the only place that asks what time it is, and the fixed clock of rehearsals |
//! | [`random`] | the only place that asks for random numbers |
//! | [`key_file`] | PKCS#8 and SPKI PEM files that OpenSSL reads and writes, and who may read them |
//! | [`passphrase`] | where a passphrase comes from: the terminal or a file, never the command line or the environment |
//! | [`typed`] | a line typed into a terminal, however long, and the terminal given back as it was |
//! | [`escape`] | foreign text made safe for a terminal and for JSON |
//!
//! Wrong options are reported by `clap` itself, on standard error, with exit code 2; nothing here repeats that.
//!
//! A message never holds personal data or key material. It may hold what the user typed: a path, an option, a time.
#![forbid(unsafe_code)]

pub mod clock;
pub mod escape;
pub mod files;
pub mod key_file;
pub mod passphrase;
pub mod random;
pub mod refusal;
pub mod typed;
