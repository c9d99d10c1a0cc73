//! A context as JavaScript hands it over: five typed arrays, copied once.

use super::call::Args;
use crate::base::document::Columns;
use crate::base::error::Result;

/// Reads kinds, ends, lengths, numbers and text from the arguments from `first` on.
pub(super) fn read(args: &Args, first: usize) -> Result<Columns> {
    Ok(Columns {
        kinds: args.get::<&[u8]>(first)?.to_vec(),
        ends: args.get::<&[u32]>(first + 1)?.to_vec(),
        lengths: args.get::<&[u32]>(first + 2)?.to_vec(),
        numbers: args.get::<&[f64]>(first + 3)?.to_vec(),
        text: args.get::<&[u8]>(first + 4)?.to_vec(),
    })
}
