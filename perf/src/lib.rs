//! The parts that a request is made of, each as something that can be done as often as one likes: [`operations`].
//!
//! The rest of this package is a program. This part is a library because the micro-benchmarks in `benches/` time the very
//! operations whose instructions the gate counts, so that the two never speak of different things.

#![deny(unsafe_code)]

pub mod operations;
