//! Where metrics are sent and how: by a URL that is typed, and by the variables that OpenTelemetry specifies for every exporter.
//!
//! A flag says more than a variable, and a variable for metrics more than one for all signals. A variable that is set and empty is not set.

use super::tls::{CollectorTls, CollectorTlsMistake, TlsPaths};
use engine::plain::plain;
use engine::redact;
use hyper::header::{HeaderName, HeaderValue};
use hyper::http::Uri;
use percent_encoding::percent_decode_str;
use std::error::Error;
use std::fmt;
use std::time::Duration;

/// How long a request may take, unless it is said: as OpenTelemetry specifies it.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The flag that says where to.
const FLAG: &str = "--otlp";
/// Variables that say which fields requests have.
const HEADERS: [&str; 2] = ["OTEL_EXPORTER_OTLP_METRICS_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS"];
/// What a path of HTTP ends with.
const METRICS_PATH: &str = "/v1/metrics";
/// Where a collector listens, unless it is said.
const DEFAULT_ENDPOINT: &str = "http://localhost:4318";
/// The same for gRPC.
const DEFAULT_GRPC_ENDPOINT: &str = "http://localhost:4317";
const GRPC_PORT: u16 = 4317;
const HTTP_PORT: u16 = 80;
const HTTPS_PORT: u16 = 443;

/// Where metrics are sent, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtlpSettings {
    /// Who says where to: the flag or a variable, as messages name it.
    pub place: String,
    /// What is spoken.
    pub protocol: OtlpProtocol,
    /// The collector's host.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// The path of requests; gRPC has its own.
    pub path: String,
    /// How TLS is spoken, if it is.
    pub tls: Option<CollectorTls>,
    /// Fields that requests have besides those of the protocol. They may be secrets, and are written down nowhere.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// It was said of this one, of several, that it is given the fields that variables name.
    is_given_headers: bool,
    /// Requests are compressed.
    pub is_gzip: bool,
    /// How long one may take.
    pub timeout: Duration,
    /// What counts are of.
    pub temporality: Temporality,
    /// What distributions become.
    pub histograms: HistogramForm,
    /// How long what is measured is added up before it is sent; nothing for the intervals of the plan.
    pub every: Option<Duration>,
    /// What the resource is called.
    pub service_name: String,
    /// What else is said of it.
    pub resource: Vec<(String, String)>,
}

/// What is spoken with a collector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OtlpProtocol {
    /// Protobuf in requests of HTTP/1.1.
    Http,
    /// gRPC.
    Grpc,
}

/// What counts and distributions that are sent are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Temporality {
    /// All that was since the run began.
    Cumulative,
    /// What was since the last time.
    Delta,
}

/// What distributions become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HistogramForm {
    /// Buckets whose bounds are powers of a base.
    Exponential,
    /// Buckets of fixed bounds.
    Explicit,
}

/// What is wrong with a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtlpMistake {
    /// Which it is: a flag or a variable.
    pub place: String,
    /// What is wrong with it. Never has its value where that may be a secret.
    pub problem: String,
    /// What to do.
    pub fix: &'static str,
}

impl fmt::Display for OtlpMistake {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}\n  help: {}", self.place, self.problem, self.fix)
    }
}

impl Error for OtlpMistake {}

/// Gives a variable of the environment.
type Variable<'a> = &'a dyn Fn(&str) -> Option<String>;

/// A value, and the name of the flag or variable that it comes from.
struct GivenSetting {
    place: String,
    value: String,
}

impl GivenSetting {
    fn mistake(&self, problem: impl Into<String>, fix: &'static str) -> OtlpMistake {
        OtlpMistake { place: self.place.clone(), problem: problem.into(), fix }
    }
}

impl OtlpSettings {
    /// What values of the flag and the variables say: one for each value, or what variables say where there is none.
    pub fn read_each(flags: &[String], variable: Variable<'_>) -> Result<Vec<OtlpSettings>, OtlpMistake> {
        if flags.is_empty() {
            return Ok(OtlpSettings::read(None, variable)?.into_iter().collect());
        }
        let mut all: Vec<OtlpSettings> = Vec::new();
        for (index, flag) in flags.iter().enumerate() {
            let nth = |mut mistake: OtlpMistake| {
                if flags.len() > 1 && mistake.place == FLAG {
                    mistake.place = format!("{FLAG} number {}", index + 1);
                }
                mistake
            };
            let Some(settings) = OtlpSettings::read(Some(flag), variable).map_err(nth)? else { continue };
            if all.iter().any(|known| known.to_string() == settings.to_string()) {
                let given = GivenSetting { place: FLAG.into(), value: String::new() };
                let mistake = given.mistake(format!("{settings} is there twice"), "say each collector once");
                return Err(nth(mistake));
            }
            all.push(settings);
        }
        share_headers(&mut all, variable)?;
        Ok(all)
    }

