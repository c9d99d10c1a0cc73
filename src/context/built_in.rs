//! The built-in kinds of agents, one row each. Adding one is adding a row.

use std::sync::{Arc, LazyLock};

use super::specialization::{AgentSpecialization, Compiled};

struct BuiltIn {
    name: &'static str,
    max_context_mb: f64,
    required: &'static [&'static str],
    optional: &'static [&'static str],
    keywords: &'static [&'static str],
    /// What agents of this kind are called besides: the field's job titles and the technologies that only it works
    /// with. One of them in an agent's name decides, so nothing that everyday English has. Lower case, words of a
    /// phrase with one space; a phrase counts instead of its words (`api tester` is of testing, `api` of the backend).
    aliases: &'static [&'static str],
    files: &'static [&'static str],
    /// Category and priority, best first.
    priorities: &'static [(&'static str, f64)],
}

/// What no agent needs, whatever it works on: installed packages, build output, version control, binaries.
/// A pattern that matches a directory excludes what lies in it. Plain names and endings: globset finds these without a
/// regex, and they are matched against every key of a context.
const EXCLUDED_BY_ALL: &[&str] = &[
    "**/node_modules",
    "**/.git",
    "**/.next",
    "**/.cache",
    "**/__pycache__",
    "**/.venv",
    "**/.DS_Store",
    "**/package-lock.json",
    "**/yarn.lock",
    "**/pnpm-lock.yaml",
    "**/Cargo.lock",
    "**/*.map",
    "**/*.png",
    "**/*.jpg",
    "**/*.jpeg",
    "**/*.gif",
    "**/*.ico",
    "**/*.woff",
    "**/*.woff2",
    "**/*.zip",
    "**/*.gz",
    "**/*.pdf",
];

