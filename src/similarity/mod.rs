//! What two texts have in common beyond their letters.

pub mod lexicon;
pub mod vectors;