    /// What the value of the flag and the variables say; nothing where nothing is to be sent.
    pub fn read(flag: Option<&str>, variable: Variable<'_>) -> Result<Option<OtlpSettings>, OtlpMistake> {
        let protocol =
            given(variable, &["OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"]);
        let (flag, words) = match flag.and_then(|flag| flag.split_once(',')) {
            Some((url, words)) => (Some(url), words),
            None => (flag, ""),
        };
        let place = place_of(flag, protocol.as_ref(), variable);
        let Some(EndpointPlace { endpoint, is_for_metrics }) = place else {
            return Ok(None);
        };
        let address = Address::read(&endpoint, protocol.as_ref(), is_for_metrics)?;
        let mut settings = OtlpSettings::with(endpoint.place, address, variable)?;
        settings.take_words(words)?;
        Ok(Some(settings))
    }

    /// What stands behind the URL of a flag, and says more than variables, for they are for every collector: `delta,explicit`.
    fn take_words(&mut self, words: &str) -> Result<(), OtlpMistake> {
        for word in words.split(',').map(str::trim).filter(|word| !word.is_empty()) {
            match word {
                "cumulative" => self.temporality = Temporality::Cumulative,
                "delta" => self.temporality = Temporality::Delta,
                "exponential" => self.histograms = HistogramForm::Exponential,
                "explicit" => self.histograms = HistogramForm::Explicit,
                "headers" => self.is_given_headers = true,
                _ => {
                    let given = GivenSetting { place: self.place.clone(), value: word.to_owned() };
                    let problem = format!("`{}`, behind the URL, is not known", plain(word));
                    return Err(given.mistake(
                        problem,
                        "use `cumulative` or `delta`, `exponential` or `explicit`, and `headers`",
                    ));
                }
            }
        }
        Ok(())
    }

    /// To where something was to go, as reports write it; the variables say the rest.
    pub fn at(to: &str, variable: Variable<'_>) -> Result<OtlpSettings, OtlpMistake> {
        let endpoint = GivenSetting { place: "the spool".into(), value: to.to_owned() };
        const FIX: &str = "say it with --otlp URL";
        if to.is_empty() {
            return Err(endpoint.mistake("where it was to go cannot be read any more", FIX));
        }
        if to.contains(redact::MARK) {
            return Err(endpoint.mistake("a part of where it was to go may be secret, and is not kept", FIX));
        }
        let address = Address::read(&endpoint, None, true)?;
        OtlpSettings::with(endpoint.place, address, variable)
    }

    fn with(place: String, address: Address, variable: Variable<'_>) -> Result<OtlpSettings, OtlpMistake> {
        let headers = given(variable, &HEADERS);
        let compression =
            given(variable, &["OTEL_EXPORTER_OTLP_METRICS_COMPRESSION", "OTEL_EXPORTER_OTLP_COMPRESSION"]);
        let timeout = given(variable, &["OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"]);
        let every = given(variable, &["OTEL_METRIC_EXPORT_INTERVAL"]);
        let resource = given(variable, &["OTEL_RESOURCE_ATTRIBUTES"]);
        let mut resource = resource.as_ref().map_or(Ok(Vec::new()), pairs)?;
        let named = resource.iter().position(|(name, _)| name == "service.name");
        let named = named.map(|place| resource.remove(place).1);
        let service_name = given(variable, &["OTEL_SERVICE_NAME"]).map(|given| given.value).or(named);
        let tls = address.is_tls.then(|| tls(address.protocol, variable)).transpose()?;
        Ok(OtlpSettings {
            place,
            tls,
            protocol: address.protocol,
            host: address.host,
            port: address.port,
            path: address.path,
            headers: headers.as_ref().map_or(Ok(Vec::new()), fields)?,
            is_given_headers: false,
            is_gzip: compression.as_ref().map_or(Ok(true), gzip)?,
            timeout: timeout.as_ref().map_or(Ok(TIMEOUT), milliseconds)?,
            temporality: given(variable, &["OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"])
                .as_ref()
                .map_or(Ok(Temporality::Cumulative), temporality)?,
            histograms: given(variable, &["OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION"])
                .as_ref()
                .map_or(Ok(HistogramForm::Exponential), histogram_form)?,
            every: every.as_ref().map(milliseconds).transpose()?,
            service_name: service_name.unwrap_or_else(|| "vajra".to_owned()),
            resource,
        })
    }
}

