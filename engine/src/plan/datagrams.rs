//! The rules of UDP and of DNS over it: what a target may be asked to match by, how long a datagram may be, which names there are.

use super::fields::{
    BytesMessage, DatagramField, DatagramMatching, DnsQuery, Target, TargetProtocol, Transport,
};
use super::mistake::Mistake;
use crate::quantity::counted;
use crate::template::{LengthForm, Piece, least_and_most_bytes};

/// The longest message that a datagram of UDP carries over IPv4: 65,535 bytes but for the two headers.
pub const DATAGRAM_BYTES_MAX: usize = 65_507;
/// The longest label of a name, and the longest name as it is sent (RFC 1035, section 2.3.4).
const LABEL_BYTES_MAX: usize = 63;
const NAME_BYTES_MAX: usize = 255;
/// The header of a message of DNS (RFC 1035, section 4.1.1).
const DNS_HEADER_BYTES: usize = 12;
/// The shortest reply that a target may be told to keep to, and what it may send anyway (RFC 6891, section 6.2.3).
const EDNS_BYTES_MIN: u16 = 512;

const RECURSION_DESIRED: u8 = 0x01;
const CLASS_IN: u16 = 1;
/// The record by which EDNS is spoken (RFC 6891, section 6.1.1).
const TYPE_OPT: u16 = 41;

impl DatagramField {
    /// How many bytes a datagram has at least that has the field.
    pub fn end(self) -> usize {
        usize::from(self.offset) + usize::from(self.bytes)
    }
}

impl DatagramMatching {
    /// Reads `be32@0` and the like, `dns`, `any` or `none`.
    pub fn parse(text: &str) -> Option<DatagramMatching> {
        match text {
            "any" => return Some(DatagramMatching::Any),
            "dns" => return Some(DatagramMatching::Dns),
            "none" => return Some(DatagramMatching::None),
            _ => {}
        }
        let (form, offset) = text.split_once('@')?;
        let (is_little_endian, bits) = match (form.strip_prefix("be"), form.strip_prefix("le")) {
            (Some(bits), _) => (false, bits),
            (None, Some(bits)) => (true, bits),
            (None, None) => return None,
        };
        let bytes = match bits {
            "16" => 2,
            "32" => 4,
            "64" => 8,
            _ => return None,
        };
        let offset = offset.parse().ok()?;
        Some(DatagramMatching::Field(DatagramField { bytes, is_little_endian, offset }))
    }

    /// As it is typed.
    pub fn shown(self) -> String {
        match self {
            DatagramMatching::Any => "any".to_owned(),
            DatagramMatching::Dns => "dns".to_owned(),
            DatagramMatching::None => "none".to_owned(),
            DatagramMatching::Field(DatagramField { bytes, is_little_endian, offset }) => {
                let order = if is_little_endian { "le" } else { "be" };
                format!("{order}{}@{offset}", u32::from(bytes) * 8)
            }
        }
    }

    /// How many bytes a message has to have for a reply to find it.
    fn bytes_min(self) -> usize {
        match self {
            DatagramMatching::Any | DatagramMatching::None => 0,
            DatagramMatching::Field(field) => field.end(),
            DatagramMatching::Dns => DNS_HEADER_BYTES,
        }
    }
}

