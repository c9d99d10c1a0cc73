//! A context as JavaScript hands it over: five typed arrays, copied once.

use super::call::Args;
use crate::base::columns::Borrowed;
use crate::base::document::Columns;
use crate::base::error::Result;

/// Reads kinds, ends, lengths, numbers and text from the arguments from `first` on.
pub(super) fn read(args: &Args, first: usize) -> Result<Columns> {
    Ok(borrowed(args, first)?.to_columns())
}

/// The same without a copy, for the duration of the call.
pub(super) fn borrowed<'a>(args: &Args<'a>, first: usize) -> Result<Borrowed<'a>> {
    Ok(Borrowed {
        kinds: args.get(first)?,
        ends: args.get(first + 1)?,
        lengths: args.get(first + 2)?,
        numbers: args.get(first + 3)?,
        text: args.get(first + 4)?,
    })
}
