//! Files that a prompt speaks of, as globs: `src/components/`, `*.tsx`, `` `package.json` ``. Reads plain Markdown and
//! errs on the side of nothing: a wrong pattern gives an agent files it does not work on.

use globset::Glob;

/// Most patterns of one prompt, the first ones.
pub(super) const MAX_PATTERNS: usize = 40;

/// Longest piece of text that is looked at as a path.
const MAX_PATH_BYTES: usize = 128;

/// Endings that make a word a file. Without the list `.map` and `array.filter` would be files.
#[rustfmt::skip] // One ending a line is a page of endings.
const EXTENSIONS: &[&str] = &[
    "astro", "bash", "bat", "c", "cc", "cfg", "cjs", "clj", "conf", "cpp", "cs", "css", "csv", "cts",
    "cxx", "dart", "env", "erb", "ex", "exs", "go", "gql", "gradle", "graphql", "h", "hbs", "hcl",
    "hpp", "hs", "htm", "html", "ini", "ipynb", "java", "jl", "js", "json", "jsonl", "jsx", "kt", "kts",
    "less", "lock", "lua", "m", "md", "mdx", "mjs", "mm", "mts", "php", "pl", "plist", "prisma",
    "properties", "proto", "ps1", "py", "pyi", "r", "rb", "rs", "sass", "scala", "scss", "sh", "sol",
    "sql", "storyboard", "svelte", "svg", "swift", "tex", "tf", "tfvars", "toml", "ts", "tsx", "txt",
    "vue", "xib", "xml", "yaml", "yml", "zig",
];

/// First segments that make a plain word with slashes a path: prose has `and/or`, `CI/CD` and `client/server`.
const ROOTS: &[&str] = &[
    "app",
    "apps",
    "assets",
    "config",
    "docs",
    "e2e",
    "lib",
    "migrations",
    "packages",
    "pages",
    "prisma",
    "public",
    "scripts",
    "spec",
    "src",
    "test",
    "tests",
    "__tests__",
    ".github",
    ".claude",
];

/// First segments of media types (`application/json`).
const MEDIA: &[&str] = &["application", "audio", "font", "image", "multipart", "text", "video"];

/// Names of files without an ending.
const PLAIN_FILES: &[&str] =
    &["Dockerfile", "Gemfile", "Jenkinsfile", "Makefile", "Procfile", "Rakefile", "Vagrantfile"];

/// Globs of the files and directories that `text` names, each once, in order, at most [`MAX_PATTERNS`].
pub(super) fn patterns(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut in_code = false;
    // Every second piece between backticks is code; a fence is an empty piece, and what it holds counts as plain.
    for piece in text.split('`') {
        for word in piece.split(|c: char| c.is_whitespace() || ";\"'()<>|".contains(c)) {
            if found.len() == MAX_PATTERNS {
                return found;
            }
            let Some(pattern) = pattern(word, in_code) else { continue };
            if !found.contains(&pattern) && Glob::new(&pattern).is_ok() {
                found.push(pattern);
            }
        }
        in_code = !in_code;
    }
    found
}

fn pattern(word: &str, in_code: bool) -> Option<String> {
    let word = word.trim_end_matches([',', ':', '!', '?']);
    let word = word.strip_suffix('.').unwrap_or(word);
    let word = if in_code { word } else { without_emphasis(word) };
    let word = word.strip_prefix("./").unwrap_or(word);
    let is_path =
        |c: char| c.is_alphanumeric() || "_-./*{}[]?@+".contains(c) || (c == ',' && word.contains('{'));
    if word.len() < 2
        || word.len() > MAX_PATH_BYTES
        || !word.chars().all(is_path)
        || !word.contains(|c: char| c.is_alphanumeric())
        || word.starts_with(['/', '@'])
        || word.contains("..")
        || word.contains("//")
    {
        return None;
    }
    let path = if word.contains('*') {
        glob(word)?
    } else if let Some((first, _)) = word.split_once('/') {
        let root = ROOTS.contains(&first);
        let last = word.rsplit('/').find(|segment| !segment.is_empty())?;
        if let Some(directory) = word.strip_suffix('/') {
            format!("{directory}/**")
        } else if has_extension(last) {
            word.to_owned()
        } else if root || (in_code && !MEDIA.contains(&first)) {
            format!("{word}/**")
        } else {
            return None;
        }
    } else if let Some(ending) = word.strip_prefix('.').filter(|ending| EXTENSIONS.contains(ending)) {
        format!("*.{ending}")
    } else if PLAIN_FILES.contains(&word) || (in_code && has_extension(word)) {
        word.to_owned()
    } else {
        return None;
    };
    // Under whatever field of the context the files are.
    Some(if path.starts_with("**/") { path } else { format!("**/{path}") })
}