/// What is wrong with a target, each at its key.
pub(super) fn wrong(target: &Target) -> Vec<(&'static str, Mistake)> {
    let of_two_kinds = || {
        let problem = "its URL and its protocol are not of one kind";
        Mistake::new(problem, "datagrams are of udp:// and dns:// URLs alone")
    };
    let TargetProtocol::Udp { matching, .. } = target.protocol else {
        return target.url.scheme.is_udp().then(|| ("url", of_two_kinds())).into_iter().collect();
    };
    let mut wrong = Vec::new();
    if !target.url.scheme.is_udp() || target.transport != Transport::Plain || target.grpc.is_some() {
        wrong.push(("url", of_two_kinds()));
    }
    let is_sound =
        |field: DatagramField| matches!(field.bytes, 2 | 4 | 8) && field.end() <= DATAGRAM_BYTES_MAX;
    if let DatagramMatching::Field(field) = matching
        && !is_sound(field)
    {
        let problem = format!("no datagram has a field `{}`", matching.shown());
        let fix =
            format!("fields have 16, 32 or 64 bits, and end at byte {DATAGRAM_BYTES_MAX} at the latest");
        wrong.push(("protocol.udp.match", Mistake::new(problem, fix)));
    }
    if target.url.scheme == crate::url::Scheme::Dns && matching != DatagramMatching::Dns {
        let problem = format!(
            "replies of DNS find their queries by number and question, and not by `{}`",
            matching.shown()
        );
        let fix = "leave it out, or write `udp://…` as its URL";
        wrong.push(("protocol.udp.match", Mistake::new(problem, fix)));
    }
    wrong
}

/// What is wrong with a message that goes to a target.
pub(super) fn wrong_message(message: &BytesMessage, protocol: &TargetProtocol) -> Option<Mistake> {
    let TargetProtocol::Udp { matching, .. } = protocol else { return None };
    let (least, most) = least_and_most_bytes(&message.payload);
    if most > DATAGRAM_BYTES_MAX {
        let problem =
            format!("the message has up to {most} bytes, and a datagram carries {DATAGRAM_BYTES_MAX}");
        return Some(Mistake::new(problem, "send a shorter one"));
    }
    if least < matching.bytes_min() {
        let problem = format!(
            "the message has {least} bytes at the least, and replies are matched by `{}`, up to byte {}",
            matching.shown(),
            matching.bytes_min()
        );
        let fix =
            "send a longer one, whose bytes there are written over by a number; or match by `any` or `none`";
        return Some(Mistake::new(problem, fix));
    }
    None
}

/// What is wrong with a query.
pub(super) fn wrong_query(query: &DnsQuery) -> Option<Mistake> {
    if let Err(wrong) = labels(&query.name) {
        return Some(wrong);
    }
    query.edns_bytes.filter(|bytes| *bytes < EDNS_BYTES_MIN).map(|bytes| {
        let problem = format!("replies of up to {bytes} bytes are fewer than any target may send");
        Mistake::new(problem, format!("write {EDNS_BYTES_MIN} to {}, such as 1232", u16::MAX))
    })
}

/// The labels of a name, each of which may have holes.
fn labels(name: &[Piece]) -> Result<Vec<Vec<Piece>>, Mistake> {
    let mut labels: Vec<Vec<Piece>> = vec![Vec::new()];
    for piece in name {
        let Piece::Bytes(bytes) = piece else {
            labels.last_mut().expect("there is a first label").push(piece.clone());
            continue;
        };
        if let Some(byte) = bytes.iter().find(|byte| !byte.is_ascii_graphic() || **byte == b'\\') {
            let problem = match byte {
                128.. => "a name has a letter that is none of ASCII".to_owned(),
                _ => format!("a name has {:?} in it", char::from(*byte)),
            };
            let fix = "names of other scripts are written in ASCII (`xn--…`), and bytes cannot be escaped";
            return Err(Mistake::new(problem, fix));
        }
        for (index, part) in bytes.split(|byte| *byte == b'.').enumerate() {
            if index > 0 {
                labels.push(Vec::new());
            }
            if !part.is_empty() {
                labels.last_mut().expect("one was added").push(Piece::Bytes(part.to_vec()));
            }
        }
    }
    // The root's label is empty and comes last, whether it is written or not.
    if labels.last().is_some_and(Vec::is_empty) {
        labels.pop();
    }
    if labels.first().is_some_and(Vec::is_empty) && labels.len() == 1 {
        labels.pop();
    }
    check_lengths(&labels)?;
    Ok(labels)
}

