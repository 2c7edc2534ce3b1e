//! How many questions may be with the servers at once: in all, and about one zone, so that a slow zone of a stranger
//! doesn't hold up the mail of everybody else.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use dns::Name;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::{MAX_IN_FLIGHT, MAX_WAITING, ZONE_IN_FLIGHT, ZONE_WAITING};

#[derive(Clone)]
pub(crate) struct Gate {
    all: Arc<Semaphore>,
    queues: Arc<Mutex<Queues>>,
}

#[derive(Default)]
struct Queues {
    waiting: usize,
    zones: HashMap<Name, Zone>,
}

struct Zone {
    waiting: usize,
    turns: Arc<Semaphore>,
}

impl Default for Gate {
    fn default() -> Self {
        Self { all: Arc::new(Semaphore::new(MAX_IN_FLIGHT)), queues: Arc::default() }
    }
}

/// Leave to ask; to be held until the answer is there.
pub(crate) struct Turn {
    _all: OwnedSemaphorePermit,
    _zone: OwnedSemaphorePermit,
    _place: Place,
}

impl Gate {
    /// Waits for a turn; `None` where too many wait already.
    pub(crate) async fn enter(&self, name: &Name) -> Option<Turn> {
        let (place, turns) = self.queue(zone_of(name))?;
        let zone = turns.acquire_owned().await.ok()?;
        let all = Arc::clone(&self.all).acquire_owned().await.ok()?;
        Some(Turn { _all: all, _zone: zone, _place: place })
    }

    /// Whether a question about this name would have to wait for its turn.
    pub(crate) fn is_full(&self, name: &Name) -> bool {
        let queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        let of_zone = queues.zones.get(&zone_of(name)).map_or(0, |z| z.waiting);
        queues.waiting >= MAX_IN_FLIGHT || of_zone >= ZONE_IN_FLIGHT
    }

    fn queue(&self, zone: Name) -> Option<(Place, Arc<Semaphore>)> {
        let mut queues = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        let of_zone = queues.zones.get(&zone).map_or(0, |z| z.waiting);
        if queues.waiting >= MAX_WAITING || of_zone >= ZONE_WAITING {
            return None;
        }
        queues.waiting += 1;
        let entry = queues
            .zones
            .entry(zone.clone())
            .or_insert_with(|| Zone { waiting: 0, turns: Arc::new(Semaphore::new(ZONE_IN_FLIGHT)) });
        entry.waiting += 1;
        let turns = Arc::clone(&entry.turns);
        Some((Place { gate: self.clone(), zone }, turns))
    }
}

/// A place in the queues.
struct Place {
    gate: Gate,
    zone: Name,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut queues = self.gate.queues.lock().unwrap_or_else(PoisonError::into_inner);
        queues.waiting -= 1;
        if let Some(zone) = queues.zones.get_mut(&self.zone) {
            zone.waiting -= 1;
            if zone.waiting == 0 {
                queues.zones.remove(&self.zone);
            }
        }
    }
}

/// Labels under which registries of countries register: `example.co.uk` is a zone, `co.uk` everybody's.
const SECOND_LEVEL: [&[u8]; 10] = [b"ac", b"co", b"com", b"edu", b"go", b"gov", b"ne", b"net", b"or", b"org"];

/// Near enough to what one party runs, and known without asking: mostly the last two labels; for names of addresses
/// the network, /16 or /32.
fn zone_of(name: &Name) -> Name {
    let labels: Vec<_> = name.labels().collect();
    let depth = match labels.as_slice() {
        [.., b"in-addr", b"arpa"] => 4,
        [.., b"ip6", b"arpa"] => 10,
        [.., second, top] if top.len() == 2 && SECOND_LEVEL.contains(second) => 3,
        _ => 2,
    };
    let last = labels.get(labels.len().saturating_sub(depth)..).unwrap_or_default();
    Name::from_labels(last.iter().copied()).unwrap_or_else(|_| Name::root())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Name {
        Name::from_dotted(text).unwrap()
    }

    #[tokio::test]
    async fn a_zone_fills_its_own_queue_only() {
        let gate = Gate::default();
        let mut turns = Vec::new();
        for number in 0..ZONE_IN_FLIGHT {
            turns.push(gate.enter(&name(&format!("n{number}.slow.example"))).await.unwrap());
        }
        let next = tokio::spawn({
            let gate = gate.clone();
            async move { gate.enter(&name("slow.example")).await.is_some() }
        });
        tokio::task::yield_now().await;
        assert!(!next.is_finished(), "no turn is free");
        assert!(gate.enter(&name("quick.example")).await.is_some());
        turns.pop();
        assert!(next.await.unwrap());
    }

    #[tokio::test]
    async fn queues_are_bounded_and_forgotten() {
        let gate = Gate::default();
        let mut places: Vec<_> =
            (0..ZONE_WAITING).map(|_| gate.queue(name("slow.example")).unwrap()).collect();
        assert!(gate.queue(name("slow.example")).is_none());
        places
            .extend((ZONE_WAITING..MAX_WAITING).map(|n| gate.queue(name(&format!("n{n}.example"))).unwrap()));
        assert!(gate.queue(name("other.example")).is_none());
        drop(places);
        let queues = gate.queues.lock().unwrap();
        assert_eq!((queues.waiting, queues.zones.len()), (0, 0));
    }

    #[test]
    fn zones() {
        let check = |asked: &str, zone: &str| assert_eq!(zone_of(&name(asked)), name(zone));
        check("a.b.example.com", "example.com");
        check("com", "com");
        check("a.example.co.uk", "example.co.uk");
        check("a.example.com.example", "com.example");
        check("4.3.2.1.in-addr.arpa", "2.1.in-addr.arpa");
        check("f.e.d.c.b.a.9.8.b.d.0.1.0.0.2.ip6.arpa", "8.b.d.0.1.0.0.2.ip6.arpa");
        assert_eq!(zone_of(&Name::root()), Name::root());
    }
}
