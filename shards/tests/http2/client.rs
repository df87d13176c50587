//! A client's connection, what it reports, and what it sends.

use crate::target::{self, GOAWAY, RST_STREAM, Sent};
use engine::mix::Mix;
use engine::outbox::Outbox;
use engine::plan::{HttpRequest, Request, Step};
use engine::random::Draws;
use engine::seams::{Call, StepFacts};
use engine::template::{self, Piece};
use vajra_shards::protocol::http2::{Http2, Http2Options, Http2Shared, encode};
use vajra_shards::protocol::{
    Cancelled, Events, Place, Protocol, Readiness, RequestFailure, Response, Sending, Touched, Unusable,
};

pub(crate) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// The requests that a client here may have under way.
pub(crate) const STREAMS: u32 = 8;

/// What a connection has reported, by the number of its request.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Told {
    Response { place: Place, status: u16, is_ok: bool, bytes: u64 },
    Failed { place: Place, failure: RequestFailure },
    Unasked(u64),
    Message(Place, Option<u64>),
}

/// What was told, in order.
#[derive(Default)]
pub(crate) struct Listener(pub(crate) Vec<Told>);

impl Events for Listener {
    fn oldest(&self) -> Option<(Place, &StepFacts)> {
        panic!("responses say whose they are");
    }

    fn response(&mut self, place: Place, Response { code, is_ok, bytes }: Response) {
        self.0.push(Told::Response { place, status: code, is_ok, bytes });
    }

    fn failed(&mut self, place: Place, failure: RequestFailure) {
        self.0.push(Told::Failed { place, failure });
    }

    fn unasked(&mut self, bytes: u64) {
        self.0.push(Told::Unasked(bytes));
    }

    fn message(&mut self, place: Place, asked_ns: Option<u64>) {
        self.0.push(Told::Message(place, asked_ns));
    }
}

/// A client on one connection.
pub(crate) struct Client {
    pub(crate) http: Http2,
    pub(crate) shared: Http2Shared,
    pub(crate) mix: Mix,
    pub(crate) listener: Listener,
    memory: Vec<u8>,
    filled: usize,
    requests: u32,
    /// What the last request was said to have.
    pub(crate) last_sent_bytes: u64,
}

/// A request to `/`.
pub(crate) fn get() -> HttpRequest {
    request("GET", "/", &[], None)
}

/// Any request; its texts may have holes.
pub(crate) fn request(method: &str, path: &str, headers: &[(&str, &str)], body: Option<&str>) -> HttpRequest {
    HttpRequest {
        method: method.into(),
        path: pieces(path),
        headers: headers.iter().map(|(name, value)| ((*name).to_owned(), pieces(value))).collect(),
        body: body.map(pieces),
    }
}

fn pieces(text: &str) -> Vec<Piece> {
    template::parse(text).unwrap()
}

pub(crate) fn step(request: HttpRequest, weight: u32) -> Step {
    Step {
        name: "r".into(),
        weight,
        pool: 0,
        timeout_ns: 0,
        request: Request::Http(request),
        looks: engine::flow::StepLooks::default(),
    }
}

impl Client {
    /// A client of a target that has not said anything yet; what it has sent so far was looked at.
    pub(crate) fn new(requests: &[HttpRequest], options: Http2Options) -> Client {
        let steps: Vec<Step> = requests.iter().map(|request| step(request.clone(), 1)).collect();
        Client::of_steps(&steps, options)
    }

    /// The same, which sends these steps.
    pub(crate) fn of_steps(steps: &[Step], options: Http2Options) -> Client {
        let encoded = |step: &Step| encode(step, "http", "h:80").unwrap();
        let (steps, requests): (Vec<_>, Vec<_>) = steps.iter().map(encoded).unzip();
        let shared = Http2Shared::new(requests, options);
        let memory = vec![0; shared.outbox_bytes()];
        let mut client = Client {
            http: Http2::new(&shared),
            mix: Mix::new(steps, Draws::new(1, 0)),
            listener: Listener::default(),
            shared,
            memory,
            filled: 0,
            requests: 0,
            last_sent_bytes: 0,
        };
        client.open();
        client
    }

    /// A client whose connection is ready, and which sends the given request.
    pub(crate) fn ready_with(request: HttpRequest) -> Client {
        let mut client = Client::new(&[request], options());
        client.hears(&target::settings(&[])).unwrap();
        client.listener.0.clear();
        client.sent();
        client
    }

    /// A client whose connection is ready.
    pub(crate) fn ready() -> Client {
        Client::ready_with(get())
    }

    /// A client that has sent one request, on stream 1.
    pub(crate) fn asking() -> Client {
        let mut client = Client::ready();
        assert_eq!(client.sends(), 1);
        client.sent();
        client
    }

    /// The connection is made, again perhaps.
    pub(crate) fn open(&mut self) -> Vec<u8> {
        let Client { http, shared, memory, filled, .. } = self;
        *filled = 0;
        http.opened(shared, &mut Outbox::new(memory, filled)).unwrap();
        self.taken()
    }

    /// Whether requests may be sent, as far as the target has said.
    pub(crate) fn is_ready(&self) -> bool {
        matches!(self.http.readiness(), Readiness::Ready { .. })
    }

    /// How many requests may be sent now.
    pub(crate) fn room(&self) -> u32 {
        self.http.room(STREAMS, self.http.under_way())
    }

    /// Whether something waits to be sent.
    pub(crate) fn has_unsent(&self) -> bool {
        self.http.has_unsent()
    }

    /// Why nothing comes any more when the target has closed its end.
    pub(crate) fn ended(&mut self) -> Unusable {
        self.http.ended(&mut Listener::default())
    }

