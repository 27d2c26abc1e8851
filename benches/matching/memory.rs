//! How many bytes are held.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

/// What each piece of memory takes besides its own bytes, and what these are rounded up to.
const HEAD: usize = 8;
const UNIT: usize = 16;

static HELD: AtomicUsize = AtomicUsize::new(0);

/// The system's, counted as it rounds.
pub struct Counted;

fn taken(bytes: usize) -> usize {
    (bytes + HEAD).next_multiple_of(UNIT)
}

// SAFETY: everything is the system allocator's own answer to the same question.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        HELD.fetch_add(taken(layout.size()), Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        HELD.fetch_sub(taken(layout.size()), Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(place, layout) }
    }

    unsafe fn realloc(&self, place: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        HELD.fetch_add(taken(size), Ordering::Relaxed);
        HELD.fetch_sub(taken(layout.size()), Ordering::Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.realloc(place, layout, size) }
    }
}

/// Bytes held now.
pub fn held() -> usize {
    HELD.load(Ordering::Relaxed)
}
