//! Whose an entry is, and the bytes that identify it. Two entries are the same only if all of it is equal; nothing is found
//! by hash alone.

use sha2::{Digest, Sha256};
use xxhash_rust::xxh3::xxh3_128;

/// What an entry belongs to besides its query. `None` is a scope of its own: it never matches a given value.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Scope {
    /// The agent that may see it; `None`: all agents of the namespace.
    pub agent_id: Option<String>,
    /// The model that gave the answer.
    pub model: Option<String>,
    /// The system prompt under which it was given. Only its SHA-256 is kept.
    pub system_prompt: Option<String>,
}

/// Where keys live: a root, and names below it. Roots know nothing of each other.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Namespace(String);

impl Namespace {
    /// Between the names of a path; no name holds it.
    const SEPARATOR: char = '\0';

    /// The root `name`; the empty one is the default.
    pub fn root(name: &str) -> Self {
        Self(name.to_owned())
    }

    /// The namespace `name` below this one.
    #[must_use]
    pub fn child(&self, name: &str) -> Self {
        Self(format!("{}{}{name}", self.0, Self::SEPARATOR))
    }

    /// As bytes, for keys and for the store.
    pub fn bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `other` is this namespace or below it.
    pub fn contains(&self, other: &[u8]) -> bool {
        other.strip_prefix(self.bytes()).is_some_and(|rest| rest.first().is_none_or(|&byte| byte == 0))
    }
}

const HAS_AGENT: u8 = 1;
const HAS_MODEL: u8 = 2;
const HAS_PROMPT: u8 = 4;

/// Full identity of an entry: namespace, scope and query as bytes, and their hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Flags, then each part with its length, the query last.
    pub bytes: Box<[u8]>,
    /// xxh3-128 of the bytes: finds the entry, never identifies it.
    pub hash: u128,
}

impl Key {
    /// The key of `query` in `namespace` and `scope`.
    pub fn new(namespace: &Namespace, scope: &Scope, query: &str) -> Self {
        let prompt_hash = scope.system_prompt.as_ref().map(|prompt| Sha256::digest(prompt.as_bytes()));
        let parts = Parts {
            namespace: namespace.bytes(),
            agent_id: scope.agent_id.as_deref(),
            model: scope.model.as_deref(),
            prompt_hash: prompt_hash.as_ref().map(|hash| &hash[..]),
            query,
        };
        parts.key()
    }

    /// The key with these bytes, as the store has them.
    pub fn from_bytes(bytes: Box<[u8]>) -> Self {
        Self { hash: xxh3_128(&bytes), bytes }
    }

    /// [`hash64`] of the key with these bytes.
    pub fn hash_of(bytes: &[u8]) -> u64 {
        hash64(xxh3_128(bytes))
    }

    /// [`hash64`] of its hash.
    pub fn hash64(&self) -> u64 {
        hash64(self.hash)
    }
}

/// The lower half of a key's hash, for tables in memory.
#[expect(clippy::cast_possible_truncation, reason = "the lower half is what is wanted")]
pub fn hash64(hash: u128) -> u64 {
    hash as u64
}

/// The keys under which a reader may find a value: its own and the shared one.
#[derive(Debug, Clone)]
pub struct Keys {
    own: Option<Key>,
    pub(crate) shared: Key,
}

impl Keys {
    /// Those of `query` as `scope` sees it.
    pub fn new(namespace: &Namespace, scope: &Scope, query: &str) -> Self {
        let own = scope.agent_id.is_some().then(|| Key::new(namespace, scope, query));
        let shared = match own {
            Some(_) => Key::new(namespace, &Scope { agent_id: None, ..scope.clone() }, query),
            None => Key::new(namespace, scope, query),
        };
        Self { own, shared }
    }

    /// Only this key.
    pub(crate) fn of(key: Key) -> Self {
        Self { own: None, shared: key }
    }

    /// The keys to look under, the own one first.
    pub(crate) fn in_order(&self) -> impl Iterator<Item = &Key> {
        self.own.iter().chain(std::iter::once(&self.shared))
    }

    /// Whether a key is the reader's own, and not shared.
    pub fn is_own(&self, key: &Key) -> bool {
        let agent = |key: &Key| Parts::read(&key.bytes).is_some_and(|parts| parts.agent_id.is_some());
        self.own.is_some() && agent(key)
    }

    /// The key of another query that this reader may see: its own or the shared one.
    pub fn of_query(&self, query: &str, is_own: bool) -> Option<Key> {
        let key = if is_own { self.own.as_ref()? } else { &self.shared };
        Some(Parts { query, ..Parts::read(&key.bytes)? }.key())
    }

    /// Only the key under which this reader would store.
    pub(crate) fn only_to_store(&self) -> Self {
        Self::of(self.to_store().clone())
    }

    /// The key under which this reader would store.
    pub fn to_store(&self) -> &Key {
        self.own.as_ref().unwrap_or(&self.shared)
    }
}

