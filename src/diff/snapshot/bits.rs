//! Numbers packed at a fixed width in bits.

use std::iter;

/// Zero bytes behind packed numbers, so that eight bytes can be loaded wherever a number begins.
const SLACK: usize = 8;

/// How many bits `largest` needs; 0 for 0.
pub(super) const fn width_of(largest: u64) -> u8 {
    // At most 64.
    (u64::BITS - largest.leading_zeros()) as u8
}

/// How many bytes `count` numbers take, slack included; `None` for what no block holds.
pub(super) fn packed_len(count: usize, width: u8) -> Option<usize> {
    if width > 64 {
        return None;
    }
    count.checked_mul(usize::from(width))?.div_ceil(8).checked_add(SLACK)
}

/// Appends the numbers, each of at most `width` bits, lowest bit first, and the slack.
pub(super) fn pack(out: &mut Vec<u8>, width: u8, numbers: impl Iterator<Item = u64>) {
    let (mut pending, mut bits) = (0u128, 0u32);
    for number in numbers {
        pending |= u128::from(number) << bits;
        bits += u32::from(width);
        if bits >= 64 {
            out.extend_from_slice(&(pending as u64).to_le_bytes());
            pending >>= 64;
            bits -= 64;
        }
    }
    out.extend(pending.to_le_bytes().into_iter().take(bits.div_ceil(8) as usize));
    out.extend(iter::repeat_n(0, SLACK));
}

/// The numbers of `bytes`, packed at `width`; ends early where the bytes do.
pub(super) fn unpack(bytes: &[u8], width: u8, count: usize) -> impl Iterator<Item = u64> {
    let mask = u64::MAX.checked_shr(64 - u32::from(width.min(64))).unwrap_or(0);
    let width = usize::from(width);
    (0..count).map_while(move |at| {
        let bit = at * width;
        let (word, rest) = bytes.get(bit / 8..)?.split_first_chunk::<8>()?;
        let shift = bit % 8;
        let mut number = u64::from_le_bytes(*word) >> shift;
        if width + shift > 64 {
            // A number of more than 57 bits may reach into a ninth byte.
            number |= u64::from(*rest.first()?) << (64 - shift);
        }
        Some(number & mask)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn widths_are_those_of_the_largest() {
        let cases = [(0, 0), (1, 1), (2, 2), (3, 2), (1 << 56, 57), (1 << 57, 58), (u64::MAX, 64)];
        for (largest, width) in cases {
            assert_eq!(width_of(largest), width);
        }
    }

    #[test]
    fn layout_is_lowest_bit_first_with_eight_zero_bytes() {
        let mut out = Vec::new();
        pack(&mut out, 5, [0b00001, 0b10000, 0b11111].into_iter());
        assert_eq!(out, [0b0000_0001, 0b0111_1110, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(packed_len(3, 5), Some(10));
    }

    #[test]
    fn lengths_that_cannot_be_are_none() {
        assert_eq!(packed_len(1, 65), None);
        assert_eq!(packed_len(usize::MAX, 64), None);
        assert_eq!(packed_len(0, 64), Some(8));
    }

    #[test]
    fn too_few_bytes_end_early() {
        assert_eq!(unpack(&[0xff; 7], 8, 3).count(), 0);
        assert_eq!(unpack(&[0xff; 8], 8, 3).collect::<Vec<_>>(), [0xff]);
        assert_eq!(unpack(&[0xff; 16], 61, 3).collect::<Vec<_>>(), [u64::MAX >> 3; 2]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]
        #[test]
        fn what_is_packed_comes_back(width in 0u8..=64, numbers in prop::collection::vec(any::<u64>(), 0..70)) {
            let mask = u64::MAX.checked_shr(64 - u32::from(width)).unwrap_or(0);
            let numbers: Vec<u64> = numbers.into_iter().map(|number| number & mask).collect();
            let mut out = vec![0xaa; 3];
            pack(&mut out, width, numbers.iter().copied());
            prop_assert_eq!(out.len() - 3, packed_len(numbers.len(), width).unwrap());
            prop_assert_eq!(unpack(&out[3..], width, numbers.len()).collect::<Vec<_>>(), numbers);
        }
    }
}
