//! A bounded memory in two parts: who was seen often, and who was not. A flood of new names pushes out only new names.

use std::num::NonZeroUsize;

use lru::LruCache;
use mail::Domain;

/// What is known of domains. In either part, the one longest untouched makes room.
#[derive(Debug)]
pub(super) struct Tiers<V> {
    established: LruCache<Domain, V>,
    young: LruCache<Domain, V>,
}

impl<V: Default> Tiers<V> {
    /// Limits of 0 count as 1.
    pub(super) fn new(established: usize, young: usize) -> Self {
        let cache = |most| LruCache::new(NonZeroUsize::new(most).unwrap_or(NonZeroUsize::MIN));
        Self { established: cache(established), young: cache(young) }
    }

    pub(super) fn get(&self, domain: &Domain) -> Option<&V> {
        self.established.peek(domain).or_else(|| self.young.peek(domain))
    }

    /// Changes what is known of a domain; `change` says whether it is established now. Once it is, it stays so.
    pub(super) fn update(&mut self, domain: &Domain, change: impl FnOnce(&mut V) -> bool) {
        if let Some(value) = self.established.get_mut(domain) {
            change(value);
            return;
        }
        let mut value = self.young.pop(domain).unwrap_or_default();
        let tier = if change(&mut value) { &mut self.established } else { &mut self.young };
        tier.put(domain.clone(), value);
    }
}

#[cfg(test)]
mod tests {
    use mail::Domain;

    use super::Tiers;

    fn domain(number: usize) -> Domain {
        Domain::parse(format!("d{number}.example")).unwrap()
    }

    /// Counts; established from 3 on.
    fn touch(tiers: &mut Tiers<u32>, number: usize) {
        tiers.update(&domain(number), |count| {
            *count += 1;
            *count >= 3
        });
    }

    #[test]
    fn dos_15_a_flood_of_new_names_pushes_out_new_names_only() {
        let mut tiers = Tiers::new(2, 2);
        (0..3).for_each(|_| touch(&mut tiers, 1));
        touch(&mut tiers, 2);
        (100..200).for_each(|number| touch(&mut tiers, number));
        assert_eq!(tiers.get(&domain(1)), Some(&3));
        assert_eq!(tiers.get(&domain(2)), None);
        assert_eq!((tiers.established.len(), tiers.young.len()), (1, 2));
    }

    #[test]
    fn both_parts_are_bounded() {
        let mut tiers = Tiers::new(2, 1);
        for number in 1..=3 {
            (0..3).for_each(|_| touch(&mut tiers, number));
        }
        let known: Vec<bool> = (1..=3).map(|number| tiers.get(&domain(number)).is_some()).collect();
        assert_eq!(known, [false, true, true]);
    }
}