impl OtlpSettings {
    /// The host and port, as they stand in a URL.
    pub(super) fn authority(&self) -> String {
        match self.host.contains(':') {
            true => format!("[{}]:{}", self.host, self.port),
            false => format!("{}:{}", self.host, self.port),
        }
    }
}

impl fmt::Display for OtlpSettings {
    /// Where requests go, without anything that may be a secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let authority = self.authority();
        let secured = if self.tls.is_some() { "s" } else { "" };
        let shown = match self.protocol {
            OtlpProtocol::Http => format!("http{secured}://{authority}{}", self.path),
            OtlpProtocol::Grpc => format!("grpc{secured}://{authority}"),
        };
        formatter.write_str(&plain(&redact::text(&shown)))
    }
}

/// Fields may be a token of one collector, which is none of another one's business: of several, those have them that are said to.
fn share_headers(all: &mut [OtlpSettings], variable: Variable<'_>) -> Result<(), OtlpMistake> {
    let Some(headers) = given(variable, &HEADERS).filter(|_| all.len() > 1) else { return Ok(()) };
    if !all.iter().any(|settings| settings.is_given_headers) {
        let places: Vec<String> = all.iter().map(OtlpSettings::to_string).collect();
        let problem = format!("it would be sent to several collectors: {}", places.join(", "));
        return Err(headers.mistake(problem, "write `,headers` behind the URL of each that it is for"));
    }
    all.iter_mut()
        .filter(|settings| !settings.is_given_headers)
        .for_each(|settings| settings.headers.clear());
    Ok(())
}

/// Where to send, and who says so.
struct EndpointPlace {
    endpoint: GivenSetting,
    /// The URL is the one of metrics as it stands, and no base for all signals.
    is_for_metrics: bool,
}

fn place_of(
    flag: Option<&str>,
    protocol: Option<&GivenSetting>,
    variable: Variable<'_>,
) -> Option<EndpointPlace> {
    if let Some(value) = flag {
        let endpoint = GivenSetting { place: FLAG.into(), value: value.to_owned() };
        return Some(EndpointPlace { endpoint, is_for_metrics: false });
    }
    if given(variable, &["OTEL_SDK_DISABLED"]).is_some_and(|given| given.value.eq_ignore_ascii_case("true")) {
        return None;
    }
    // It may name several. Where it names others alone, metrics go there, which this program does not do.
    let exporters = given(variable, &["OTEL_METRICS_EXPORTER"]);
    let is_otlp = |name: &str| name.trim().eq_ignore_ascii_case("otlp");
    if exporters.as_ref().is_some_and(|given| !given.value.split(',').any(is_otlp)) {
        return None;
    }
    if let Some(endpoint) = given(variable, &["OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"]) {
        return Some(EndpointPlace { endpoint, is_for_metrics: true });
    }
    let is_grpc = protocol.is_some_and(|given| given.value == "grpc");
    let default = if is_grpc { DEFAULT_GRPC_ENDPOINT } else { DEFAULT_ENDPOINT };
    let asked = |given: GivenSetting| GivenSetting { value: default.to_owned(), ..given };
    let endpoint = given(variable, &["OTEL_EXPORTER_OTLP_ENDPOINT"]).or_else(|| exporters.map(asked))?;
    Some(EndpointPlace { endpoint, is_for_metrics: false })
}

/// The first of these variables that is set.
fn given(variable: Variable<'_>, names: &[&str]) -> Option<GivenSetting> {
    names.iter().find_map(|name| {
        let value = variable(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())?;
        Some(GivenSetting { place: (*name).to_owned(), value })
    })
}

