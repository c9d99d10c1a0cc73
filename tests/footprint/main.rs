//! What the parts say they hold is what is allocated, and what they let go of when asked is free. One test in one process:
//! what is allocated is counted for all of it.

mod allocator;
mod fill;
mod relief;
mod rows;

/// In order: the later ones build on what the earlier ones hold.
#[test]
fn parts_hold_what_they_say_and_less_when_asked() {
    allocator::check();
    let world = rows::check();
    relief::check(&world);
}