fn check_lengths(labels: &[Vec<Piece>]) -> Result<(), Mistake> {
    let mut name_bytes = 1;
    for label in labels {
        let (_, most) = least_and_most_bytes(label);
        name_bytes += 1 + most;
        if label.is_empty() {
            let problem = "a label of the name is empty";
            return Err(Mistake::new(problem, "labels stand between single dots, as in `www.example.org`"));
        }
        if most > LABEL_BYTES_MAX {
            let problem = format!("a label of the name has up to {most} letters");
            let fix = format!(
                "labels have at most {LABEL_BYTES_MAX}; {{{{seq}}}} may have 20, {{{{uuid}}}} has 36"
            );
            return Err(Mistake::new(problem, fix));
        }
    }
    if name_bytes > NAME_BYTES_MAX {
        let problem = format!("the name has up to {}", counted(name_bytes as u64, "byte"));
        return Err(Mistake::new(problem, format!("names have at most {NAME_BYTES_MAX}")));
    }
    Ok(())
}

impl DnsQuery {
    /// The message that is sent, whose number is written into its first two bytes later. Nothing where its name cannot be one.
    pub fn encoded(&self) -> Option<Vec<Piece>> {
        let mut pieces = vec![Piece::Bytes(self.header().to_vec())];
        for label in labels(&self.name).ok()? {
            if let [Piece::Bytes(bytes)] = label.as_slice() {
                pieces.push(Piece::Bytes(vec![bytes.len() as u8]));
            } else {
                let from = pieces.len() + 1;
                pieces.push(Piece::Length { from, to: from + label.len(), form: LengthForm::Byte });
            }
            pieces.extend(label);
        }
        let [type_high, type_low] = self.record_type.0.to_be_bytes();
        let [class_high, class_low] = CLASS_IN.to_be_bytes();
        pieces.push(Piece::Bytes(vec![0, type_high, type_low, class_high, class_low]));
        if let Some(bytes) = self.edns_bytes {
            // The root, the type, how long a reply may be, no flags, and no options.
            let [opt_high, opt_low] = TYPE_OPT.to_be_bytes();
            let [bytes_high, bytes_low] = bytes.to_be_bytes();
            pieces.push(Piece::Bytes(vec![0, opt_high, opt_low, bytes_high, bytes_low, 0, 0, 0, 0, 0, 0]));
        }
        Some(pieces)
    }

    /// Number, flags, and how many questions, answers, authorities and additional records there are.
    fn header(&self) -> [u8; DNS_HEADER_BYTES] {
        let flags = if self.recursion { RECURSION_DESIRED } else { 0 };
        [0, 0, flags, 0, 0, 1, 0, 0, 0, 0, 0, u8::from(self.edns_bytes.is_some())]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Diagnostic, Document, Format, Layers};
    use crate::plan::{Plan, Purpose, RecordType, Request};

    fn read(text: &str) -> Result<Plan, Vec<Diagnostic>> {
        let document = Document { name: "plan".into(), text: text.into(), format: Format::Toml };
        let reading = Layers::new(Some(document)).unwrap().read();
        let read_file = |name: &str| match name {
            "long" => Ok(vec![b'x'; DATAGRAM_BYTES_MAX + 1]),
            "longest" => Ok(vec![b'x'; DATAGRAM_BYTES_MAX]),
            "bytes" => Ok(b"\xff\x00".to_vec()),
            _ => Err("no such file".to_owned()),
        };
        Plan::read(&reading, &read_file, Purpose::Run).map(|(plan, _)| plan)
    }

    fn only(text: &str) -> (TargetProtocol, Request, String) {
        let plan = read(text).unwrap();
        let json = serde_json::to_string(&plan).unwrap();
        assert_eq!(serde_json::from_str::<Plan>(&json).unwrap(), plan);
        let step = plan.scenarios[0].steps()[0].clone();
        (plan.targets[0].protocol.clone(), step.request, step.name)
    }

    /// What is wrong, each as its key and what is said.
    fn wrong(text: &str) -> Vec<String> {
        let told = |found: &Diagnostic| {
            let instead: Vec<String> = found.instead.iter().map(|(_, value)| value.to_string()).collect();
            format!("{}: {}; {} {}", found.path, found.problem, found.fix, instead.join(" "))
        };
        read(text).unwrap_err().iter().map(told).collect()
    }

