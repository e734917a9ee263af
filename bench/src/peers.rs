//! Objects of other forms with the same claims.