/// The parts of a URL.
struct Address {
    protocol: OtlpProtocol,
    host: String,
    port: u16,
    path: String,
    is_tls: bool,
}

impl Address {
    fn read(
        endpoint: &GivenSetting,
        protocol: Option<&GivenSetting>,
        is_for_metrics: bool,
    ) -> Result<Address, OtlpMistake> {
        const FORM: &str = "write http://HOST:4318 or grpc://HOST:4317, with TLS https:// or grpcs://";
        let uri: Uri = endpoint.value.parse().map_err(|_| endpoint.mistake("it is no URL", FORM))?;
        let host = uri.host().filter(|host| !host.is_empty());
        let host = host.ok_or_else(|| endpoint.mistake("it names no host", FORM))?;
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            let fix = "set OTEL_EXPORTER_OTLP_HEADERS=\"authorization=Basic%20…\" instead";
            return Err(endpoint.mistake("a URL with a name or password is not taken", fix));
        }
        // What is behind the host and is no port is not heeded otherwise, and the port would be another one.
        let after_host = uri.authority().and_then(|authority| authority.as_str().strip_prefix(host));
        let has_port = after_host.is_some_and(|rest| !rest.is_empty());
        if has_port && uri.port_u16().is_none_or(|port| port == 0) {
            let fix = "write the port that the collector listens at: 4318 for HTTP, 4317 for gRPC";
            return Err(endpoint.mistake("the port is no number from 1 to 65535", fix));
        }
        if uri.query().is_some() {
            let fix = "say it in OTEL_EXPORTER_OTLP_HEADERS, if the collector takes it there";
            return Err(endpoint.mistake("a URL with a query is not taken", fix));
        }
        let is_tls = matches!(uri.scheme_str(), Some("https" | "grpcs"));
        let protocol = match uri.scheme_str() {
            Some("grpc" | "grpcs") => OtlpProtocol::Grpc,
            Some("http" | "https") => protocol.map_or(Ok(OtlpProtocol::Http), protocol_of)?,
            _ => return Err(endpoint.mistake("its scheme is neither http nor grpc", FORM)),
        };
        let base = uri.path().trim_end_matches('/');
        let path = match (is_for_metrics, base.ends_with(METRICS_PATH)) {
            (true, _) if uri.path().is_empty() => "/".to_owned(),
            (true, _) => uri.path().to_owned(),
            (false, true) => base.to_owned(),
            (false, false) => format!("{base}{METRICS_PATH}"),
        };
        let default_port = match (protocol, is_tls) {
            (OtlpProtocol::Grpc, _) => GRPC_PORT,
            (OtlpProtocol::Http, true) => HTTPS_PORT,
            (OtlpProtocol::Http, false) => HTTP_PORT,
        };
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        Ok(Address { protocol, host, port: uri.port_u16().unwrap_or(default_port), path, is_tls })
    }
}

fn protocol_of(given: &GivenSetting) -> Result<OtlpProtocol, OtlpMistake> {
    match given.value.as_str() {
        "grpc" => Ok(OtlpProtocol::Grpc),
        "http/protobuf" => Ok(OtlpProtocol::Http),
        other => Err(given.mistake(format!("`{other}` is not spoken"), "use `grpc` or `http/protobuf`")),
    }
}

/// How TLS is spoken, from the files that variables name.
fn tls(protocol: OtlpProtocol, variable: Variable<'_>) -> Result<CollectorTls, OtlpMistake> {
    const FIX: &str = "name files in PEM: of authorities in OTEL_EXPORTER_OTLP_CERTIFICATE, of this client in \
        OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and OTEL_EXPORTER_OTLP_CLIENT_KEY";
    let file = |what: &str| {
        let names = [format!("OTEL_EXPORTER_OTLP_METRICS_{what}"), format!("OTEL_EXPORTER_OTLP_{what}")];
        given(variable, &[names[0].as_str(), names[1].as_str()])
    };
    let (authorities, chain, key) = (file("CERTIFICATE"), file("CLIENT_CERTIFICATE"), file("CLIENT_KEY"));
    let identity = match (&chain, &key) {
        (Some(chain), Some(key)) => Some((chain.value.as_str(), key.value.as_str())),
        (None, None) => None,
        (Some(given), None) => return Err(given.mistake("a certificate of this client needs its key", FIX)),
        (None, Some(given)) => return Err(given.mistake("a key of this client needs its certificate", FIX)),
    };
    let paths = TlsPaths { authorities: authorities.as_ref().map(|given| given.value.as_str()), identity };
    let mistake = |mistake: CollectorTlsMistake| {
        let mut files = [&authorities, &chain, &key].into_iter().flatten();
        let place = match &mistake {
            CollectorTlsMistake::Identity(_) => chain.as_ref(),
            other => files.find(|given| other.path() == Some(given.value.as_str())),
        };
        let place = place.map_or_else(|| "TLS with the collector".to_owned(), |given| given.place.clone());
        OtlpMistake { place, problem: mistake.to_string(), fix: FIX }
    };
    CollectorTls::new(paths, protocol == OtlpProtocol::Grpc).map_err(mistake)
}