    #[track_caller]
    fn assert_told(text: &str, words: &str) {
        let wrong = wrong(text);
        assert!(wrong.iter().any(|told| told.starts_with(words)), "{words}: {wrong:?}");
    }

    fn bytes(text: &str) -> Vec<Piece> {
        vec![Piece::Bytes(text.into())]
    }

    #[test]
    fn a_url_alone_sends_a_datagram_and_takes_the_next_one_for_its_reply() {
        let (protocol, request, name) = only("url = 'udp://h:9000'");
        assert_eq!(protocol, TargetProtocol::Udp { pipeline: 1, matching: DatagramMatching::Any });
        assert_eq!(request, Request::Bytes(BytesMessage { payload: bytes("hello") }));
        assert_eq!(name, "message");
    }

    #[test]
    fn fields_are_read_as_they_are_written() {
        for (text, bytes, is_little_endian, offset) in [
            ("be16@0", 2, false, 0),
            ("be32@4", 4, false, 4),
            ("le64@8", 8, true, 8),
            ("le16@65505", 2, true, 65_505),
        ] {
            let field = DatagramMatching::Field(DatagramField { bytes, is_little_endian, offset });
            assert_eq!(DatagramMatching::parse(text), Some(field));
            assert_eq!(field.shown(), text);
        }
        for text in ["be24@0", "be32", "be32@", "be32@-1", "32@0", "be32@65536", "BE32@0", ""] {
            assert_eq!(DatagramMatching::parse(text), None, "{text}");
        }
        let (protocol, ..) = only(
            "url = 'udp://h:9000'\n[udp]\nmatch = 'be32@4'\n[run]\npipeline = 8\n[[request]]\ntext = '{{uuid}}'",
        );
        let field = DatagramField { bytes: 4, is_little_endian: false, offset: 4 };
        assert_eq!(protocol, TargetProtocol::Udp { pipeline: 8, matching: DatagramMatching::Field(field) });
    }

    #[test]
    fn a_url_of_dns_says_what_is_asked_for() {
        let (protocol, request, name) = only("url = 'dns://h/u-{{seq}}.example.org?type=AAAA'");
        assert_eq!(protocol, TargetProtocol::Udp { pipeline: 1, matching: DatagramMatching::Dns });
        let Request::Dns(query) = request else { panic!("no query") };
        assert_eq!((query.record_type, query.recursion, query.edns_bytes), (RecordType(28), true, None));
        let name_of = vec![Piece::Bytes(b"u-".to_vec()), Piece::Seq, Piece::Bytes(b".example.org".to_vec())];
        assert_eq!((query.name, name.as_str()), (name_of, "dns u-{{seq}}.example.org AAAA"));
        let (_, request, _) = only("url = 'dns://h/example.org'");
        assert!(matches!(request, Request::Dns(query) if query.record_type == RecordType::A));
    }

    #[test]
    fn queries_are_written_as_a_name_and_a_type() {
        let plan = read(
            "url = 'dns://h'\n[udp]\nrecursion = false\nedns = 1232\n[[request]]\ndns = 'example.org mx'\n\
             [[request]]\ndns = '{{rand 1 9}}.example.org'\nweight = 3\n[[request]]\ndns = '. NS'\nname = 'root'",
        )
        .unwrap();
        let queries: Vec<&DnsQuery> = plan
            .steps()
            .filter_map(|step| match &step.request {
                Request::Dns(query) => Some(query),
                _ => None,
            })
            .collect();
        assert_eq!((queries[0].record_type, queries[0].recursion), (RecordType(15), false));
        assert_eq!(queries[1].name[0], Piece::Rand { low: 1, high: 9 });
        assert_eq!((queries[2].name.clone(), queries[2].edns_bytes), (bytes("."), Some(1_232)));
        let names: Vec<&str> = plan.steps().map(|step| step.name.as_str()).collect();
        assert_eq!(names, ["dns example.org MX", "dns {{rand 1 9}}.example.org A", "root"]);
    }