/// The parts of a key's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts<'a> {
    /// Path of the namespace.
    pub namespace: &'a [u8],
    /// The agent it belongs to.
    pub agent_id: Option<&'a str>,
    /// The model.
    pub model: Option<&'a str>,
    /// SHA-256 of the system prompt.
    pub prompt_hash: Option<&'a [u8]>,
    /// The query.
    pub query: &'a str,
}

impl<'a> Parts<'a> {
    /// Reads a key's bytes; `None` for bytes that no key has.
    pub fn read(bytes: &'a [u8]) -> Option<Self> {
        let (&flags, mut rest) = bytes.split_first()?;
        let namespace = take(&mut rest)?;
        let mut text = |flag| {
            if flags & flag == 0 { Some(None) } else { Some(Some(str::from_utf8(take(&mut rest)?).ok()?)) }
        };
        let (agent_id, model) = (text(HAS_AGENT)?, text(HAS_MODEL)?);
        let prompt_hash = if flags & HAS_PROMPT == 0 {
            None
        } else {
            let (hash, after) = rest.split_at_checked(32)?;
            rest = after;
            Some(hash)
        };
        Some(Self { namespace, agent_id, model, prompt_hash, query: str::from_utf8(rest).ok()? })
    }

    /// The key of these parts.
    pub fn key(&self) -> Key {
        let flag = |given: bool, bit: u8| if given { bit } else { 0 };
        let mut bytes = Vec::with_capacity(self.namespace.len() + self.query.len() + 8);
        bytes.push(
            flag(self.agent_id.is_some(), HAS_AGENT)
                | flag(self.model.is_some(), HAS_MODEL)
                | flag(self.prompt_hash.is_some(), HAS_PROMPT),
        );
        put(&mut bytes, self.namespace);
        for part in [self.agent_id, self.model].into_iter().flatten() {
            put(&mut bytes, part.as_bytes());
        }
        bytes.extend_from_slice(self.prompt_hash.unwrap_or_default());
        bytes.extend_from_slice(self.query.as_bytes());
        Key::from_bytes(bytes.into())
    }
}

/// Length as LEB128, then the part.
fn put(bytes: &mut Vec<u8>, part: &[u8]) {
    let mut length = part.len();
    while length >= 0x80 {
        bytes.push(length.to_le_bytes()[0] | 0x80);
        length >>= 7;
    }
    bytes.push(length.to_le_bytes()[0]);
    bytes.extend_from_slice(part);
}

fn take<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let mut length = 0_usize;
    for shift in (0..35).step_by(7) {
        let (&byte, after) = rest.split_first()?;
        *rest = after;
        length |= usize::from(byte & 0x7f).checked_shl(shift)?;
        if byte < 0x80 {
            let (part, after) = rest.split_at_checked(length)?;
            *rest = after;
            return Some(part);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn different_identities_have_different_bytes_and_parts_come_back(
            a in identity(), b in identity(),
        ) {
            let (one, two) = (key(&a), key(&b));
            prop_assert_eq!(one.bytes == two.bytes, a == b);
            let parts = Parts::read(&one.bytes).expect("own bytes");
            prop_assert_eq!((parts.namespace, parts.query), (a.0.as_bytes(), a.4.as_str()));
            prop_assert_eq!((parts.agent_id, parts.model), (a.1.as_deref(), a.2.as_deref()));
            prop_assert_eq!(parts.prompt_hash.is_some(), a.3.is_some());
            prop_assert_eq!(parts.key(), one);
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = Parts::read(&bytes);
        }
    }

    type Identity = (String, Option<String>, Option<String>, Option<String>, String);

    fn identity() -> impl Strategy<Value = Identity> {
        let part = || proptest::option::of("[ab\u{0}\u{1}é]{0,3}");
        ("[ab]{0,2}", part(), part(), part(), "[ab\u{0}é]{0,3}")
    }

    fn key((namespace, agent, model, prompt, query): &Identity) -> Key {
        let scope = Scope { agent_id: agent.clone(), model: model.clone(), system_prompt: prompt.clone() };
        Key::new(&Namespace::root(namespace), &scope, query)
    }

    #[test]
    fn namespaces_contain_what_is_below_them_only() {
        let (default, project) = (Namespace::root(""), Namespace::root("p"));
        assert!(default.contains(b"") && default.contains(default.child("p").bytes()));
        assert!(!default.contains(b"p") && !project.contains(b"pq") && !project.contains(b""));
        assert!(project.contains(project.child("a").child("b").bytes()));
        assert!(!project.child("a").contains(project.bytes()));
    }

    #[test]
    fn long_parts_come_back() {
        let long = "x".repeat(100_000);
        let key = Key::new(&Namespace::root(&long), &Scope::default(), &long);
        assert_eq!(Parts::read(&key.bytes).map(|parts| parts.query.len()), Some(100_000));
    }
}
