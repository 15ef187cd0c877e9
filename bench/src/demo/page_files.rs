//! The page's files, as they stand in the binary. What is not in this table is not served.

use std::borrow::Cow;
use std::path::Path;

/// A file of the page: its name, in the folder and after the slash of the address, and what stands in it.
type PageFile = (&'static str, &'static str);

macro_rules! page_files {
    ($($name:literal,)*) => { &[$(($name, include_str!(concat!("page/", $name))),)*] };
}

/// All of them.
const PAGE_FILES: &[PageFile] = page_files! {
    "break_it.js",
    "byte_bar.js",
    "clock.js",
    "control.js",
    "exchange_log.js",
    "format.js",
    "icon.svg",
    "index.html",
    "keyboard.js",
    "knobs.js",
    "lane_view.js",
    "lanes.js",
    "looks.js",
    "main.js",
    "painter.js",
    "playback.js",
    "prediction.js",
    "presets.js",
    "recorder.js",
    "run.js",
    "sequence.js",
    "strip_chart.js",
    "style.css",
    "tabs.js",
    "theme.js",
    "verdict.js",
    "visibility.js",
};

/// Types by the names' ends.
const TYPES: [(&str, &str); 4] = [
    (".html", "text/html; charset=utf-8"),
    (".css", "text/css; charset=utf-8"),
    (".js", "text/javascript; charset=utf-8"),
    (".svg", "image/svg+xml"),
];

/// A file as it is served.
pub(super) struct Served {
    /// What it is.
    pub(super) content_type: &'static str,
    /// What stands in it.
    pub(super) text: Cow<'static, str>,
}

/// The file of that name; the empty name is that of the page itself. With `dir`, what stands there now, for work on the
/// page. `None` when there is none.
pub(super) fn find(name: &str, dir: Option<&Path>) -> Option<Served> {
    let name = if name.is_empty() { "index.html" } else { name };
    let (_, content_type) = TYPES.iter().find(|(end, _)| name.ends_with(end))?;
    let text = match dir {
        None => Cow::Borrowed(PAGE_FILES.iter().find(|(known, _)| *known == name)?.1),
        // Names of files, not ways to elsewhere.
        Some(_) if name.contains(['/', '\\']) => return None,
        Some(dir) => Cow::Owned(std::fs::read_to_string(dir.join(name)).ok()?),
    };
    Some(Served { content_type, text })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folder_and_the_table_hold_the_same_files() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/demo/page");
        let name = |entry: std::io::Result<std::fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
        let mut there: Vec<String> = std::fs::read_dir(&folder).unwrap().map(name).collect();
        let mut here: Vec<&str> = PAGE_FILES.iter().map(|(name, _)| *name).collect();
        there.sort();
        here.sort();
        assert_eq!(here, there);
        for name in here {
            let (embedded, on_disk) = (find(name, None).unwrap(), find(name, Some(&folder)).unwrap());
            assert!(embedded.text == on_disk.text && embedded.content_type == on_disk.content_type, "{name}");
        }
    }

    #[test]
    fn names_are_found_and_ways_to_elsewhere_are_not() {
        assert!(find("", None).unwrap().content_type.starts_with("text/html"));
        for name in
            ["../page_files.rs", "/index.html", "page/index.html", "INDEX.HTML", "../control.rs", "no.js", ".js"]
        {
            assert!(find(name, None).is_none(), "{name}");
            assert!(find(name, Some(Path::new(env!("CARGO_MANIFEST_DIR")))).is_none(), "{name}");
        }
    }
}
