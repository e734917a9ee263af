//! The properties as fuzz targets.

/// Panics if the property of this name does not hold of these bytes.
pub fn hold(name: &str, bytes: &[u8]) {
    (properties::named(name).expect("a target is named for its property").holds)(bytes);
}
