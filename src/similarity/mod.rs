//! Whether a question was asked before in other words.
//!
//! Map: [`text`] characters, [`token`] words and what else a text consists of, with [`shape`], [`signs`], [`contractions`]
//! and [`mentions`]; [`words`] lists of the words of the grammar, [`lexicon`] what is known of all others; [`frames`] what kind of
//! answer is asked for, [`restate`] the same asked by another kind of question, [`sentence`] where; [`query`] a question taken
//! apart into each [`term`] that it is about and the [`facts`] besides; [`align`] which word of one is which of the other,
//! [`roles`] who does what to whom, [`slips`] typing errors, [`details`] what else is asked about, [`compare`] what follows from it; [`index`] finds the questions that
//! are worth comparing, [`vectors`] the vectors that are near.

mod align;
mod compare;
mod contractions;
mod details;
mod facts;
mod frames;
mod index;
pub mod lexicon;
mod mentions;
mod query;
mod restate;
mod roles;
mod sentence;
mod shape;
mod signs;
mod slips;
mod term;
mod text;
mod token;
pub mod vectors;
mod words;

pub use compare::{Reason, Verdict};
pub use index::{Candidate, Index, Wanted};
pub use sentence::is_question;

/// Unpacks what comparing needs, some ms, on a thread of its own: whoever compares first does not wait for it.
pub fn warm_up() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        let work = || {
            let _ = query::Query::parse("is it there");
        };
        // Without a thread, the first who compares does it.
        let _ = std::thread::Builder::new().name("agentwise-words".to_owned()).spawn(work);
    });
}

/// Compares two texts: how alike they are as questions, and what speaks against serving one's answer for the other.
pub fn compare_texts(a: &str, b: &str) -> Verdict {
    match (query::Query::parse(a), query::Query::parse(b)) {
        (Some(a), Some(b)) => compare::compare(&a, &b),
        _ => Verdict { score: f32::from(u8::from(a == b)), refusal: None, is_same: a == b },
    }
}

#[cfg(test)]
mod tests;