    /// Sends the first request; returns its stream.
    pub(crate) fn sends(&mut self) -> u32 {
        self.sends_step(0)
    }

    /// Sends a request; returns its stream. The number of the request is its place.
    pub(crate) fn sends_step(&mut self, step: u32) -> u32 {
        assert!(self.room() > 0, "there is room for a request");
        let Client { http, shared, mix, memory, filled, requests, .. } = self;
        let before = *filled;
        let (call, number) = (Call { step, session: 0 }, u64::from(*requests));
        let request = Sending { call, number, place: Place::new(*requests) };
        let sent = http.send(shared, mix, request, &mut Outbox::new(memory, filled)).unwrap();
        assert!(sent >= (*filled - before) as u64, "all of it counts, whether it is sent now or waits");
        *requests += 1;
        self.last_sent_bytes = sent;
        u32::from_be_bytes(self.memory[before + 5..before + 9].try_into().unwrap())
    }

    /// Bytes come from the target.
    pub(crate) fn hears(&mut self, bytes: &[u8]) -> Result<(), Unusable> {
        let Client { http, shared, listener, memory, filled, .. } = self;
        http.receive(shared, &mut bytes.to_vec(), &mut Outbox::new(memory, filled), listener)
    }

    /// Bytes come, and there is no room to answer.
    pub(crate) fn hears_without_room(&mut self, bytes: &[u8]) -> Result<(), Unusable> {
        let Client { http, shared, listener, .. } = self;
        http.receive(shared, &mut bytes.to_vec(), &mut Outbox::new(&mut [], &mut 0), listener)
    }

    /// Sends what waits.
    pub(crate) fn pumps(&mut self) {
        let Client { http, shared, mix, memory, filled, .. } = self;
        http.pump(shared, mix, &mut Outbox::new(memory, filled)).unwrap();
    }

    /// Gives up the request with this number.
    pub(crate) fn cancels(&mut self, request: u32, now_ns: u64) -> Cancelled {
        let Client { http, shared, memory, filled, .. } = self;
        http.cancel(shared, Place::new(request), now_ns, &mut Outbox::new(memory, filled))
    }

    /// The bytes it has sent since it was last asked.
    pub(crate) fn taken(&mut self) -> Vec<u8> {
        let taken = self.memory[..self.filled].to_vec();
        self.filled = 0;
        taken
    }

    /// The frames of those.
    pub(crate) fn sent(&mut self) -> Vec<Sent> {
        target::taken_apart(&self.taken())
    }

    /// What it has reported since it was last asked.
    pub(crate) fn told(&mut self) -> Vec<Told> {
        std::mem::take(&mut self.listener.0)
    }

    /// Bytes end the connection: by GOAWAY with this code, which the reason names. Returns the reason.
    #[track_caller]
    pub(crate) fn gives_up(&mut self, bytes: &[u8], code: u32, name: &str) -> &'static str {
        self.sent();
        let unusable = self.hears(bytes).expect_err("the connection cannot be used any further");
        let goaway = self.sent().pop().expect("it sends something");
        assert_eq!((goaway.frame_type, goaway.number_at(4)), (GOAWAY, code), "{}", unusable.why);
        assert!(unusable.why.starts_with(&format!("{name}: ")), "{}", unusable.why);
        unusable.why
    }

    /// Bytes end one request: by RST_STREAM with this code, which the reason names. Returns the reason.
    #[track_caller]
    pub(crate) fn fails(&mut self, bytes: &[u8], stream: u32, code: u32, name: &str) -> &'static str {
        self.sent();
        self.told();
        self.hears(bytes).expect("the connection goes on");
        let resets: Vec<Sent> =
            self.sent().into_iter().filter(|sent| sent.frame_type == RST_STREAM).collect();
        let [reset] = &resets[..] else { panic!("{resets:?}") };
        assert_eq!((reset.stream, reset.number_at(0)), (stream, code));
        let failed = |told: Told| match told {
            Told::Failed { failure, .. } => Some(failure),
            _ => None,
        };
        let failures: Vec<RequestFailure> = self.told().into_iter().filter_map(failed).collect();
        let [failure] = &failures[..] else { panic!("{failures:?}") };
        assert_eq!(failure.touched, Touched::Perhaps);
        assert!(failure.why.starts_with(&format!("{name}: ")), "{}", failure.why);
        failure.why
    }

    /// Its connection answers another request as if nothing had happened.
    #[track_caller]
    pub(crate) fn goes_on(&mut self) {
        let stream = self.sends();
        self.told();
        self.hears(&target::empty_response(stream)).unwrap();
        let told = self.told();
        assert!(matches!(told[..], [Told::Response { status: 200, .. }]), "{told:?}");
    }
}

/// Several requests at a time.
pub(crate) fn options() -> Http2Options {
    Http2Options { streams: STREAMS, ..Http2Options::default() }
}

/// The statuses that were told, in order.
pub(crate) fn statuses(told: &[Told]) -> Vec<u16> {
    let status = |told: &Told| match told {
        Told::Response { status, .. } => Some(*status),
        _ => None,
    };
    told.iter().filter_map(status).collect()
}

/// The requests that failed, with the name in the reason and whether they may be sent again.
pub(crate) fn failures(told: &[Told]) -> Vec<(Place, &'static str, bool)> {
    let failed = |told: &Told| match told {
        Told::Failed { place, failure } => {
            let name = failure.why.rsplit(' ').next().unwrap();
            Some((*place, name, failure.touched != Touched::Perhaps))
        }
        _ => None,
    };
    told.iter().filter_map(failed).collect()
}