fn gzip(given: &GivenSetting) -> Result<bool, OtlpMistake> {
    match given.value.as_str() {
        "gzip" => Ok(true),
        "none" => Ok(false),
        other => Err(given.mistake(format!("`{other}` is not known"), "use `gzip` or `none`")),
    }
}

fn milliseconds(given: &GivenSetting) -> Result<Duration, OtlpMistake> {
    let read = given.value.parse().ok().filter(|ms| *ms > 0);
    read.map(Duration::from_millis).ok_or_else(|| {
        given.mistake("it is no number of milliseconds above 0", "write `10000` for ten seconds")
    })
}

fn temporality(given: &GivenSetting) -> Result<Temporality, OtlpMistake> {
    match given.value.to_ascii_lowercase().as_str() {
        "cumulative" => Ok(Temporality::Cumulative),
        // What is low in memory for who keeps cells of its own; here counts are deltas in both.
        "delta" | "lowmemory" => Ok(Temporality::Delta),
        _ => Err(given.mistake("it is not known", "use `cumulative`, `delta` or `lowmemory`")),
    }
}

fn histogram_form(given: &GivenSetting) -> Result<HistogramForm, OtlpMistake> {
    match given.value.to_ascii_lowercase().as_str() {
        "base2_exponential_bucket_histogram" => Ok(HistogramForm::Exponential),
        "explicit_bucket_histogram" => Ok(HistogramForm::Explicit),
        _ => Err(given.mistake(
            "it is not known",
            "use `base2_exponential_bucket_histogram` or `explicit_bucket_histogram`",
        )),
    }
}

/// `name=value,name=value`, both with percent signs for what may not stand there.
fn pairs(given: &GivenSetting) -> Result<Vec<(String, String)>, OtlpMistake> {
    const FORM: &str = "write `name=value,name=value`, with %20 and the like for other letters";
    let decoded = |text: &str| {
        let text = percent_decode_str(text.trim()).decode_utf8();
        text.map(|text| text.into_owned()).map_err(|_| given.mistake("a value is no UTF-8", FORM))
    };
    let each = given.value.split(',').filter(|pair| !pair.trim().is_empty()).map(|pair| {
        let (name, value) =
            pair.split_once('=').ok_or_else(|| given.mistake("a part of it has no `=`", FORM))?;
        Ok((decoded(name)?, decoded(value)?))
    });
    each.collect()
}

