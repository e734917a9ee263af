//! The page's files, which are in the program: nothing is loaded from anywhere else.

/// A file of the page.
pub(super) struct File {
    /// Its path in an address.
    pub(super) path: &'static str,
    pub(super) content_type: &'static str,
    pub(super) bytes: &'static [u8],
}

macro_rules! files {
    ($($path:literal $name:literal $content_type:literal,)*) => {
        /// All of them.
        pub(super) const FILES: &[File] = &[$(File {
            path: $path,
            content_type: $content_type,
            bytes: include_bytes!(concat!("page/", $name)),
        },)*];
    };
}

files! {
    "/" "index.html" "text/html; charset=utf-8",
    "/ages.js" "ages.js" "text/javascript; charset=utf-8",
    "/camera.js" "camera.js" "text/javascript; charset=utf-8",
    "/challenge.js" "challenge.js" "text/javascript; charset=utf-8",
    "/charts.js" "charts.js" "text/javascript; charset=utf-8",
    "/compare.js" "compare.js" "text/javascript; charset=utf-8",
    "/counter.css" "counter.css" "text/css; charset=utf-8",
    "/counter.js" "counter.js" "text/javascript; charset=utf-8",
    "/elements.js" "elements.js" "text/javascript; charset=utf-8",
    "/gun.js" "gun.js" "text/javascript; charset=utf-8",
    "/help.js" "help.js" "text/javascript; charset=utf-8",
    "/icon.svg" "icon.svg" "image/svg+xml",
    "/journal.js" "journal.js" "text/javascript; charset=utf-8",
    "/juma-words.woff2" "juma-words.woff2" "font/woff2",
    "/link.js" "link.js" "text/javascript; charset=utf-8",
    "/overlay.js" "overlay.js" "text/javascript; charset=utf-8",
    "/permit.js" "permit.js" "text/javascript; charset=utf-8",
    "/serial.js" "serial.js" "text/javascript; charset=utf-8",
    "/sounds.js" "sounds.js" "text/javascript; charset=utf-8",
    "/troubles.js" "troubles.js" "text/javascript; charset=utf-8",
    "/verdict.js" "verdict.js" "text/javascript; charset=utf-8",
    "/words.js" "words.js" "text/javascript; charset=utf-8",
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file that is forgotten here is a page that does not load.
    #[test]
    fn every_file_of_the_page_is_in_the_program() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/counter/page");
        for entry in std::fs::read_dir(folder).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let path = if name == "index.html" { "/".to_owned() } else { format!("/{name}") };
            let is_served = FILES.iter().any(|file| file.path == path);
            assert_eq!(is_served, !name.ends_with(".txt"), "{name}");
        }
    }

    /// A page that loads something from elsewhere tells somebody else when a counter works, and does not work without a network.
    #[test]
    fn nothing_is_loaded_from_elsewhere() {
        for file in FILES.iter().filter(|file| !file.path.ends_with(".woff2")) {
            let text = std::str::from_utf8(file.bytes).unwrap();
            let elsewhere = text.split("://").skip(1).filter(|rest| !rest.starts_with("www.w3.org/"));
            assert_eq!(elsewhere.count(), 0, "{}", file.path);
        }
    }
}
