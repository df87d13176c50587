//! UDP and DNS as state machines: a socket on a network that loses, doubles, delays and invents datagrams.

mod cases;
mod client;
mod fuzz;
mod worlds;
