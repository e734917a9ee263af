//! placeholder

#[cfg(feature = "qr")]
pub mod qr;