fn fields(given: &GivenSetting) -> Result<Vec<(HeaderName, HeaderValue)>, OtlpMistake> {
    const FIX: &str = "write `name=value,name=value`, as in `authorization=Bearer%20TOKEN`";
    let each = pairs(given)?.into_iter().enumerate().map(|(index, (name, value))| {
        let problem = |what: &str| given.mistake(format!("{what} of field {} is not valid", index + 1), FIX);
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| problem("the name"))?;
        let mut value = HeaderValue::from_str(&value).map_err(|_| problem("the value"))?;
        value.set_sensitive(true);
        Ok((name, value))
    });
    each.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(flag: Option<&str>, variables: &[(&str, &str)]) -> Result<Option<OtlpSettings>, OtlpMistake> {
        let variable = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        OtlpSettings::read(flag, &variable)
    }

    fn each(flags: &[&str], variables: &[(&str, &str)]) -> Result<Vec<OtlpSettings>, OtlpMistake> {
        let flags: Vec<String> = flags.iter().map(|flag| (*flag).to_owned()).collect();
        let variable = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        OtlpSettings::read_each(&flags, &variable)
    }

    fn to(flag: Option<&str>, variables: &[(&str, &str)]) -> String {
        read(flag, variables).unwrap().unwrap().to_string()
    }

    #[test]
    fn each_collector_has_a_form_of_its_own() {
        let delta = [("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "delta")];
        let [first, second] =
            each(&["grpc://a", "http://b:4318/,cumulative, explicit"], &delta).unwrap().try_into().unwrap();
        assert_eq!((first.temporality, first.histograms), (Temporality::Delta, HistogramForm::Exponential));
        assert_eq!(
            (second.temporality, second.histograms),
            (Temporality::Cumulative, HistogramForm::Explicit)
        );
        assert_eq!(second.to_string(), "http://b:4318/v1/metrics");
        assert_eq!(each(&[], &delta).unwrap(), []);
        let told = |flags: &[&str]| {
            let mistake = each(flags, &[]).unwrap_err();
            (mistake.place, mistake.problem)
        };
        let wrong = |place: &str, problem: &str| (place.to_owned(), problem.to_owned());
        assert_eq!(
            told(&["http://a", "http://a:80/v1/metrics,explicit"]),
            wrong("--otlp number 2", "http://a:80/v1/metrics is there twice")
        );
        assert_eq!(told(&["http://a,gauss"]), wrong("--otlp", "`gauss`, behind the URL, is not known"));
        assert_eq!(told(&["http://a", "b"]), wrong("--otlp number 2", "its scheme is neither http nor grpc"));
    }

    #[test]
    fn a_token_goes_to_those_of_several_collectors_that_it_is_said_to_be_for() {
        let token = [("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20a")];
        let headers = |flags: &[&str]| {
            let each = each(flags, &token).map_err(|mistake| mistake.to_string())?;
            Ok::<_, String>(each.iter().map(|settings| settings.headers.len()).collect::<Vec<_>>())
        };
        assert_eq!(headers(&["http://a"]), Ok(vec![1]));
        assert_eq!(headers(&["http://a", "http://b,headers,delta"]), Ok(vec![0, 1]));
        assert_eq!(headers(&["http://a,headers", "http://b,headers"]), Ok(vec![1, 1]));
        let refused = headers(&["http://a", "http://b"]).unwrap_err();
        assert!(
            refused.starts_with("OTEL_EXPORTER_OTLP_HEADERS: it would be sent to several collectors"),
            "{refused}"
        );
        assert!(!refused.contains("Bearer"), "{refused}");
    }

    #[test]
    fn nothing_is_sent_where_nothing_says_where() {
        assert_eq!(read(None, &[]), Ok(None));
        assert_eq!(read(None, &[("OTEL_EXPORTER_OTLP_ENDPOINT", " ")]), Ok(None));
        assert_eq!(
            read(None, &[("OTEL_EXPORTER_OTLP_HEADERS", "a=b"), ("OTEL_SERVICE_NAME", "x")]),
            Ok(None)
        );
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://h:1");
        assert_eq!(read(None, &[endpoint, ("OTEL_SDK_DISABLED", "TRUE")]), Ok(None));
        assert_eq!(read(None, &[endpoint, ("OTEL_METRICS_EXPORTER", "none")]), Ok(None));
        assert!(read(Some("http://h:1"), &[("OTEL_SDK_DISABLED", "true")]).unwrap().is_some());
    }

    #[test]
    fn a_url_is_a_base_but_for_the_variable_of_metrics() {
        let (all, own) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT");
        assert_eq!(to(Some("http://h:4318"), &[]), "http://h:4318/v1/metrics");
        assert_eq!(to(Some("http://h:4318/v1/metrics"), &[]), "http://h:4318/v1/metrics");
        assert_eq!(to(Some("http://[::1]:4318/base/"), &[]), "http://[::1]:4318/base/v1/metrics");
        assert_eq!(to(None, &[(all, "http://h:4318/base")]), "http://h:4318/base/v1/metrics");
        assert_eq!(
            to(None, &[(own, "http://h:4318/as/it/is"), (all, "http://x:1")]),
            "http://h:4318/as/it/is"
        );
        assert_eq!(to(Some("grpc://h"), &[(all, "http://x:1")]), "grpc://h:4317");
        let grpc = ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
        assert_eq!(to(None, &[(all, "http://h:4317"), grpc]), "grpc://h:4317");
        let http = ("OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "http/protobuf");
        assert_eq!(to(None, &[(all, "http://h:4317"), grpc, http]), "http://h:4317/v1/metrics");
        assert_eq!(to(None, &[("OTEL_METRICS_EXPORTER", "otlp")]), "http://localhost:4318/v1/metrics");
    }

    const CERTIFICATE: &str = "OTEL_EXPORTER_OTLP_CERTIFICATE";
    const CLIENT_KEY: &str = "OTEL_EXPORTER_OTLP_METRICS_CLIENT_KEY";

    #[test]
    fn a_url_says_whether_tls_is_spoken() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("ca.pem").display().to_string();
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = rcgen::CertificateParams::default().self_signed(&key).unwrap();
        std::fs::write(&path, certificate.pem()).unwrap();
        let ca = (CERTIFICATE, path.as_str());
        assert_eq!(to(Some("https://h"), &[ca]), "https://h:443/v1/metrics");
        assert_eq!(to(Some("grpcs://h"), &[ca]), "grpcs://h:4317");
        assert_eq!(
            to(Some("https://h:4317"), &[ca, ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]),
            "grpcs://h:4317"
        );
        // What is spoken without TLS needs no certificate, whatever the variables say.
        assert_eq!(to(Some("http://h"), &[(CERTIFICATE, "/nowhere")]), "http://h:80/v1/metrics");
        let variable = |name: &str| (name == CERTIFICATE).then(|| path.clone());
        for to in ["https://h:443/as/it/is", "grpcs://[::1]:4317", "http://h:80/v1/metrics", "grpc://h:4317"]
        {
            assert_eq!(
                OtlpSettings::at(to, &variable).unwrap().to_string(),
                to,
                "the spool sends where it was to go"
            );
        }
    }

    #[test]
    fn what_the_spool_does_not_say_is_asked_for() {
        let mistake = |to: &str| OtlpSettings::at(to, &|_| None).unwrap_err();
        assert!(mistake("").problem.contains("cannot be read any more"));
        let shown = to(Some("http://h:1/api_key=hush/x"), &[]);
        assert!(mistake(&shown).problem.contains("may be secret"), "{shown}");
        assert_eq!(mistake(&shown).fix, "say it with --otlp URL");
    }

    #[test]
    fn a_file_without_a_usable_certificate_is_named_by_its_own_variable() {
        let place = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| {
            let path = place.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.display().to_string()
        };
        let useless = file("ca.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
        let key = rcgen::KeyPair::generate().unwrap();
        let certificate = rcgen::CertificateParams::default().self_signed(&key).unwrap();
        let (chain, key) = (file("own.pem", &certificate.pem()), file("own.key", &key.serialize_pem()));
        let own = [("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", chain.as_str()), (CLIENT_KEY, key.as_str())];
        let mistake = read(Some("https://h"), &[&[(CERTIFICATE, useless.as_str())][..], &own].concat());
        let mistake = mistake.unwrap_err();
        assert_eq!(mistake.place, CERTIFICATE);
        assert_eq!(mistake.problem, format!("{useless} has no certificate that can be used"));
    }

    #[test]
    fn the_exporters_that_are_asked_for_may_be_several_and_others_than_this_one() {
        let to = |variables: &[(&str, &str)]| read(None, variables).unwrap().map(|to| to.to_string());
        let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://h:1");
        for others in ["prometheus", "console", "console, prometheus", "NONE"] {
            assert_eq!(to(&[endpoint, ("OTEL_METRICS_EXPORTER", others)]), None, "{others}");
        }
        let several = ("OTEL_METRICS_EXPORTER", "console, OTLP");
        assert_eq!(to(&[endpoint, several]).as_deref(), Some("http://h:1/v1/metrics"));
        assert_eq!(to(&[several]).as_deref(), Some("http://localhost:4318/v1/metrics"));
        let grpc = ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
        assert_eq!(to(&[several, grpc]).as_deref(), Some("grpc://localhost:4317"));
    }

    #[test]
    fn who_says_where_to_is_kept_and_secrets_of_the_path_are_not_shown() {
        let place = |flag, variables: &[_]| read(flag, variables).unwrap().unwrap().place;
        let (all, own) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT");
        assert_eq!(place(Some("http://h"), &[(all, "http://h")]), "--otlp");
        assert_eq!(place(None, &[(all, "http://h")]), all);
        assert_eq!(place(None, &[(all, "http://h"), (own, "http://h")]), own);
        assert_eq!(place(None, &[("OTEL_METRICS_EXPORTER", "otlp")]), "OTEL_METRICS_EXPORTER");
        let shown = to(Some("http://h:1/api_key=hush/x"), &[]);
        assert!(!shown.contains("hush"), "{shown}");
    }

    #[test]
    fn variables_keep_the_meaning_that_is_specified() {
        let settings = read(
            Some("http://h:1"),
            &[
                ("OTEL_EXPORTER_OTLP_HEADERS", "Authorization=Bearer%20abc, x-scope = 7"),
                ("OTEL_EXPORTER_OTLP_COMPRESSION", "none"),
                ("OTEL_EXPORTER_OTLP_TIMEOUT", "1500"),
                ("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "Delta"),
                ("OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION", "explicit_bucket_histogram"),
                ("OTEL_METRIC_EXPORT_INTERVAL", "5000"),
                ("OTEL_RESOURCE_ATTRIBUTES", "service.name=a,team=load%2Ctest"),
            ],
        );
        let settings = settings.unwrap().unwrap();
        let headers: Vec<_> =
            settings.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        assert_eq!(headers, [("authorization", "Bearer abc"), ("x-scope", "7")]);
        assert_eq!((settings.is_gzip, settings.timeout), (false, Duration::from_millis(1_500)));
        assert_eq!(
            (settings.temporality, settings.histograms),
            (Temporality::Delta, HistogramForm::Explicit)
        );
        assert_eq!((settings.every, settings.service_name.as_str()), (Some(Duration::from_secs(5)), "a"));
        assert_eq!(settings.resource, [("team".to_owned(), "load,test".to_owned())]);
        assert!(!format!("{settings:?}{settings}").contains("abc"), "secrets are shown nowhere");
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place_and_without_its_value() {
        const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";
        let url = Some("http://h:1");
        for (flag, variable, place, problem) in [
            (Some("h:4318"), ("", ""), "--otlp", "neither http nor grpc"),
            (Some("ftp://h"), ("", ""), "--otlp", "neither http nor grpc"),
            (Some("https://h"), (CERTIFICATE, "/nowhere"), CERTIFICATE, "/nowhere cannot be read"),
            (Some("grpcs://h"), (CERTIFICATE, "Cargo.toml"), CERTIFICATE, "no certificate in PEM"),
            (Some("https://h"), (CLIENT_KEY, "/nowhere"), CLIENT_KEY, "needs its certificate"),
            (Some("http://secret:secret@h:1"), ("", ""), "--otlp", "name or password"),
            (Some("http://h:43180000"), ("", ""), "--otlp", "the port is no number"),
            (Some("http://h:43l8/base"), ("", ""), "--otlp", "the port is no number"),
            (Some("http://[::1]:99999"), ("", ""), "--otlp", "the port is no number"),
            (Some("grpc://h:"), ("", ""), "--otlp", "the port is no number"),
            (Some("http://h:0"), ("", ""), "--otlp", "the port is no number"),
            (None, (ENDPOINT, "ftp://h"), ENDPOINT, "neither http nor grpc"),
            (Some("http://h:1/?key=secret"), ("", ""), "--otlp", "a query"),
            (url, ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"), "OTEL_EXPORTER_OTLP_PROTOCOL", "`http/json`"),
            (url, ("OTEL_EXPORTER_OTLP_HEADERS", "secret"), "OTEL_EXPORTER_OTLP_HEADERS", "no `=`"),
            (url, ("OTEL_EXPORTER_OTLP_HEADERS", "a=secret%0A"), "OTEL_EXPORTER_OTLP_HEADERS", "field 1"),
            (url, ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s"), "OTEL_EXPORTER_OTLP_TIMEOUT", "milliseconds"),
            (url, ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd"), "OTEL_EXPORTER_OTLP_COMPRESSION", "`zstd`"),
        ] {
            let mistake = read(flag, &[variable]).unwrap_err();
            assert_eq!(mistake.place, place, "{mistake}");
            assert!(mistake.problem.contains(problem), "{mistake}");
            assert!(!mistake.to_string().contains("secret"), "{mistake}");
        }
    }
}
