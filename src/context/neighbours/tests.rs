use super::super::test_support::{Ready, filler};

/// The fits of files for a task that only the first one has a word of, by path.
fn fit_of(files: &[(&str, &str)], task: &str) -> impl Fn(&str) -> f64 + use<> {
    let ready = Ready::of_files(files);
    let fit = ready.fit(task).elements;
    let by_path: Vec<(String, f64)> =
        files.iter().map(|(path, _)| ((*path).to_owned(), fit[ready.at(path)])).collect();
    move |path| by_path.iter().find(|(known, _)| known == path).expect("a file").1
}

#[test]
fn what_a_strong_hit_imports_gets_a_share() {
    for (from, import, to, other) in [
        ("src/app.js", "import { a } from './lib/pool.js'", "src/lib/pool.js", "other/lob/pool.js"),
        ("src/app.js", "const a = require('../db/pool')", "db/pool.js", "src/other/pool.js"),
        ("src/index.js", "const a = require('./pool')", "src/pool.js", "db/pool.js"),
        ("pkg/core/run.py", "from .pool import a", "pkg/core/pool.py", "pkg/other/pool.py"),
        ("pkg/core/run.py", "from ..base import pool", "pkg/base/pool.py", "pkg/other/pool.py"),
        ("pkg/core/__init__.py", "from .pool import a", "pkg/core/pool.py", "pkg/pool.py"),
        ("pkg/run.py", "from lib.db.pool import a", "lib/db/pool.py", "lib/web/pool.py"),
    ] {
        let text = format!("{import}\nquokka quokka quokka\n{}", filler(1500));
        let fit = fit_of(&[(from, &text), (to, &filler(1200)), (other, &filler(1200))], "quokka");
        assert!((fit(from) - 1.0).abs() < 1e-9, "{import}");
        assert!(fit(to) > 0.2 && fit(to) < 0.5, "{import}: {}", fit(to));
        assert!(fit(other) < fit(to) - 0.1, "{import}: {} {}", fit(other), fit(to));
    }
}

#[test]
fn files_beside_the_best_get_a_share_and_others_do_not() {
    let fit = fit_of(
        &[("src/auth/a1.py", "quokka"), ("src/auth/b1.py", "nothing"), ("src/other/c1.py", "nothing")],
        "quokka",
    );
    assert!((fit("src/auth/b1.py") - 0.3 / 1.3).abs() < 0.01, "{}", fit("src/auth/b1.py"));
    assert!(fit("src/other/c1.py").abs() < f64::EPSILON);
}
