//! The order of trials: balanced and random.

use wirerace_contract::plan::SplitMix64;

/// The order of `n` items in each of `blocks` blocks: rows of randomised cyclic Latin squares. Within every n
/// successive blocks each item stands once in each position, so that whatever drifts with the position (a warming
/// machine, a neighbour) meets all items alike; which row comes when, and what stands for which letter, is random.
#[must_use]
pub fn balanced_order(n: usize, blocks: usize, seed: u64) -> Vec<Vec<usize>> {
    let mut random = SplitMix64::new(seed);
    let mut rows = Vec::with_capacity(blocks);
    while rows.len() < blocks {
        let mut letters: Vec<usize> = (0..n).collect();
        random.shuffle(&mut letters);
        let mut shifts: Vec<usize> = (0..n).collect();
        random.shuffle(&mut shifts);
        // A random column order keeps the square Latin and breaks the cyclic neighbourhood of its rows.
        let mut columns: Vec<usize> = (0..n).collect();
        random.shuffle(&mut columns);
        let square = shifts.iter().map(|shift| columns.iter().map(|c| letters[(shift + c) % n]).collect());
        rows.extend(square);
        if n == 0 {
            rows.resize(blocks, Vec::new());
        }
    }
    rows.truncate(blocks);
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_item_stands_once_in_each_position_within_a_square() {
        let order = balanced_order(5, 10, 3);
        for square in order.chunks(5) {
            for position in 0..5 {
                let mut items: Vec<usize> = square.iter().map(|row| row[position]).collect();
                items.sort_unstable();
                assert_eq!(items, [0, 1, 2, 3, 4]);
            }
        }
    }

    #[test]
    fn the_seed_fixes_it_and_matters() {
        assert_eq!(balanced_order(5, 7, 1), balanced_order(5, 7, 1));
        assert_ne!(balanced_order(5, 7, 1), balanced_order(5, 7, 2));
        assert_eq!(balanced_order(0, 2, 1), vec![Vec::<usize>::new(); 2]);
    }
}
