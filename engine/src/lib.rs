//! What a load test is.
//!
//! The engine holds every rule about what to send, when, and what the responses mean. It is pure: time comes in as
//! an argument, actions come out, and nothing here reads a clock, opens a socket or a file, or starts a thread.
//! `shards` drives it on a real machine; the simulation drives it on a fake one.
//!
//! Reading order: [`config`] (as typed) → [`plan`] (valid by construction) → [`schedule`] (arrival n → intended time) →
//! [`bucket`] (arrivals due) → [`template`] (what is sent) and [`flow`] (what follows what) → [`outcome`] and [`record`] (what came back, and merged) →
//! [`verdict`] (of the generator), [`target_outcome`], [`trust`] → [`report`]. [`seams`] names the three places where others plug in.
//!
//! What is made of reports: [`statistics`] (how far a number can be trusted) → [`compare`] (two sides) → [`steady`] (has the
//! warm-up ended?) → [`until`] (is the figure known well enough?) → [`search`] (the highest rate that is sustained).

#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod any_source;
pub mod breaker;
pub mod bucket;
mod calibrated;
pub mod code;
pub mod compare;
pub mod config;
pub mod degrade;
pub mod distribution;
mod due_queue;
mod excerpt;
pub mod extract;
pub mod failure;
pub mod feed;
#[cfg(test)]
mod fixtures;
pub mod flow;
pub mod history;
pub mod judge;
mod length;
mod limits;
pub mod load;
pub mod measured;
pub mod message_form;
pub mod mix;
pub mod orders;
pub mod outbox;
pub mod outcome;
pub mod pass_slice;
pub mod phase;
pub mod plain;
pub mod plan;
pub mod plausible;
pub mod quantity;
pub mod random;
pub mod record;
mod recorded;
pub mod redact;
pub mod redirect;
pub mod report;
pub mod resilience;
mod resilience_words;
pub mod retry;
pub mod revision;
pub mod run_facts;
pub mod schedule;
pub mod seams;
pub mod search;
pub mod statistics;
pub mod steady;
pub mod target_outcome;
pub mod template;
pub mod threshold;
pub mod threshold_watch;
pub mod timing;
pub mod trust;
pub mod until;
pub mod url;
pub mod users;
pub mod verdict;