/// A glob that names a directory or an ending; `*` alone and stars in prose are none.
fn glob(word: &str) -> Option<String> {
    let names_ending = word.contains("*.") || word.contains(".*");
    (names_ending || word.contains('/')).then(|| match word.strip_suffix('/') {
        Some(directory) => format!("{directory}/**"),
        None => word.to_owned(),
    })
}

/// `**bold**` and `*slanted*` without their stars; globs that begin or end with stars as they are.
fn without_emphasis(word: &str) -> &str {
    let inner = word.trim_matches('*');
    let is_emphasis = word.starts_with('*') && inner.starts_with(|c: char| c.is_alphanumeric());
    if is_emphasis
        || word.strip_suffix('*').is_some_and(|rest| !rest.trim_end_matches('*').ends_with(['/', '.']))
    {
        inner
    } else {
        word
    }
}

fn has_extension(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(stem, ending)| {
        // `Node.js` and `Vue.js` are no files.
        let is_product = ending == "js" && stem.starts_with(|c: char| c.is_uppercase());
        EXTENSIONS.contains(&ending) && !is_product
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_a_prompt_names_are_found() {
        for (text, expected) in [
            ("Work in `src/components/` only.", &["**/src/components/**"][..]),
            ("Edit src/app and lib/util.ts.", &["**/src/app/**", "**/lib/util.ts"]),
            ("all *.tsx, **/*.sql and `styles/**` files", &["**/*.tsx", "**/*.sql", "**/styles/**"]),
            ("`.vue` or .scss", &["**/*.vue", "**/*.scss"]),
            ("`package.json`, Dockerfile, `src/db`", &["**/package.json", "**/Dockerfile", "**/src/db/**"]),
            ("**/*.{ts,tsx}, `*.test.{js,ts}`", &["**/*.{ts,tsx}", "**/*.test.{js,ts}"]),
            ("`./infra/main.tf`", &["**/infra/main.tf"]),
            ("**src/api/** is bold", &["**/src/api/**"]),
        ] {
            assert_eq!(patterns(text), expected, "{text}");
        }
    }

    #[test]
    fn prose_is_not_taken_for_files() {
        let text = "**Important**: and/or, CI/CD, *maybe*, TCP/IP, client/server; `application/json`, `/api/users`, \
                    https://example.com/a/b.html, `array.map`, Node.js, `Vue.js`, `@scope/name`, e.g. 1.2, ../up/x.ts, \
                    ** * `**` `*`, 3*4, `a*b`, [x](y)";
        assert_eq!(patterns(text), Vec::<String>::new());
    }

    #[test]
    fn only_the_first_and_each_once() {
        let text = (0..99).map(|at| format!("`src/a{at}/` `src/a{at}/`")).collect::<Vec<_>>().join(" ");
        let found = patterns(&text);
        assert_eq!((found.len(), found[39].as_str()), (MAX_PATTERNS, "**/src/a39/**"));
    }

    proptest::proptest! {
        #[test]
        fn any_text_gives_only_sound_patterns(text in "\\PC*|[a-z`*./{}\\[\\] ]*") {
            for pattern in patterns(&text) {
                assert!(Glob::new(&pattern).is_ok() && pattern.contains(char::is_alphanumeric), "{pattern}");
            }
        }
    }
}
