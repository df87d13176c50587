//! Requests with holes: bytes to send, with counters, seeded random values and values of a flow filled in at the last moment.
//!
//! `{{seq}}` is the number of the arrival, `{{rand 1 1000}}` is a number in a range, `{{uuid}}` a version 4 UUID. All depend on the
//! seed, the scenario and the arrival's number alone, so that a request is the same whoever renders it.
//! Rendering writes into memory the caller owns and does not allocate. What a hole means is decided here; what protocol the
//! bytes speak is not.
//!
//! What else stands in a hole (variables, columns, functions, filters) is a [`Hole`]: it is filled before the request is rendered
//! ([`ResolvedHole::fill`] into [`FilledValues`]), and takes its place then ([`Template::render_filled`]).

mod fill;
mod filled;
mod filter;
mod hole;
mod numbers;
mod parse;
mod piece;
mod rendering;
mod words;

pub use fill::{HoleContext, Unfilled};
pub use filled::FilledValues;
pub use filter::{FILTERS, HmacKey, HoleFilter};
pub use hole::{
    COOKIES_BYTES_MAX, CookieForm, FILLED_BYTES_MAX, FILTERS_MAX, Hole, HoleName, HolePlace, HoleSource,
    NowForm, PICKED_MAX, ResolvedHole, UnknownName, VALUE_BYTES_MAX,
};
pub use numbers::{DrawnNumber, LengthForm, NumberForm};
pub use parse::{FUNCTIONS, WrongHole, parse};
pub(crate) use parse::{HoleScope, HoledPart, parts, without_holes, without_quoted};
pub use piece::{Piece, has_values};
pub(crate) use piece::{is_sound, least_and_most_bytes, literal_bytes, literal_of, path_of};
pub use rendering::{HOLES_MAX, Template};
pub use words::OPEN;
