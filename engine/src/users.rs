//! Users who come, do something again and again, and go: when each of them begins the next time.
//!
//! How many there are at a moment is a level, as offered rates are rates ([`Segment`]): the user with number k is there while the level is
//! at least k + ½, so that as many are there as the level says, rounded. Users are dealt out to shards one by one. One that is to go
//! finishes what it has begun.

use crate::bucket::{Arrival, Share};
use crate::due_queue::DueQueue;
use crate::load::UserLoad;
use crate::schedule::{Segment, Shape};
use std::collections::VecDeque;
use std::ops::Range;

/// The most users.
pub const USERS_MAX: u64 = 1 << 24;

/// How many users there are, over the time of a scenario.
#[derive(Clone, Debug)]
pub struct Levels {
    pieces: Vec<LevelPiece>,
    ends_ns: u64,
    /// Where as many are there all the time: how many, from when on, and until when.
    steady: Option<(u64, Range<u64>)>,
}

/// One segment of it, as far as it holds.
#[derive(Clone, Debug)]
struct LevelPiece {
    segment: Segment,
    /// Where the whole segment begins.
    starts_ns: u64,
    from_ns: u64,
    to_ns: u64,
    /// So many thousandths of it.
    thousandths: u64,
}

/// The users of one shard.
#[derive(Clone, Debug)]
pub struct UserPool {
    levels: Levels,
    /// How long after the beginning of a loop the next one is to begin, and from which moment on that is said of those that are to begin then.
    pacings: Vec<(u64, Option<u64>)>,
    loops_max: Option<u64>,
    share: Share,
    /// Users of all shards.
    most: u64,
    /// Those that begin next.
    next: DueQueue<NextLoop>,
    /// Of each user of the shard, since when it is there, when its last loop was to begin, and how often it has begun in all.
    users: Vec<User>,
    /// How many iterations may still begin.
    left: u64,
    under_way: u64,
    /// The level was revised, and may be again: users who have gone may come back.
    is_revised: bool,
    /// Users who have gone, where anybody wants to know.
    gone: Option<VecDeque<u32>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct User {
    since_ns: u64,
    begun_ns: u64,
    loops: u64,
    is_under_way: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct NextLoop {
    /// When it can.
    due_ns: u64,
    /// When it was to.
    intended_ns: u64,
    /// Which of the shard's users.
    user: u64,
}

impl Levels {
    /// These segments, one after the other, from one moment to another.
    pub fn new(segments: &[Segment], (starts_ns, ends_ns): (u64, u64)) -> Levels {
        let mut next_ns = starts_ns;
        let pieces = segments.iter().map(|segment| {
            let from_ns = next_ns;
            next_ns = from_ns.saturating_add(segment.length_ns);
            LevelPiece {
                segment: segment.clone(),
                starts_ns: from_ns,
                from_ns,
                to_ns: next_ns.min(ends_ns),
                thousandths: 1_000,
            }
        });
        Levels { pieces: pieces.collect(), ends_ns, steady: steady(segments, starts_ns, ends_ns) }
    }

    /// The same until `cut_ns`, and from there to its own end another one, so many thousandths of it.
    pub fn continued(&self, cut_ns: u64, other: &Levels, thousandths: u64) -> Levels {
        let before =
            self.pieces.iter().map(|piece| LevelPiece { to_ns: piece.to_ns.min(cut_ns), ..piece.clone() });
        let after = other.pieces.iter().map(|piece| LevelPiece {
            from_ns: piece.from_ns.max(cut_ns),
            to_ns: piece.to_ns.min(self.ends_ns),
            thousandths,
            ..piece.clone()
        });
        let pieces = before.chain(after).filter(|piece| piece.from_ns < piece.to_ns);
        Levels { pieces: pieces.collect(), ends_ns: self.ends_ns, steady: None }
    }

    /// The first moment from one on at which the user with a number is there.
    fn first_there(&self, number: u64, from_ns: u64) -> Option<u64> {
        if let Some((there, times_ns)) = &self.steady {
            let from_ns = from_ns.max(times_ns.start);
            return (number < *there && from_ns < times_ns.end).then_some(from_ns);
        }
        let level = number as f64 + 0.5;
        self.pieces.iter().filter(|piece| piece.thousandths > 0).find_map(|piece| {
            let begin_ns = from_ns.max(piece.from_ns);
            let wanted = level * 1_000.0 / piece.thousandths as f64;
            let there_ns =
                (begin_ns < piece.to_ns).then(|| first_at(&piece.segment, piece.starts_ns, begin_ns, wanted));
            there_ns.flatten().filter(|&there_ns| there_ns < piece.to_ns)
        })
    }
}

impl UserPool {
    /// The users of a shard, from one moment to another; all shards together begin no more than so many iterations.
    pub fn new(
        load: &UserLoad,
        (starts_ns, ends_ns): (u64, u64),
        share: Share,
        loops_max: Option<u64>,
    ) -> UserPool {
        let most = load.most();
        let mut pool = UserPool {
            levels: Levels::new(&load.segments, (starts_ns, ends_ns)),
            pacings: vec![(0, load.pacing_ns)],
            loops_max: load.loops_max,
            share,
            most,
            next: DueQueue::new(),
            users: vec![User::default(); share.of(most) as usize],
            left: loops_max.map_or(u64::MAX, |loops| share.of(loops)),
            under_way: 0,
            is_revised: false,
            gone: None,
        };
        (0..pool.users.len() as u64).for_each(|user| pool.arrive(user, starts_ns));
        pool
    }

    /// How many users there are on all shards at the most.
    pub fn most(&self) -> u64 {
        self.most
    }

    /// When the next iteration can begin.
    pub fn next_ns(&self) -> Option<u64> {
        self.next.peek().filter(|_| self.left > 0).map(|next| next.due_ns)
    }

    /// The next iteration that is due; one of a user that has gone meanwhile is none.
    pub fn poll_due(&mut self, now_ns: u64) -> Option<Arrival> {
        while let Some(next) = self.next.peek()
            && next.due_ns <= now_ns
            && self.left > 0
        {
            self.next.pop();
            if self.next_there(next.user, now_ns) != Some(now_ns) {
                self.go(next.user);
                self.arrive(next.user, now_ns);
                continue;
            }
            let user = &mut self.users[next.user as usize];
            let number = user.loops * self.most + self.share.shard + next.user * self.share.shards;
            user.loops += 1;
            user.begun_ns = next.intended_ns;
            user.is_under_way = true;
            self.left -= 1;
            self.under_way += 1;
            return Some(Arrival { number, intended_ns: next.intended_ns });
        }
        None
    }

    /// The iteration with a number has ended: its user goes on at this moment at the earliest.
    pub fn ended(&mut self, number: u64, free_ns: u64) {
        self.under_way -= 1;
        let index = (number % self.most) / self.share.shards;
        self.users[index as usize].is_under_way = false;
        let user = self.users[index as usize];
        if self.has_done_all(user) || self.left == 0 {
            // Nobody begins again once nothing is left.
            return self.go(index);
        }
        let intended_ns = match self.pacing_of(user.begun_ns) {
            Some(pacing_ns) => user.begun_ns + pacing_ns,
            None => free_ns,
        };
        let due_ns = free_ns.max(intended_ns);
        match self.next_there(index, due_ns) {
            Some(there_ns) if there_ns == due_ns => {
                self.next.push(NextLoop { due_ns, intended_ns, user: index });
            }
            Some(there_ns) => {
                self.go(index);
                self.arrive(index, there_ns);
            }
            None => self.go(index),
        }
    }

    /// From now on users who go are told of.
    pub fn tell_who_goes(&mut self) {
        self.gone = Some(VecDeque::new());
    }

    /// A user of this shard, by its place among these, who has gone since the last time this was asked: with its last loop, or while it waited
    /// for the next one. It may come again.
    pub fn next_gone(&mut self) -> Option<u32> {
        self.gone.as_mut()?.pop_front()
    }

    fn go(&mut self, user: u64) {
        if let Some(gone) = &mut self.gone {
            gone.push_back(user as u32);
        }
    }

    /// Goes on with other numbers of users, which are the same up to `cut_ns`, where they lie ahead, and never more than there could be.
    /// Those that wait for their next loop still begin it when it is due, if they are there then; all others come when they are wanted.
    pub fn revise(&mut self, cut_ns: u64, levels: Levels) {
        self.levels = levels;
        self.is_revised = true;
        let mut is_waiting = vec![false; self.users.len()];
        let mut before = std::mem::replace(&mut self.next, DueQueue::new());
        while let Some(next) = before.pop() {
            is_waiting[next.user as usize] = true;
            let has_come = self.users[next.user as usize].since_ns < cut_ns;
            if next.due_ns < cut_ns
                || (has_come && self.next_there(next.user, next.due_ns) == Some(next.due_ns))
            {
                self.next.push(next);
            } else {
                if has_come {
                    self.go(next.user);
                }
                self.arrive(next.user, if has_come { next.due_ns } else { cut_ns });
            }
        }
        for (index, is_waiting) in is_waiting.into_iter().enumerate() {
            let user = self.users[index];
            if !is_waiting && !user.is_under_way && !self.has_done_all(user) {
                self.arrive(index as u64, cut_ns);
            }
        }
    }

    /// From a cut on, loops begin at another pace, or as soon as the one before has ended. Those that were to begin before it are followed at
    /// theirs.
    pub fn pace(&mut self, cut_ns: u64, pacing_ns: Option<u64>) {
        self.pacings.push((cut_ns, pacing_ns));
    }

    /// How long after a loop that was to begin at a moment the next one is.
    fn pacing_of(&self, begun_ns: u64) -> Option<u64> {
        self.pacings.iter().rev().find(|(cut_ns, _)| *cut_ns <= begun_ns)?.1
    }

    /// Whether a user has begun as often as it may.
    fn has_done_all(&self, user: User) -> bool {
        self.loops_max.is_some_and(|loops| user.loops >= loops)
    }

    /// Nothing more begins.
    pub fn end(&mut self) {
        self.left = 0;
    }

    /// Whether all has begun that was to. Users who have gone because of the shape leave the rest of their time empty.
    pub fn is_spent(&self) -> bool {
        let is_empty = self.loops_max.is_some() && self.next.is_empty() && self.under_way == 0;
        let may_return = || self.is_revised && !self.users.iter().all(|&user| self.has_done_all(user));
        self.left == 0 || (is_empty && !may_return())
    }

    /// A user comes at this moment or later, if it does.
    fn arrive(&mut self, user: u64, from_ns: u64) {
        if let Some(since_ns) = self.next_there(user, from_ns) {
            self.users[user as usize].since_ns = since_ns;
            self.next.push(NextLoop { due_ns: since_ns, intended_ns: since_ns, user });
        }
    }

    /// The first moment from one on at which a user of the shard is there.
    fn next_there(&self, user: u64, from_ns: u64) -> Option<u64> {
        self.levels.first_there(self.share.shard + user * self.share.shards, from_ns)
    }
}

/// How many users are there, and when, where the level is one number.
fn steady(segments: &[Segment], starts_ns: u64, ends_ns: u64) -> Option<(u64, Range<u64>)> {
    let [Segment { length_ns, shape: Shape::Constant(level) }] = segments else { return None };
    let until_ns = starts_ns.saturating_add(*length_ns).min(ends_ns);
    // The user with number k is there while the level is at least k + ½.
    Some(((level.rps() + 0.5).floor() as u64, starts_ns..until_ns))
}

/// When the level of a segment that begins at `start_ns` first comes to something, from a moment within it on.
fn first_at(segment: &Segment, start_ns: u64, from_ns: u64, wanted: f64) -> Option<u64> {
    match &segment.shape {
        Shape::Constant(level) => (level.rps() >= wanted).then_some(from_ns),
        Shape::Ramp { from, to } => {
            let (from, to) = (from.rps(), to.rps());
            let at = |ns: u64| from + (to - from) * (ns - start_ns) as f64 / segment.length_ns as f64;
            if at(from_ns) >= wanted {
                return Some(from_ns);
            }
            if to < wanted || to <= from {
                return None;
            }
            // Rounded up: not a moment before it is there.
            let share = (wanted - from) / (to - from);
            Some((start_ns + (share * segment.length_ns as f64).ceil() as u64).max(from_ns))
        }
        // No plan has users who come and go like this.
        Shape::Sine { .. } | Shape::Recorded { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantity::Rate;
    use proptest::prelude::*;
    use std::cmp::Reverse;
    use std::collections::{BTreeSet, BinaryHeap};

    const S: u64 = 1_000_000_000;

    fn level(users: u64) -> Rate {
        Rate::parse(&users.to_string()).unwrap()
    }

    fn ramp(from: u64, to: u64, length_ns: u64) -> Segment {
        Segment { length_ns, shape: Shape::Ramp { from: level(from), to: level(to) } }
    }

    fn load(segments: Vec<Segment>) -> UserLoad {
        UserLoad { segments, pacing_ns: None, loops_max: None }
    }

    /// Plays all shards with iterations that take so long; returns the numbers with their beginnings.
    fn played(
        load: &UserLoad,
        ends_ns: u64,
        shards: u64,
        takes_ns: u64,
        loops_max: Option<u64>,
    ) -> Vec<(u64, u64)> {
        let mut begun = Vec::new();
        for shard in 0..shards {
            let mut pool = UserPool::new(load, (0, ends_ns), Share { shard, shards }, loops_max);
            let mut under_way: BinaryHeap<Reverse<(u64, u64)>> = BinaryHeap::new();
            loop {
                let ends = under_way.peek().map(|Reverse((ns, _))| *ns);
                let now_ns = match (pool.next_ns(), ends) {
                    (Some(next), Some(ends)) => next.min(ends),
                    (next, ends) => match next.or(ends) {
                        Some(ns) => ns,
                        None => break,
                    },
                };
                while let Some(Reverse((ns, number))) = under_way.peek().copied()
                    && ns <= now_ns
                {
                    under_way.pop();
                    pool.ended(number, ns);
                }
                while let Some(arrival) = pool.poll_due(now_ns) {
                    begun.push((arrival.number, now_ns));
                    under_way.push(Reverse((now_ns + takes_ns, arrival.number)));
                }
            }
            assert!(pool.next_ns().is_none(), "none is left");
        }
        begun
    }

    #[test]
    fn as_many_users_are_there_as_the_level_says() {
        let shape = load(vec![ramp(10, 200, 10 * S), ramp(200, 200, 5 * S), ramp(200, 0, 10 * S)]);
        let begun = played(&shape, 25 * S, 2, S / 100, None);
        for second in 0..25 {
            let at_ns = second * S + S / 2;
            let there: BTreeSet<u64> = (begun.iter())
                .filter(|(_, ns)| (at_ns..at_ns + S / 100).contains(ns))
                .map(|(number, _)| number % 200)
                .collect();
            let t = second as f64 + 0.5;
            let expected = if t < 10.0 {
                10.0 + 19.0 * t
            } else if t < 15.0 {
                200.0
            } else {
                200.0 - 20.0 * (t - 15.0)
            };
            assert!((there.len() as f64 - expected).abs() <= 1.5, "{second}: {} of {expected}", there.len());
        }
    }

    #[test]
    fn loops_begin_at_their_pace_and_the_late_ones_as_soon_as_they_can() {
        let paced = UserLoad { pacing_ns: Some(S), ..load(vec![ramp(1, 1, 10 * S)]) };
        let mut pool = UserPool::new(&paced, (0, 10 * S), Share { shard: 0, shards: 1 }, None);
        let first = pool.poll_due(0).unwrap();
        pool.ended(first.number, 100);
        assert_eq!(pool.next_ns(), Some(S));
        let second = pool.poll_due(S).unwrap();
        assert_eq!((second.number, second.intended_ns), (1, S));
        pool.ended(second.number, 4 * S);
        assert_eq!(pool.next_ns(), Some(4 * S));
        assert_eq!(pool.poll_due(4 * S).unwrap().intended_ns, 2 * S, "it is late, and that shows");
    }

    #[test]
    fn who_goes_is_told_of_once_it_has_done_what_it_had_begun() {
        // Three users for a second, then one, then three again; each loop takes 300 ms.
        let shape = load(vec![ramp(3, 3, S), ramp(1, 1, S), ramp(3, 3, S)]);
        let mut pool = UserPool::new(&shape, (0, 3 * S), Share { shard: 0, shards: 1 }, None);
        pool.tell_who_goes();
        let (mut under_way, mut gone) = (Vec::new(), Vec::new());
        for now_ns in (0..4 * S).step_by(S as usize / 10) {
            while let Some(at) = under_way.iter().position(|(ends_ns, _)| *ends_ns <= now_ns) {
                pool.ended(under_way.remove(at).1, now_ns);
            }
            gone.extend(std::iter::from_fn(|| pool.next_gone()).map(|user| (user, now_ns * 10 / S)));
            let begun = std::iter::from_fn(|| pool.poll_due(now_ns));
            under_way.extend(begun.map(|arrival| (now_ns + 3 * S / 10, arrival.number)));
        }
        gone.sort_unstable();
        // The two go with the loop that was under way at the end of the first second; all do at the end.
        assert_eq!(gone, [(0, 30), (1, 12), (1, 32), (2, 12), (2, 32)]);
    }

    #[test]
    fn another_pace_is_that_of_loops_that_are_to_begin_behind_the_cut() {
        let paced = UserLoad { pacing_ns: Some(2 * S), ..load(vec![ramp(1, 1, 60 * S)]) };
        let mut pool = UserPool::new(&paced, (0, 60 * S), Share { shard: 0, shards: 1 }, None);
        let mut begun = Vec::new();
        for tenth in 0..400 {
            let now_ns = tenth * S / 10;
            match tenth {
                // Each is asked for half a second before its cut.
                45 => pool.pace(5 * S, Some(S / 2)),
                70 => pool.pace(7 * S + S / 2, None),
                80 => pool.pace(8 * S + S / 2, Some(10 * S)),
                _ => {}
            }
            while let Some(arrival) = pool.poll_due(now_ns) {
                begun.push(arrival.intended_ns * 10 / S);
                pool.ended(arrival.number, now_ns + S / 5);
            }
        }
        // Every two seconds, then every half, then as soon as it can, then every ten.
        assert_eq!(begun, [0, 20, 40, 60, 65, 70, 75, 77, 79, 81, 83, 85, 185, 285, 385]);
    }

    #[test]
    fn each_user_does_it_as_often_as_it_is_told_and_all_together_no_more_often_than_that() {
        let five = UserLoad { loops_max: Some(5), ..load(vec![ramp(7, 7, 100 * S)]) };
        let begun = played(&five, 100 * S, 2, S, None);
        assert_eq!(begun.len(), 35);
        assert_eq!(played(&load(vec![ramp(7, 7, 100 * S)]), 100 * S, 2, S, Some(23)).len(), 23);
    }

    #[test]
    fn a_number_of_users_changes_from_a_cut_on() {
        let plan = load(vec![ramp(2, 6, 4 * S), ramp(6, 6, 16 * S)]);
        let times_ns = (0, 20 * S);
        let own = Levels::new(&plan.segments, times_ns);
        let one = Levels::new(&UserLoad::constant(1, 20 * S).segments, times_ns);
        let fewer = own.continued(8 * S, &one, 1_000);
        let half = fewer.continued(12 * S, &own, 500);
        let share = Share { shard: 0, shards: 1 };
        let mut pool = UserPool::new(&plan, times_ns, share, None);
        let mut there = Vec::new();
        for now_ns in (0..20 * S).step_by(S as usize / 4) {
            match now_ns / S {
                7 if now_ns == 7 * S + S / 2 => pool.revise(8 * S, fewer.clone()),
                11 if now_ns == 11 * S + S / 2 => pool.revise(12 * S, half.clone()),
                _ => {}
            }
            let begun: Vec<Arrival> = std::iter::from_fn(|| pool.poll_due(now_ns)).collect();
            if now_ns % S == S / 2 {
                there.push(begun.len() as u64);
            }
            begun.iter().for_each(|arrival| pool.ended(arrival.number, now_ns + S / 4));
        }
        let ramp = [3, 4, 5, 6];
        let expected: Vec<u64> = ramp.into_iter().chain([6; 4]).chain([1; 4]).chain([3; 8]).collect();
        // Half a second into the ramp there are 2.5 users: three.
        assert_eq!(there, expected);
    }

    #[test]
    fn users_who_pause_have_not_done_all_that_they_were_to_do() {
        let three = UserLoad { loops_max: Some(3), ..load(vec![ramp(1, 1, 20 * S)]) };
        let times_ns = (0, 20 * S);
        let share = Share { shard: 0, shards: 1 };
        let own = Levels::new(&three.segments, times_ns);
        let none = Levels::new(&UserLoad::constant(0, 20 * S).segments, times_ns);
        let mut pool = UserPool::new(&three, times_ns, share, None);
        let first = pool.poll_due(0).unwrap();
        let paused = own.continued(S, &none, 1_000);
        pool.revise(S, paused.clone());
        pool.ended(first.number, 2 * S);
        assert!(pool.next_ns().is_none() && !pool.is_spent(), "it may be resumed");
        pool.revise(5 * S, paused.continued(5 * S, &own, 1_000));
        for second in 5..7 {
            let next = pool.poll_due(second * S).unwrap();
            pool.ended(next.number, (second + 1) * S);
        }
        assert!(pool.is_spent());
    }

    proptest! {
        #[test]
        fn a_level_that_is_one_number_is_as_a_ramp_to_itself(
            users in 0_u64..30, seconds in 1_u64..5, ends_s in 1_u64..6, shards in 1_u64..4, half: bool,
        ) {
            let level = Rate::parse(&format!("{users}.{}", if half { 5 } else { 4 })).unwrap();
            let of = |shape| load(vec![Segment { length_ns: seconds * S, shape }]);
            let constant = of(Shape::Constant(level));
            let ramp = of(Shape::Ramp { from: level, to: level });
            let play = |load| played(load, ends_s * S, shards, S / 7, None);
            prop_assert_eq!(play(&constant), play(&ramp));
        }

        #[test]
        fn numbers_are_unique_and_without_a_gap_for_each_user(
            levels in prop::collection::vec((0_u64..40, 1_u64..5), 1..5),
            shards in 1_u64..4,
            takes in 1_u64..3,
        ) {
            let mut from = 3;
            let segments = levels.iter().map(|&(to, seconds)| {
                let segment = ramp(from, to, seconds * S);
                from = to;
                segment
            });
            let shape = load(segments.collect());
            let length_ns = shape.segments.iter().map(|segment| segment.length_ns).sum();
            let begun = played(&shape, length_ns, shards, takes * S / 7, None);
            let numbers: BTreeSet<u64> = begun.iter().map(|(number, _)| *number).collect();
            prop_assert_eq!(numbers.len(), begun.len());
            prop_assert!(numbers.iter().all(|number| *number < shape.most() || numbers.contains(&(number - shape.most()))));
            prop_assert!(begun.iter().all(|(_, ns)| *ns < length_ns));
        }
    }
}
