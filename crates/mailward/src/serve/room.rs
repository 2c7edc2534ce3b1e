//! The room for headers in memory: what all messages in flight together may keep of them, and of what is to be removed.
//! NET-17: who needs more is asked to come again, before the system runs out of memory and all messages are lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes of a header that are always kept: messages as people write them are never put off.
pub const ALWAYS: usize = 16 * 1024;
/// Most bytes of all longer headers together, beyond [`ALWAYS`] of each.
pub const MAX_HEADERS: usize = 32 << 20;

/// The room.
#[derive(Clone, Debug, Default)]
pub struct Room(Arc<AtomicUsize>);

/// What one message takes of it, until this is dropped.
#[derive(Debug)]
pub struct Taken {
    room: Room,
    bytes: usize,
}

impl Room {
    /// For a message of which nothing is there yet.
    pub fn message(&self) -> Taken {
        Taken { room: self.clone(), bytes: 0 }
    }
}

impl Taken {
    /// Whether there is room for a header of so many bytes in all.
    pub fn holds(&mut self, bytes: usize) -> bool {
        let more = bytes.saturating_sub(ALWAYS).saturating_sub(self.bytes);
        if more == 0 {
            return true;
        }
        let Self { room: Room(room), bytes } = self;
        if room.fetch_add(more, Ordering::Relaxed).saturating_add(more) > MAX_HEADERS {
            room.fetch_sub(more, Ordering::Relaxed);
            return false;
        }
        *bytes += more;
        true
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.room.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn net_17_long_headers_share_the_room_and_short_ones_are_always_taken() {
        let room = Room::default();
        let mut large = room.message();
        assert!(large.holds(ALWAYS + MAX_HEADERS));
        assert!(!large.holds(ALWAYS + MAX_HEADERS + 1), "one byte too many");
        let mut other = room.message();
        assert!(other.holds(ALWAYS), "always");
        assert!(!other.holds(ALWAYS + 1));
        drop(large);
        assert!(other.holds(ALWAYS + 1) && other.holds(ALWAYS + 2) && other.holds(1));
        assert_eq!(room.0.load(Ordering::Relaxed), 2);
        drop(other);
        assert_eq!(room.0.load(Ordering::Relaxed), 0);
    }
}
