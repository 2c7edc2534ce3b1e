//! White space within lines reduced (RFC 6376 §3.4.4), 64 bytes at a time: every body takes the same few steps, without a
//! branch that could be guessed wrong.

use fearless_simd::{Level, dispatch, prelude::*, u8x64};

/// How many bytes are looked at together.
pub(super) const BLOCK: usize = 64;
/// Those and two more: what comes of white space depends on the two bytes behind it.
const WINDOW: usize = BLOCK + 2;
/// How much is gathered before it is given on, in bytes: whole blocks of SHA-256, which need no copy of their own. With
/// more, memory has to wait for the hash and the hash for memory; with less, the calls add up.
pub(super) const GATHERED: usize = 512;

/// Gives on the relaxed form of a text that ends neither in white space nor in a line end.
pub(super) fn squeeze(text: &[u8], put: &mut impl FnMut(&[u8])) {
    squeeze_at(Level::new(), text, put);
}

/// The same, by what processors of this level can do.
pub(super) fn squeeze_at(level: Level, text: &[u8], put: &mut impl FnMut(&[u8])) {
    dispatch!(level, simd => gather(simd, text, put));
}

// Both are inlined to be compiled for each level of processors.
#[inline(always)]
fn gather<S: Simd>(simd: S, text: &[u8], put: &mut impl FnMut(&[u8])) {
    let (mut gathered, mut filled) = ([0; GATHERED + BLOCK], 0);
    let mut rest = text;
    while !rest.is_empty() {
        let padded;
        let window = match rest.first_chunk() {
            Some(window) => window,
            None => {
                padded = pad(rest);
                &padded
            }
        };
        let padding = BLOCK.saturating_sub(rest.len());
        if let Some(to) = gathered.get_mut(filled..).and_then(|room| room.first_chunk_mut()) {
            filled += squeeze_block(simd, window, to) - padding;
        }
        if filled >= GATHERED {
            put(gathered.get(..GATHERED).unwrap_or_default());
            gathered.copy_within(GATHERED.., 0);
            filled -= GATHERED;
        }
        rest = rest.get(BLOCK..).unwrap_or_default();
    }
    put(gathered.get(..filled).unwrap_or_default());
}

/// The end of a text, with zeros behind it.
fn pad(rest: &[u8]) -> [u8; WINDOW] {
    let mut window = [0; WINDOW];
    window.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
    window
}

/// Puts what is left of a block to the front of `to`, and gives its length.
#[inline(always)]
fn squeeze_block<S: Simd>(simd: S, window: &[u8; WINDOW], to: &mut [u8; BLOCK]) -> usize {
    let [block, next, next_but_one] = [0, 1, 2].map(|from| {
        let bytes = window.get(from..).and_then(|bytes| bytes.first_chunk()).unwrap_or(&[0; BLOCK]);
        u8x64::simd_from(simd, *bytes)
    });
    let tab = block.simd_eq(b'\t');
    let is_wsp = block.simd_eq(b' ') | tab;
    let goes_on = next.simd_eq(b' ') | next.simd_eq(b'\t');
    let at_end = next.simd_eq(b'\r') & next_but_one.simd_eq(b'\n');
    // RFC 6376 §3.4.4: of a run of white space the last byte is left, as a space; at the end of a line, none.
    let kept = !(is_wsp & (goes_on | at_end));
    let spaces = tab.select(u8x64::splat(simd, b' '), block);
    *to = spaces.compress(kept).into();
    kept.to_bitmask().count_ones() as usize
}

#[cfg(test)]
mod tests;