#[rustfmt::skip] // One row is one paragraph, not one line for each word.
const BUILT_IN: &[BuiltIn] = &[
    BuiltIn {
        name: "frontend-specialist",
        max_context_mb: 45.0,
        required: &["uiRequirements", "designSpecs"],
        optional: &["components", "styles", "routes", "accessibility", "userStories", "recentChanges"],
        keywords: &[
            "react", "vue", "svelte", "angular", "component", "css", "style", "html", "dom", "ui", "ux",
            "frontend", "browser", "layout", "responsive", "accessibility", "hook", "render", "button",
            "form", "theme", "design",
        ],
        aliases: &[
            "ui", "ux", "fe", "frontend", "front end", "web ui", "react", "reactjs", "next js", "nextjs",
            "nuxt", "vue", "vuejs", "svelte", "angular", "tailwind", "css", "scss", "html", "jsx", "tsx",
            "storybook", "accessibility", "a11y", "web design", "web designer", "design system",
            "visual designer", "interaction designer",
        ],
        files: &[
            "**/*.{tsx,jsx,vue,svelte,css,scss,sass,less,html,svg}",
            "**/{components,pages,views,styles,hooks,ui}/**",
        ],
        priorities: &[
            ("components", 10.0), ("ui", 9.0), ("design", 9.0), ("styles", 8.0), ("pages", 8.0),
            ("routes", 6.0), ("public", 5.0),
        ],
    },
    BuiltIn {
        name: "backend-specialist",
        max_context_mb: 50.0,
        required: &["apiRequirements", "databaseSchema"],
        optional: &["endpoints", "services", "authentication", "environment", "recentChanges"],
        keywords: &[
            "api", "server", "endpoint", "route", "controller", "service", "middleware", "auth", "rest",
            "graphql", "express", "http", "request", "response", "backend", "queue", "worker",
            "validation", "handler",
        ],
        aliases: &[
            "backend", "back end", "server", "server side", "serverside", "api", "rest", "graphql", "grpc",
            "endpoint", "middleware", "microservice", "microservices", "express", "expressjs", "nestjs",
            "django", "fastapi", "flask", "rails", "laravel", "spring boot", "springboot", "webhook",
        ],
        files: &[
            "**/*.{controller,service,route,routes,middleware}.{ts,js}",
            "**/{api,server,routes,controllers,services,middleware,backend}/**",
            "**/*.{go,rs,java,py,rb,php}",
        ],
        priorities: &[
            ("api", 10.0), ("server", 9.0), ("services", 9.0), ("controllers", 8.0), ("routes", 8.0),
            ("middleware", 7.0), ("models", 7.0), ("database", 6.0),
        ],
    },
    BuiltIn {
        name: "database-specialist",
        max_context_mb: 40.0,
        required: &["dataRequirements", "schemaDefinitions"],
        optional: &["databaseSchema", "migrations", "queries", "indexes", "recentChanges"],
        keywords: &[
            "database", "sql", "schema", "table", "index", "query", "migration", "postgres", "mysql",
            "sqlite", "mongodb", "redis", "orm", "prisma", "transaction", "foreign", "join", "column",
            "seed",
        ],
        aliases: &[
            "database", "db", "dba", "sql", "nosql", "plsql", "postgres", "postgresql", "mysql", "mariadb",
            "sqlite", "mongo", "mongodb", "redis", "supabase", "prisma", "orm", "schema", "data model",
            "data modeler", "data modeling", "data engineer", "data architect", "data warehouse", "etl",
        ],
        files: &["**/*.{sql,prisma}", "**/{migrations,models,schema,db,database,entities,seeds}/**"],
        priorities: &[
            ("database", 10.0), ("schema", 10.0), ("migrations", 9.0), ("models", 8.0), ("queries", 8.0),
            ("seeds", 5.0),
        ],
    },
    BuiltIn {
        name: "devops-specialist",
        max_context_mb: 35.0,
        required: &["deploymentRequirements", "infrastructure"],
        optional: &["environments", "pipelines", "monitoring", "secretsPolicy", "recentChanges"],
        keywords: &[
            "deploy", "docker", "kubernetes", "helm", "terraform", "pipeline", "ci", "cd", "nginx",
            "infrastructure", "monitoring", "container", "release", "cloud", "aws", "gcp", "azure",
            "environment", "workflow",
        ],
        aliases: &[
            "devops", "dev ops", "gitops", "ops", "sre", "site reliability", "infra", "infrastructure",
            "docker", "kubernetes", "k8s", "helm", "terraform", "ansible", "jenkins", "ci", "cd", "ci cd",
            "cicd", "github actions", "cloud", "aws", "gcp", "azure", "deploy", "deployment", "deployer",
            "observability", "platform engineer", "release engineer", "build engineer", "sysadmin",
            "system administrator",
        ],
        files: &[
            "**/{Dockerfile,docker-compose*,Makefile,Jenkinsfile}", "**/*.{yml,yaml,tf,sh}",
            "**/{.github,infra,deploy,k8s,helm,terraform}/**",
        ],
        priorities: &[
            ("infrastructure", 10.0), ("deployment", 10.0), ("pipelines", 9.0), ("docker", 9.0),
            ("config", 6.0), ("scripts", 6.0),
        ],
    },
    BuiltIn {
        name: "testing-specialist",
        max_context_mb: 45.0,
        required: &[],
        optional: &[
            "testRequirements", "coverage", "bugReports", "userStories", "acceptanceCriteria",
            "recentChanges",
        ],
        keywords: &[
            "test", "spec", "assert", "expect", "mock", "fixture", "coverage", "jest", "vitest",
            "playwright", "cypress", "e2e", "integration", "unit", "regression", "bug", "snapshot",
            "pytest",
        ],
        aliases: &[
            "qa", "sdet", "test", "tests", "tester", "testing", "test automation", "test engineer",
            "quality assurance", "quality engineer", "tdd", "bdd", "e2e", "jest", "vitest", "pytest",
            "playwright", "cypress", "selenium", "api tester", "api testing", "ui tester", "ui testing",
            "frontend tester", "frontend testing", "backend tester", "backend testing", "database tester",
            "database testing", "mobile tester", "mobile testing",
        ],
        files: &[
            "**/*.{test,spec}.{ts,tsx,js,jsx,mjs}", "**/{test,tests,__tests__,__test__,e2e,fixtures}/**",
            "**/test_*.py", "**/*_test.{go,rs,py}",
        ],
        priorities: &[
            ("tests", 10.0), ("test", 10.0), ("spec", 9.0), ("fixtures", 7.0), ("coverage", 7.0), ("src",
            4.0),
        ],
    },
    BuiltIn {
        name: "security-specialist",
        max_context_mb: 40.0,
        required: &[],
        optional: &[
            "securityRequirements", "threatModel", "dependencies", "authentication", "permissions",
            "recentChanges",
        ],
        keywords: &[
            "security", "auth", "token", "password", "encrypt", "hash", "permission", "role", "csrf",
            "xss", "cors", "injection", "vulnerability", "cve", "sanitize", "secret", "session", "oauth",
            "jwt", "tls",
        ],
        aliases: &[
            "security", "infosec", "appsec", "app sec", "devsecops", "cybersecurity", "cyber", "owasp",
            "vulnerability", "threat", "pentest", "pentester", "pen test", "pen tester", "penetration test",
            "penetration tester", "penetration testing", "security tester", "security testing", "red team",
            "blue team", "ethical hacker", "soc analyst", "frontend security", "backend security",
            "api security", "database security", "cloud security", "mobile security",
        ],
        files: &[
            "**/{auth,security,permissions,crypto}/**",
            "**/*{auth,security,session,crypto,token}*.{ts,js,go,rs,py,java}",
        ],
        priorities: &[
            ("security", 10.0), ("auth", 10.0), ("permissions", 9.0), ("dependencies", 7.0), ("api", 6.0),
            ("config", 6.0),
        ],
    },
    BuiltIn {
        name: "mobile-specialist",
        max_context_mb: 60.0,
        required: &[],
        optional: &["uiRequirements", "designSpecs", "platforms", "navigation", "recentChanges"],
        keywords: &[
            "mobile", "ios", "android", "native", "swift", "kotlin", "flutter", "expo", "screen",
            "navigation", "gesture", "push", "notification", "offline", "device", "app", "xcode",
            "gradle",
        ],
        aliases: &[
            "mobile", "ios", "i os", "android", "swift", "swiftui", "swift ui", "kotlin", "flutter", "dart", "expo",
            "xcode", "react native", "reactnative", "iphone", "ipad", "mobile ui", "mobile ux",
            "mobile frontend", "ios ui", "android ui",
        ],
        files: &[
            "**/*.{swift,kt,dart,m,mm,gradle,xib,storyboard}",
            "**/{ios,android,screens,navigation,mobile}/**",
        ],
        priorities: &[
            ("mobile", 10.0), ("screens", 9.0), ("ios", 9.0), ("android", 9.0), ("navigation", 8.0),
            ("components", 7.0),
        ],
    },
];