    #[test]
    fn messages_and_rules_that_cannot_be_are_told_at_their_keys_with_what_to_do() {
        let told = |text: &str, words: &str| assert_told(&format!("url = 'udp://h:1'\n{text}"), words);
        let short = "request.0.text: the message has 3 bytes at the least";
        told("[udp]\nmatch = 'be32@0'\n[[request]]\ntext = 'abc'", short);
        told("[udp]\nmatch = 'be32@0'\n[[request]]\ntext = '{{seq}}bc'", short);
        told("[[request]]\nbinary = '@long'", "request.0.binary: the message has up to 65508 bytes");
        let no_way = |text: &str, meant: &str| {
            format!("udp.match: `{text}` is no way in which a datagram finds its message;  \"{meant}\"")
        };
        told("[udp]\nmatch = 'be23@0'", &no_way("be23@0", "be32@0"));
        told("[udp]\nmatch = 'nnoe'", &no_way("nnoe", "none"));
        told("[udp]\nmatch = 'be64@65507'", "udp.match: no datagram has a field `be64@65507`");
        told("[udp]\nrecursion = true", "udp.recursion: `recursion` is of DNS");
        told("[[request]]\ndns = 'a'", "request.0.dns: `dns` is a query of DNS");
        let no_port = "url: `udp://h` is not a target: there is no port in it";
        assert_told("url = 'udp://h'", no_port);
        assert!(read("url = 'udp://h:1'\n[[request]]\nbinary = '@longest'").is_ok());
    }

    #[test]
    fn queries_that_cannot_be_are_told_at_their_keys_with_what_to_do() {
        let told = |text: &str, words: &str| assert_told(&format!("url = 'dns://h{text}'"), words);
        told("/a'\n[udp]\nmatch = 'any", "udp.match: replies of DNS find their queries by number");
        let edns = "udp.edns: `edns` is a whole number from 512 to 65,535";
        assert_told("url = 'dns://h/a'\n[udp]\nedns = 100", edns);
        told("/", "url: it is not said which name is asked for");
        told("/a?type=AAAAA", "url: `AAAAA` is no type of records; did you mean `AAAA`?");
        told("/a?class=CH", "url: `class=CH` is not supported");
        let told = |request: &str, words: &str| {
            assert_told(&format!("url = 'dns://h'\n[[request]]\n{request}"), &format!("request.0.{words}"));
        };
        told("dns = 'a HTTSP'", "dns: `HTTSP` is no type of records; did you mean `HTTPS`?");
        told("text = 'a'", "text: `text` is a message of bytes");
        told("weight = 2", "dns: it is not said which name is asked for");
        let long = format!("dns = '{}.org'", "x".repeat(64));
        told(&long, "dns: a label of the name has up to 64 letters");
        told("dns = '{{uuid}}{{uuid}}.org'", "dns: a label of the name has up to 72 letters");
        let name = format!("dns = '{}'", ["x".repeat(60).as_str(); 5].join("."));
        told(&name, "dns: the name has up to 306 bytes");
        told("dns = 'a..b'", "dns: a label of the name is empty");
        told("dns = 'bücher.de'", "dns: a name has a letter that is none of ASCII");
    }

    #[test]
    fn keys_of_other_protocols_are_refused_beside_datagrams_and_theirs_beside_others() {
        let told = |text: &str, words: &str| assert_told(&format!("url = 'udp://h:1'\n{text}"), words);
        told("[[request]]\nbody = 'a'", "request.0.body: `body` is of a request of HTTP");
        told("[[request]]\npath = '/a'\ntext = 'a'", "request.0.path: `path` is of a request of HTTP");
        told("[[request]]\ncall = 'a.B/C'\ntext = 'a'", "request.0.call: `call` is of gRPC");
        told("[headers]\nA = 'b'", "headers: a datagram has no headers");
        told("[http]\nreuse = false", "http: HTTP is asked for");
        told("[tls]\nverify = false", "tls: TLS is asked for");
        told("[websocket]\nmatch = 'none'", "websocket: WebSocket is asked for");
        assert_told("url = 'http://h/'\n[udp]\nmatch = 'none'", "udp: UDP is asked for");
        let query = "url = 'http://h/'\n[[request]]\ndns = 'a'";
        assert_told(query, "request.0.dns: `dns` is a query of DNS");
        let target = |keys: &str| format!("[target.a]\n{keys}\n[scenario.x]\ntarget = 'a'");
        assert_told(&target("url = 'http://a/'\nudp.match = 'none'"), "target.a.udp: UDP is asked for");
        assert_told(&target("url = 'udp://a:1'\nhttp.reuse = true"), "target.a.http: HTTP is asked for");
    }

