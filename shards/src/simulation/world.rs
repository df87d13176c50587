//! What a simulated world is like: its server, its network, its machine, and all that goes wrong in it. Only settings,
//! and the draws they lead to; what happens then is `wire.rs`'s.
//!
//! Times are nanoseconds; those of the server count from the start of the run. Chances are parts per million.

use engine::quantity::{MICROSECOND_NS, MILLISECOND_NS};
use engine::random::Random;

/// The whole.
pub const MILLION: u32 = 1_000_000;

/// One world. The default is a calm one: a server that answers in 200 µs, and a machine that takes some time for what it
/// does and loses none.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// Who answers, and when.
    pub server: SimulatedServer,
    /// Who answers on the connections of each pool of the plan but the first, which is as those that are not here: the server.
    pub others: Vec<SimulatedServer>,
    /// What lies between.
    pub network: Network,
    /// What the shard runs on.
    pub machine: SimulatedMachine,
    /// What goes wrong with responses and connections.
    pub faults: Faults,
    /// When the operator asks to stop, from the start of the run.
    pub stops_ns: Vec<u64>,
    /// The moment each request reaches the server is kept.
    pub keeps_log: bool,
}

/// Who answers, and when. Requests of one connection are served one after the other.
#[derive(Clone, Copy, Debug)]
pub struct SimulatedServer {
    /// How long serving one request takes.
    pub service: Service,
    /// When it is silent.
    pub stall: Option<SimulatedStall>,
    /// From and to when it is dead: at the first it resets every connection, and until the second it refuses new ones.
    pub down: Option<(u64, u64)>,
    /// Responses leave only at whole multiples of this, together; 0 lets each leave when it is ready.
    pub batch_ns: u64,
    /// What responses look like.
    pub body: Body,
    /// What is spoken.
    pub protocol: ServedProtocol,
}

/// What a server speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ServedProtocol {
    /// HTTP/1.1.
    #[default]
    Http1,
    /// HTTP/2, as is known beforehand. Requests of a connection are served beside each other.
    Http2,
    /// gRPC: a call has its replies once all of its messages have come, the first when it was served.
    Grpc {
        /// How many a call has.
        replies: u32,
        /// From one to the next.
        gap_ns: u64,
    },
    /// Lines on a stream of bytes: to each there is one in response.
    Lines,
}

impl ServedProtocol {
    /// Whether requests and responses are in frames of HTTP/2.
    pub(super) fn has_frames(self) -> bool {
        matches!(self, ServedProtocol::Http2 | ServedProtocol::Grpc { .. })
    }
}

/// How long serving takes.
#[derive(Clone, Copy, Debug)]
pub enum Service {
    /// Always the same.
    Fixed(u64),
    /// Drawn from an exponential distribution with this mean.
    Exponential(u64),
}

/// A periodic freeze of the server: it works for the first `every − length` of each period and is silent for the rest.
#[derive(Clone, Copy, Debug)]
pub struct SimulatedStall {
    /// Of one silence.
    pub length_ns: u64,
    /// From one silence to the next.
    pub every_ns: u64,
}

/// What responses look like.
#[derive(Clone, Copy, Debug)]
pub struct Body {
    /// The smallest and largest body; each is drawn anew.
    pub bytes: (u64, u64),
    /// How many are sent in chunks.
    pub chunked_ppm: u32,
    /// How many last until the connection ends.
    pub until_end_ppm: u32,
}

/// What lies between.
#[derive(Clone, Copy, Debug)]
pub struct Network {
    /// How long a byte takes one way.
    pub one_way_ns: u64,
    /// Responses come whole, or cut into pieces.
    pub pieces: Option<Pieces>,
}

/// How responses are cut.
#[derive(Clone, Copy, Debug)]
pub struct Pieces {
    /// The largest piece; sizes are drawn from 1 up.
    pub bytes_max: u64,
    /// From one piece to the next.
    pub gap_ns: u64,
}

/// What the shard runs on.
#[derive(Clone, Copy, Debug)]
pub struct SimulatedMachine {
    /// Looking at the clock takes this long.
    pub look_ns: u64,
    /// A loop that does nothing but look is let skip up to this much at a time. It bounds how late a spin can end.
    pub spin_ns_max: u64,
    /// One system call.
    pub enter_ns: u64,
    /// Each submission in it.
    pub submission_ns: u64,
    /// Each completion.
    pub completion_ns: u64,
    /// Wake-ups are late by up to this much.
    pub wake_ns_max: u64,
    /// Reported sends are reported late by up to this much.
    pub sent_ns_max: u64,
    /// The hypervisor takes the core away now and then.
    pub hiccup: Option<Hiccup>,
    /// A receive finds no buffer.
    pub starved_ppm: u32,
    /// A receive that was to go on stops with what it has.
    pub stopped_ppm: u32,
    /// The collector looks for full recorders this often.
    pub collect_ns: u64,
}

/// Sudden jumps of the clock.
#[derive(Clone, Copy, Debug)]
pub struct Hiccup {
    /// Half of this to all of it is lost in one.
    pub length_ns: u64,
    /// The mean time between two.
    pub every_ns: u64,
}