/// The built-in specializations, compiled at first use and shared by all filters of the process.
pub(crate) fn built_in() -> &'static [Arc<Compiled>] {
    static COMPILED: LazyLock<Vec<Arc<Compiled>>> =
        LazyLock::new(|| BUILT_IN.iter().map(|row| compiled(row.specialization())).collect());
    &COMPILED
}

/// Other names of the built-in kind that is called `name`; none for another name.
pub(crate) fn aliases(name: &str) -> &'static [&'static str] {
    BUILT_IN.iter().find(|row| row.name == name).map_or(&[], |row| row.aliases)
}

/// Whether the word is another name of a built-in kind.
pub(crate) fn is_alias(word: &str) -> bool {
    BUILT_IN.iter().any(|row| row.aliases.contains(&word))
}

/// What an agent without a specialization gets: nothing but what no agent needs.
pub(crate) fn generic() -> Arc<Compiled> {
    static GENERIC: LazyLock<Arc<Compiled>> = LazyLock::new(|| {
        compiled(AgentSpecialization {
            name: "generic".into(),
            max_context_size: f64::MAX,
            exclude_patterns: owned(EXCLUDED_BY_ALL),
            ..AgentSpecialization::default()
        })
    });
    Arc::clone(&GENERIC)
}

impl BuiltIn {
    fn specialization(&self) -> AgentSpecialization {
        AgentSpecialization {
            name: self.name.into(),
            keywords: owned(self.keywords),
            file_patterns: owned(self.files),
            context_priorities: self
                .priorities
                .iter()
                .map(|&(name, value)| (name.to_owned(), value))
                .collect(),
            max_context_size: self.max_context_mb,
            required_fields: owned(self.required),
            optional_fields: owned(self.optional),
            exclude_patterns: owned(EXCLUDED_BY_ALL),
        }
    }
}

fn compiled(specialization: AgentSpecialization) -> Arc<Compiled> {
    Arc::new(
        Compiled::new(specialization).expect("invariant: the built-in table passes its own checks (tested)"),
    )
}

fn owned(list: &[&str]) -> Vec<String> {
    list.iter().map(|&text| text.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_compiles_within_the_documented_bounds() {
        let all = built_in();
        assert_eq!(all.len(), 7);
        for compiled in all {
            assert!((35.0..=60.0).contains(&compiled.spec.max_context_size), "{}", compiled.spec.name);
            assert!(!compiled.files.is_empty() && !compiled.excludes.is_empty());
        }
    }

    #[test]
    fn no_alias_names_two_kinds() {
        let mut all: Vec<&str> = BUILT_IN.iter().flat_map(|row| row.aliases).copied().collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
        for alias in all {
            assert!(
                alias.split(' ').count() <= 3 && alias == alias.to_lowercase() && is_alias(alias),
                "{alias}"
            );
        }
    }

    #[test]
    fn excludes_match_installed_packages_at_any_depth() {
        let excludes = &built_in()[0].excludes;
        for path in ["node_modules", "files/node_modules", "package-lock.json", "a/b/logo.png"] {
            assert!(excludes.is_match(path), "{path}");
        }
        for path in ["src/build.rs", "files/src/app.tsx", "distribution"] {
            assert!(!excludes.is_match(path), "{path}");
        }
    }
}