    #[test]
    fn plans_from_elsewhere_keep_the_same_rules() {
        let good = read("url = 'udp://h:1'").unwrap();
        let http = read("url = 'http://h/'").unwrap();
        let broken =
            good.changed(|fields| fields.targets[0].url.scheme = crate::url::Scheme::Http).unwrap_err();
        assert!(broken.to_string().contains("datagrams are of udp:// and dns:// URLs alone"), "{broken}");
        let broken =
            http.changed(|fields| fields.targets[0].url.scheme = crate::url::Scheme::Udp).unwrap_err();
        assert!(broken.to_string().contains("datagrams are of udp:// and dns:// URLs alone"), "{broken}");
        let step = http.scenarios[0].steps()[0].clone();
        let broken = good.changed(|fields| fields.scenarios[0].steps_mut().push(step)).unwrap_err();
        assert!(broken.to_string().contains("another protocol than its target"), "{broken}");
        let dns = read("url = 'dns://h/a'").unwrap();
        let broken = dns.changed(|fields| {
            let Request::Dns(query) = &mut fields.scenarios[0].steps_mut()[0].request else { return };
            query.edns_bytes = Some(100);
        });
        assert!(broken.unwrap_err().to_string().contains("replies of up to 100 bytes"));
        let field = DatagramField { bytes: 3, is_little_endian: false, offset: 0 };
        let protocol = TargetProtocol::Udp { pipeline: 1, matching: DatagramMatching::Field(field) };
        let broken = good.changed(|fields| fields.targets[0].protocol = protocol.clone()).unwrap_err();
        assert!(broken.to_string().contains("no datagram has a field"), "{broken}");
    }

    #[test]
    fn a_query_is_the_message_that_rfc_1035_says() {
        let query = DnsQuery {
            name: bytes("www.example.org."),
            record_type: RecordType(28),
            recursion: true,
            edns_bytes: Some(1_232),
        };
        let template = crate::template::Template::new(query.encoded().unwrap()).unwrap();
        let expected = b"\0\0\x01\0\0\x01\0\0\0\0\0\x01\x03www\x07example\x03org\0\0\x1c\0\x01\0\0\x29\x04\xd0\0\0\0\0\0\0";
        assert_eq!(template.constant().unwrap(), expected);
        let root =
            DnsQuery { name: bytes("."), record_type: RecordType(2), recursion: false, edns_bytes: None };
        let template = crate::template::Template::new(root.encoded().unwrap()).unwrap();
        assert_eq!(template.constant().unwrap(), b"\0\0\0\0\0\x01\0\0\0\0\0\0\0\0\x02\0\x01");
    }

    #[test]
    fn a_label_with_a_hole_has_the_length_that_it_comes_to_have() {
        let name = vec![Piece::Bytes(b"u-".to_vec()), Piece::Seq, Piece::Bytes(b".example.org".to_vec())];
        let query = DnsQuery { name, record_type: RecordType::A, recursion: true, edns_bytes: None };
        let template = crate::template::Template::new(query.encoded().unwrap()).unwrap();
        for (number, label) in [(7, &b"\x03u-7\x07example"[..]), (12_345, b"\x07u-12345\x07example")] {
            let out = crate::outbox::collected(template.bytes_max(), |out| {
                template.render(number, crate::random::Draws::new(1, 0), out);
            });
            assert_eq!(&out[DNS_HEADER_BYTES..DNS_HEADER_BYTES + label.len()], label);
        }
    }
}