/// What goes wrong. The first ten are fates of one response, of which it has at most one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Faults {
    /// It never comes, nor does any later one on a connection of HTTP/1.1.
    pub lost_ppm: u32,
    /// The connection is reset in its place.
    pub reset_ppm: u32,
    /// The connection ends in the middle of it.
    pub cut_ppm: u32,
    /// It says `Connection: close`, and the connection ends.
    pub close_ppm: u32,
    /// The connection ends after it, unannounced in its head.
    pub quiet_end_ppm: u32,
    /// The connection ends after it, and the client is not told.
    pub lost_end_ppm: u32,
    /// Its status is 503, of HTTP/2 500.
    pub refused_ppm: u32,
    /// It is not HTTP.
    pub garbage_ppm: u32,
    /// Of HTTP/2: nothing is done of the request, and the server says so.
    pub refused_stream_ppm: u32,
    /// Of HTTP/2: the server goes away, and works on nothing that came after what it has responded to.
    pub goaway_ppm: u32,
    /// A new connection is refused.
    pub connect_refused_ppm: u32,
    /// An attempt to connect gets no answer at all.
    pub connect_lost_ppm: u32,
}

/// What becomes of one response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Whole,
    Lost,
    Reset,
    Cut,
    Close,
    QuietEnd,
    LostEnd,
    Refused,
    Garbage,
    RefusedStream,
    GoAway,
}

impl Default for SimulatedServer {
    fn default() -> SimulatedServer {
        SimulatedServer {
            service: Service::Fixed(200 * MICROSECOND_NS),
            stall: None,
            down: None,
            batch_ns: 0,
            body: Body { bytes: (13, 13), chunked_ppm: 0, until_end_ppm: 0 },
            protocol: ServedProtocol::Http1,
        }
    }
}

impl Default for Network {
    fn default() -> Network {
        Network { one_way_ns: 20 * MICROSECOND_NS, pieces: None }
    }
}

impl Default for SimulatedMachine {
    fn default() -> SimulatedMachine {
        SimulatedMachine {
            look_ns: 20,
            spin_ns_max: MICROSECOND_NS,
            enter_ns: 300,
            submission_ns: 1_000,
            completion_ns: 300,
            wake_ns_max: 5 * MICROSECOND_NS,
            sent_ns_max: 0,
            hiccup: None,
            starved_ppm: 0,
            stopped_ppm: 0,
            collect_ns: 10 * MILLISECOND_NS,
        }
    }
}

impl SimulatedServer {
    /// When a request that reaches the server at `begin_ns` is answered.
    pub(super) fn finish_ns(&self, begin_ns: u64, random: &mut Random) -> u64 {
        let service_ns = match self.service {
            Service::Fixed(ns) => ns,
            Service::Exponential(mean_ns) => (random.exponential() * mean_ns as f64) as u64,
        };
        let awake = |ns: u64| self.stall.map_or(ns, |stall| stall.release_ns(ns));
        let finish_ns = awake(awake(begin_ns) + service_ns);
        if self.batch_ns > 0 { finish_ns.next_multiple_of(self.batch_ns) } else { finish_ns }
    }

    /// Whether it is dead at an instant.
    pub(super) fn is_down(&self, at_ns: u64) -> bool {
        self.down.is_some_and(|(from_ns, to_ns)| (from_ns..to_ns).contains(&at_ns))
    }
}

impl SimulatedStall {
    /// The first moment from `at_ns` on at which the server is not silent.
    fn release_ns(self, at_ns: u64) -> u64 {
        let within_ns = at_ns % self.every_ns;
        if within_ns < self.every_ns - self.length_ns { at_ns } else { at_ns - within_ns + self.every_ns }
    }
}

impl Faults {
    /// The fate of one response.
    pub(super) fn fate(&self, random: &mut Random) -> Fate {
        let fates = [
            (self.lost_ppm, Fate::Lost),
            (self.reset_ppm, Fate::Reset),
            (self.cut_ppm, Fate::Cut),
            (self.close_ppm, Fate::Close),
            (self.quiet_end_ppm, Fate::QuietEnd),
            (self.lost_end_ppm, Fate::LostEnd),
            (self.refused_ppm, Fate::Refused),
            (self.garbage_ppm, Fate::Garbage),
            (self.refused_stream_ppm, Fate::RefusedStream),
            (self.goaway_ppm, Fate::GoAway),
        ];
        if fates.iter().all(|(ppm, _)| *ppm == 0) {
            return Fate::Whole;
        }
        let mut drawn = random.between(0, u64::from(MILLION) - 1) as u32;
        for (ppm, fate) in fates {
            match drawn.checked_sub(ppm) {
                Some(rest) => drawn = rest,
                None => return fate,
            }
        }
        Fate::Whole
    }
}

/// True so many times in a million. Draws nothing when that is never.
pub(super) fn happens(ppm: u32, random: &mut Random) -> bool {
    ppm > 0 && random.between(0, u64::from(MILLION) - 1) < u64::from(ppm)
}
